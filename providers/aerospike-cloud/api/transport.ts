/** One HTTP request to the service: authorized, checked, repeated where that is safe. */
import pRetry, { AbortError } from "p-retry";
import { Agent, request, type Dispatcher } from "undici";
import type { z } from "zod";
import { ApiError, refusal } from "./errors";
import { tokenSchema, type Scope } from "./schemas";
import { later } from "./shared";
import { requireCredentials, TokenCache, type Token } from "./token";

export interface Settings {
  /** Without a slash at its end, for example `https://api.aerospike.com/v1`. */
  readonly apiUrl: string;
  readonly tokenUrl: string;
  readonly keyId?: string;
  readonly secret?: string;
  /** How a request is repeated. @default 6 times, from 0.5 to 20 s */
  readonly retry?: { readonly retries: number; readonly minTimeout: number; readonly maxTimeout: number };
  /** How long the answer to a POST that was sent is waited for after a cancellation. @default 5 s */
  readonly graceMs?: number;
}

export interface Call<T> {
  /** For messages: `create cluster "a"`. */
  readonly what: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the API's URL, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Schema of the expected answer; undefined: the answer has no body. */
  readonly schema?: z.ZodType<T>;
  readonly scope: Scope;
  /** Ends requests and pauses at once. A POST that was sent has some seconds more, so that the ID in its answer is not lost. */
  readonly signal?: AbortSignal;
  /** Ends the call, its repetitions included, after so long. @default when the repetitions are used up */
  readonly patienceMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
const GRACE_MS = 5_000;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const RETRY = { retries: 6, minTimeout: 500, maxTimeout: 20_000 };
/** A service that asks for more patience than this gets an error instead of a process that seems to hang. */
const MAX_RETRY_AFTER_MS = 120_000;

export class Transport {
  readonly #tokens: TokenCache;
  readonly #agent = new Agent({ connect: { timeout: 10_000 }, keepAliveTimeout: 10_000, maxResponseSize: MAX_BODY_BYTES });

  constructor(private readonly settings: Settings) {
    this.#tokens = new TokenCache((signal) => this.#fetchToken(signal), () => performance.now());
  }

  /** @throws {ApiError}, or the signal's reason */
  async call<T>(call: Call<T>): Promise<T> {
    const { patienceMs, signal } = call;
    if (patienceMs === undefined) return this.#retried(call);
    const patience = AbortSignal.timeout(patienceMs);
    let last: ApiError | undefined;
    try {
      return await this.#retried({ ...call, signal: signal === undefined ? patience : AbortSignal.any([signal, patience]) }, (error) => void (last = error));
    } catch (error) {
      if (!patience.aborted || signal?.aborted === true || error instanceof ApiError) throw error;
      throw last ?? new ApiError("network", `${call.what}: no answer from ${new URL(this.settings.apiUrl).host}; got nothing in ${patienceMs / 1000} s; check the network, apiUrl and tokenUrl`, { cause: error });
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #retried<T>(call: Call<T>, onFailure?: (error: ApiError) => void): Promise<T> {
    const { signal } = call;
    // A request that may have worked is not sent again: the caller looks first.
    const repeatable = call.method !== "POST";
    return pRetry(async () => {
      try {
        return await this.#once(call);
      } catch (error) {
        if (error instanceof ApiError) onFailure?.(error);
        if (!(error instanceof ApiError) || !isPassing(error, repeatable)) throw new AbortError(asError(error));
        if (signal?.aborted === true) throw new AbortError(asError(signal.reason));
        throw error;
      }
    }, {
      // Not with the signal, which would throw away an answer that came in spite of it; nor with its pauses, which only the signal ends.
      retries: (this.settings.retry ?? RETRY).retries, minTimeout: 0,
      onFailedAttempt: async ({ error, retriesConsumed, retriesLeft }) => {
        if (retriesLeft === 0) return;
        const asked = error instanceof ApiError ? (error.details.retryAfterMs ?? 0) : 0;
        await pause(asked + this.#backoffMs(retriesConsumed), signal);
      },
    });
  }

  /** Doubles from time to time; the jitter keeps those who failed together from coming back together. */
  #backoffMs(retriesConsumed: number): number {
    const { minTimeout, maxTimeout } = this.settings.retry ?? RETRY;
    return Math.min(minTimeout * 2 ** retriesConsumed * (1 + Math.random()), maxTimeout);
  }

  async #once<T>(call: Call<T>): Promise<T> {
    const token = await this.#tokens.get(call.signal);
    const first = await this.#send(call, token);
    if (first.status !== 401) return this.#accept(call, first);
    // Expired or withdrawn before its time: once more with a new one.
    this.#tokens.reject(token);
    return this.#accept(call, await this.#send(call, await this.#tokens.get(call.signal)));
  }

