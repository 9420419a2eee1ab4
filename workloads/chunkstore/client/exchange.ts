/** One request to one controller: time limits, and every answer checked against the contract. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { Agent, request } from "undici";
import type { z } from "zod";
import { healthSchema, refusalSchema } from "../contract/clientApi";
import { AttemptFailed, ChunkStoreError, interrupted, networkReason } from "./errors";

/** Milliseconds. */
export interface Timeouts {
  /** For a connection. @default 2000 */
  readonly connectMs: number;
  /** From a request to its answer's head, where the answer needs no content of files. @default 10000: a login may wait in a queue of password hashes */
  readonly answerMs: number;
  /** Without a byte, in either direction. @default 15000 */
  readonly stallMs: number;
  /** From an upload's last byte to its confirmation: a spare chunkserver may have to fetch what a failed one had. @default 60000 */
  readonly commitMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 2_000, answerMs: 10_000, stallMs: 15_000, commitMs: 60_000 };

/** Most bytes of a JSON answer: a listing of some 200,000 files. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;
const MAX_REASON_LENGTH = 200;

export interface ExchangeRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** From the root, with its query, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON or the pieces of a file. */
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** The limit of time until the answer's head. The caller moves it while it sends. */
  readonly watchdog?: Watchdog;
}

/** An answer of status 2xx whose body is still to be read. */
export interface Answer {
  readonly endpoint: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Pieces as they arrive; time counts only while one is waited for.
   * @throws AttemptFailed when the connection breaks or stalls
   */
  pieces(): AsyncGenerator<Buffer, void, undefined>;
  /** Ends the connection if the body wasn't read to its end. */
  discard(): void;
}

/** A limit of time that can be set anew; its signal aborts with the reason. */
export class Watchdog {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The clause for the error, once the time is over. */
  get reason(): string | undefined {
    return this.controller.signal.aborted ? String((this.controller.signal.reason as Error).message) : undefined;
  }

  arm(ms: number, reason: string): void {
    this.disarm();
    if (this.stopped) return;
    this.timer = setTimeout(() => this.controller.abort(new Error(reason)), ms);
  }

  disarm(): void {
    clearTimeout(this.timer);
  }

  /** For good: a body that is still being read when its request has failed must not set it again, and keep the process. */
  stop(): void {
    this.stopped = true;
    this.disarm();
  }
}

/** Connections to the controllers of one cluster. */
export class Exchange {
  readonly timeouts: Timeouts;
  private readonly agent: Agent;

  constructor(timeouts: Partial<Timeouts> = {}) {
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...timeouts };
    // Time limits are the watchdog's: undici's own are accurate to a second only, and know no difference between sending and waiting.
    this.agent = new Agent({ connect: { timeout: this.timeouts.connectMs }, headersTimeout: 0, bodyTimeout: 0, pipelining: 1 });
  }

  /**
   * Sends a request and waits for the head of its answer.
   * @throws AttemptFailed for a connection that failed or stalled, a status of 5xx, an answer that is none
   * @throws ChunkStoreError for any other refusal, and when the signal aborts
   */
  async open(endpoint: string, { method, path, headers, body, signal, watchdog = this.answerWatchdog() }: ExchangeRequest): Promise<Answer> {
    if (signal?.aborted === true) throw interrupted(signal.reason);
    const stop = signal === undefined ? watchdog.signal : AbortSignal.any([signal, watchdog.signal]);
    try {
      const answer = await request(`${endpoint}${path}`, { method, dispatcher: this.agent, signal: stop, ...(headers && { headers }), ...(body !== undefined && { body: body as string }) });
      // Errors of a body that nobody reads any more are of no interest.
      answer.body.on("error", () => undefined);
      const { statusCode: status, headers: answered } = answer;
      const reading: Reading = { endpoint, body: answer.body, signal, watchdog, stallMs: this.timeouts.stallMs };
      if (status < 200 || status > 299) throw await refusal(reading, status, answered["retry-after"]);
      watchdog.disarm();
      return { endpoint, status, headers: answered, pieces: () => piecesOf(reading), discard: () => end(reading) };
    } catch (error) {
      watchdog.stop();
      throw this.failure(error, endpoint, signal, watchdog);
    }
  }

  /** Sends a request and reads its JSON answer. @throws as {@link open}, and AttemptFailed for an answer that doesn't fit the schema */
  async json<T>(endpoint: string, message: ExchangeRequest, schema: z.ZodType<T>): Promise<T> {
    return parseJson(endpoint, await this.open(endpoint, message), schema);
  }

  /** The limit for answers that need no content of files. */
  answerWatchdog(ms: number = this.timeouts.answerMs): Watchdog {
    const watchdog = new Watchdog();
    watchdog.arm(ms, `no answer within ${seconds(ms)}`);
    return watchdog;
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private failure(error: unknown, endpoint: string, signal: AbortSignal | undefined, watchdog: Watchdog): unknown {
    if (signal?.aborted === true) return interrupted(signal.reason);
    if (error instanceof ChunkStoreError || error instanceof AttemptFailed) return error;
    return new AttemptFailed(endpoint, watchdog.reason ?? networkReason(error));
  }
}

