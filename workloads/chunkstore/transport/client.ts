/** Requests to other nodes: one pool of connections over the cluster's TLS. */
import { once } from "node:events";
import { Socket } from "node:net";
import { Agent, buildConnector, errors, request } from "undici";
import { z, type ZodType } from "zod";
import { NODE_HEADER } from "../contract/nodeApi";
import type { NodeClient } from "../contract/ports";
import { NodeError } from "./errors";
import type { NodeTls } from "./tls";

/** Largest JSON of a request or an answer, in bytes: one record of as many chunks as a file may have is 6.3 MB. */
export const MAX_JSON_BYTES = 16 * 1024 * 1024;

const DEFAULT_TIMEOUT_MS = 2_000;
/** A neighbour answers in milliseconds or is not there. */
const CONNECT_TIMEOUT_MS = 1_000;
/** One that is there may be busy: a handshake takes some milliseconds of a core, and many may come at once. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Silence of a peer in the middle of an exchange, such as behind a partition; ends what sets no limit of its own. */
const SILENCE_MS = 15_000;
/** Shorter than the server's, so that this side closes first and no request meets a closing connection. */
const KEEP_ALIVE_MS = 20_000;
/** A connection that is idle for so long is probed every second, and given up after ten: the network may have gone away beneath it. */
const PROBE_AFTER_MS = 1_000;
/** Connections to one node for chunks, and for messages. More requests wait, and their time-outs count while they do. */
const CHUNK_CONNECTIONS = 16;
const MESSAGE_CONNECTIONS = 8;

export interface NodeClientOptions {
  readonly tls: NodeTls;
  /** This node's ID, sent with every request. */
  readonly nodeId: string;
}

/** Opens a pool; nothing connects before the first request. Messages have connections of their own: a heartbeat must not wait for chunks. */
export function createNodeClient({ tls, nodeId }: NodeClientOptions): NodeClient {
  const sockets = new Sockets();
  const [chunks, messages] = [createPool(tls, nodeId, CHUNK_CONNECTIONS, sockets), createPool(tls, nodeId, MESSAGE_CONNECTIONS, sockets)];
  return {
    dispatcher: chunks,
    json: (asked, schema) => exchangeJson(messages, asked, schema),
    disconnect: ({ address, port }) => sockets.destroy(address, port),
    close: async () => { await Promise.all([chunks.destroy(), messages.destroy()]); },
  };
}

/** Open connections by the node that they lead to. */
class Sockets {
  readonly #open = new Map<string, Set<Socket>>();