  async #send<T>(call: Call<T>, token: string): Promise<RawReply> {
    const { signal } = call;
    signal?.throwIfAborted();
    const headers = {
      authorization: `Bearer ${token}`, accept: "application/json, application/problem+json",
      ...(call.body !== undefined && { "content-type": call.contentType ?? "application/json" }),
    };
    const ends = signal && (call.method === "POST" ? later(signal, this.settings.graceMs ?? GRACE_MS) : signal);
    try {
      return await this.#http(call.what, `${this.settings.apiUrl}${call.path}`, {
        method: call.method, headers, ...(call.body !== undefined && { body: JSON.stringify(call.body) }), ...(ends && { signal: ends }),
      }, [token]);
    } catch (error) {
      if (call.method !== "POST" || ends?.aborted !== true || error instanceof ApiError) throw error;
      throw new ApiError("network", `${call.what}: cancelled before the service answered`, { cause: error, mayHaveWorked: true });
    }
  }

  #accept<T>(call: Call<T>, reply: RawReply): T {
    if (reply.status < 200 || reply.status > 299) throw refusal({ ...reply, what: call.what, scope: call.scope, now: Date.now() });
    if (call.schema === undefined) return undefined as T;
    const parsed = call.schema.safeParse(parseJson(reply.body));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new ApiError("unexpected", `${call.what}: the service's answer is not of the form of its API; got ${issue?.path.join(".") || "the body"}: ${issue?.message ?? "nonsense"}; check apiUrl (${this.settings.apiUrl})`, { status: reply.status, mayHaveWorked: true });
  }

  /** Without a token nothing else was sent, so that whoever waits for one may try again. */
  async #fetchToken(signal: AbortSignal): Promise<Token> {
    try {
      return await this.#logIn(signal);
    } catch (error) {
      throw error instanceof ApiError ? new ApiError(error.kind, error.message, { ...error.details, mayHaveWorked: false }) : error;
    }
  }

  /** Credentials go to the token's address only, and never into a message. */
  async #logIn(signal: AbortSignal): Promise<Token> {
    const what = "log in to Aerospike Cloud";
    const { keyId, secret } = requireCredentials(this.settings);
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: keyId, client_secret: secret }).toString();
    const reply = await this.#http(what, this.settings.tokenUrl, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" }, body, signal }, [secret, encodeURIComponent(secret)]);
    if (reply.status < 200 || reply.status > 299) {
      // Auth servers answer a wrong key with 400, 401 or 403 and a text of their own.
      if ([400, 401, 403].includes(reply.status)) throw new ApiError("unauthorized", `${what}: the API key is refused (${reply.status}); check AEROSPIKE_CLOUD_KEY and AEROSPIKE_CLOUD_SECRET, or the provider's apiKeyId and apiKeySecret`, { status: reply.status });
      throw refusal({ ...reply, what, now: Date.now() });
    }
    const parsed = tokenSchema.safeParse(parseJson(reply.body));
    if (!parsed.success) throw new ApiError("unexpected", `${what}: no token in the answer; check tokenUrl (${this.settings.tokenUrl})`, { status: reply.status });
    return { value: parsed.data.access_token, expiresInSeconds: parsed.data.expires_in };
  }

  async #http(what: string, url: string, options: { method: Dispatcher.HttpMethod; headers: Record<string, string>; body?: string; signal?: AbortSignal }, secrets: readonly string[]): Promise<RawReply> {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    try {
      const { statusCode, headers, body } = await request(url, { ...options, signal, dispatcher: this.#agent });
      const text = await body.text();
      // A refusal is shown, and whoever refuses may repeat what it got.
      return { status: statusCode, headers, body: statusCode < 300 ? text : secrets.reduce((shown, secret) => shown.replaceAll(secret, "[secret]"), text) };
    } catch (cause) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      const reason = timeout.aborted ? `nothing in ${REQUEST_TIMEOUT_MS / 1000} s` : networkReason(cause);
      const { host } = new URL(url);
      if (neverLeft(cause)) throw new ApiError("network", `${what}: ${host} can't be reached; got ${reason}; check the network, apiUrl and tokenUrl`, { cause, mayHaveWorked: false });
      throw new ApiError("network", `${what}: no answer from ${host}; got ${reason}; check the network, and run the same command again`, { cause, mayHaveWorked: true });
    }
  }
}

interface RawReply { readonly status: number; readonly headers: Record<string, string | string[] | undefined>; readonly body: string }

/** Whether the same request may go better the next time. */
function isPassing(error: ApiError, repeatable: boolean): boolean {
  if ((error.details.retryAfterMs ?? 0) > MAX_RETRY_AFTER_MS) return false;
  if (error.kind === "throttled") return true;
  if (error.details.status === 501) return false;
  return (error.kind === "unavailable" || error.kind === "network") && (repeatable || error.details.mayHaveWorked === false);
}

/** Errors of a connection that never was: the request can't have worked. */
function neverLeft(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"].includes(code);
}

function networkReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // the schema says that it is not what was expected
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** Rejects with the signal's reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}