/** `15 s`. */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}

interface Reading { readonly endpoint: string; readonly body: Readable; readonly signal: AbortSignal | undefined; readonly watchdog: Watchdog; readonly stallMs: number }

async function* piecesOf({ endpoint, body, signal, watchdog, stallMs }: Reading): AsyncGenerator<Buffer, void, undefined> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      watchdog.arm(stallMs, `stalled: not a byte for ${seconds(stallMs)}`);
      const next = await pieces.next();
      watchdog.disarm();
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    if (signal?.aborted === true) throw interrupted(signal.reason);
    throw new AttemptFailed(endpoint, watchdog.reason ?? networkReason(error));
  } finally {
    end({ body, watchdog });
  }
}

function end({ body, watchdog }: Pick<Reading, "body" | "watchdog">): void {
  watchdog.stop();
  body.destroy();
}

async function textOf(endpoint: string, pieces: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > limit) throw new AttemptFailed(endpoint, `the answer is longer than ${limit} bytes`);
    parts.push(piece);
  }
  return Buffer.concat(parts).toString();
}

/** Reads an answer as JSON of a form. @throws AttemptFailed */
export async function parseJson<T>(endpoint: string, answer: Pick<Answer, "pieces">, schema: z.ZodType<T>): Promise<T> {
  const value = jsonOf(await textOf(endpoint, answer.pieces(), MAX_JSON_BYTES));
  if (value === undefined) throw new AttemptFailed(endpoint, "the answer is not JSON; is this a controller?");
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AttemptFailed(endpoint, `the answer is not what a controller says: ${issue?.path.join(".") || "it"}: ${issue?.message ?? "unexpected"}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // told by the caller, who knows whose answer it is
  }
}

async function refusal(reading: Reading, status: number, retryAfter: string | string[] | undefined): Promise<Error> {
  const { endpoint } = reading;
  const body = jsonOf(await textOf(endpoint, piecesOf(reading), MAX_REFUSAL_BYTES));
  const parsed = refusalSchema.safeParse(body);
  const health = healthSchema.safeParse(body);
  if (health.success) return new AttemptFailed(endpoint, `the controller is ${health.data.status}`);
  if (!parsed.success) return new AttemptFailed(endpoint, `answered with status ${status}, and not as a controller does`);
  const { code, message, fix } = parsed.data.error;
  const wait = typeof retryAfter === "string" && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const said = message.slice(0, MAX_REASON_LENGTH);
  const error = new ChunkStoreError(code, said, { status, ...(fix !== undefined && { fix }), ...(wait !== undefined && { retryAfterSeconds: wait }) });
  return status >= 500 ? new AttemptFailed(endpoint, `${said} [${code}]`, error) : error;
}