  add(address: string, port: number | string, socket: Socket): void {
    const key = `${address} ${port}`;
    const open = this.#open.get(key) ?? new Set();
    this.#open.set(key, open.add(socket));
    socket.once("close", () => {
      open.delete(socket);
      if (open.size === 0 && this.#open.get(key) === open) this.#open.delete(key);
    });
  }

  destroy(address: string, port: number): void {
    for (const socket of this.#open.get(`${hostOf(address)} ${port}`) ?? []) socket.destroy(new errors.SocketError("the node is taken for lost"));
  }
}

function createPool(tls: NodeTls, nodeId: string, connections: number, sockets: Sockets): Agent {
  const agent = new Agent({
    connect: connector(tls, sockets), connections, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS,
  });
  return agent.compose((dispatch) => (options, handler) => dispatch({ ...options, headers: withNode(options.headers, nodeId) }, handler)) as Agent;
}

/** Opens connections: TCP and TLS have a limit each. */
function connector(tls: NodeTls, sockets: Sockets): buildConnector.connector {
  // No session is kept: every connection proves the key anew.
  const connect = buildConnector({ ...tls.client, timeout: HANDSHAKE_TIMEOUT_MS, maxCachedSessions: 0, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS }) as (...args: Parameters<buildConnector.connector>) => unknown;
  return (options, callback) => {
    const socket = connect(options, callback);
    if (!(socket instanceof Socket)) return;
    sockets.add(options.hostname, options.port, socket);
    const timer = setTimeout(() => socket.destroy(new errors.ConnectTimeoutError(`no connection within ${CONNECT_TIMEOUT_MS} ms`)), CONNECT_TIMEOUT_MS);
    const done = (): void => clearTimeout(timer);
    socket.once("connect", done).once("close", done);
  };
}

/** A request that is aborted while it waits for a connection is told so by undici only when the connection comes or fails; this tells at once. */
export async function unlessAborted<T>(request: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const abort = signal.aborted ? Promise.resolve() : once(signal, "abort", { signal: over.signal });
  try {
    return await Promise.race([request, abort.then(() => Promise.reject(signal.reason as Error))]);
  } finally {
    over.abort();
  }
}

type Headers = Parameters<Agent["dispatch"]>[0]["headers"];

function withNode(headers: Headers, nodeId: string): Headers {
  if (Array.isArray(headers)) return [...headers, NODE_HEADER, nodeId];
  const entries = headers === undefined || headers === null ? [] : Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries([...entries, [NODE_HEADER, nodeId]]) as Headers;
}

type JsonRequest = Parameters<NodeClient["json"]>[0];

async function exchangeJson<T>(dispatcher: Agent, asked: JsonRequest, schema: ZodType<T>): Promise<T> {
  const { address, port, timeoutMs = DEFAULT_TIMEOUT_MS } = asked;
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), timeoutMs);
  const signal = asked.signal === undefined ? timer.signal : AbortSignal.any([timer.signal, asked.signal]);
  try {
    const { statusCode, text } = await exchange(dispatcher, asked, signal, timeoutMs);
    if (statusCode < 200 || statusCode > 299) throw refused(asked, statusCode, text);
    return checked(asked, text, schema);
  } catch (error) {
    asked.signal?.throwIfAborted();
    if (error instanceof NodeError) throw error;
    if (timer.signal.aborted) throw new NodeError("timeout", `no answer within ${timeoutMs} ms`, { address, port, cause: error });
    throw broken(asked, error);
  } finally {
    clearTimeout(timeout);
  }
}

async function exchange(dispatcher: Agent, { method, address, port, path, body }: JsonRequest, signal: AbortSignal, timeoutMs: number): Promise<{ statusCode: number; text: string }> {
  const answer = await unlessAborted(request(`https://${hostOf(address)}:${port}${path}`, {
    // The signal ends it; the pool's own limits must not end sooner what is allowed to take long.
    dispatcher, method, signal, headersTimeout: timeoutMs + 1_000, bodyTimeout: timeoutMs + 1_000, ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  }), signal);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_JSON_BYTES) throw new NodeError("nonsense", `answered with more than ${MAX_JSON_BYTES} bytes`, { address, port, status: answer.statusCode });
    parts.push(part);
  }
  return { statusCode: answer.statusCode, text: Buffer.concat(parts, size).toString("utf8") };
}

function checked<T>({ address, port, path }: JsonRequest, text: string, schema: ZodType<T>): T {
  let value: unknown;
  try {
    value = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new NodeError("nonsense", `answered ${path.split("?")[0]} with what is no JSON`, { address, port }); // the parser's own message quotes the body
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new NodeError("nonsense", `answered ${path.split("?")[0]} with another form of JSON: ${faults.join("; ")}`, { address, port });
}

const refusalSchema = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(500) }) });

function refused({ address, port, method, path }: JsonRequest, status: number, text: string): NodeError {
  const refusal = refusalSchema.safeParse(jsonOrUndefined(text));
  const what = refusal.success ? `${refusal.data.error.code}, ${refusal.data.error.message}` : "no reason given";
  return new NodeError("refused", `answered ${status} to ${method} ${path.split("?")[0]}: ${what}`, { address, port, status, ...(refusal.success && { refusal: refusal.data.error.code }) });
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // an answer without a reason that can be read is told as such
  }
}

function broken({ address, port }: JsonRequest, error: unknown): NodeError {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) {
    return new NodeError("handshake", "TLS handshake failed; expected a node that holds this cluster's key", { address, port, cause: error });
  }
  if (error instanceof errors.ConnectTimeoutError) return new NodeError("timeout", "no connection in time", { address, port, cause: error });
  return new NodeError("unreachable", `can't be reached (${code || (error instanceof Error ? error.name : "unknown")})`, { address, port, cause: error });
}

/** An address as a URL's host: IPv6 goes in brackets. */
export function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
