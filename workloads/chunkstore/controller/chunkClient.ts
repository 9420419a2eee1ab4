/** Requests to chunkservers over the cluster's connections: `ChunkserverApi` for real. */
import { createHash } from "node:crypto";
import { errors, request, type Dispatcher } from "undici";
import { z, type ZodType } from "zod";
import {
  CHUNK_SHA256_HEADER, inventoryPageSchema, manifestPageSchema, manifestPushReplySchema, orphanReplySchema, replicateReplySchema, type Cursor,
} from "../contract/nodeApi";
import type { NodeClient } from "../contract/ports";
import { WorkQueue } from "../node";
import { hostOf, unlessAborted } from "../transport";
import { ChunkserverFailure, type ChunkRef, type ChunkserverApi, type FailureKind, type NodeAddress } from "./ports";

/** A chunk travels in slices: one large write would be encrypted as a whole first, and so be in memory once more for each chunkserver. */
const SLICE_BYTES = 128 * 1024;
/** A chunk's exchange on which nothing moves for so long is given up; the fsync is part of it. Uploads stop waiting for stragglers long before. */
const STANDSTILL_MS = 15_000;
/**
 * Chunks on their way to one chunkserver, and from it. Few of them get it as busy as many do, each of them is quicker, and every
 * connection more costs both sides a handshake.
 */
const CHUNKS_AT_ONCE = 4;
const SHORT_TIMEOUT_MS = 3_000;
/** Pages and manifests, which are up to some MiB. */
const PAGE_TIMEOUT_MS = 15_000;
/** A connection that was kept open may have been closed by the other side just now, and a busy node may be slow to take a new one. */
const ATTEMPTS = 2;

const KINDS: Readonly<Record<number, FailureKind>> = { 404: "absent", 410: "corrupt", 422: "checksum", 507: "full" };
/** Causes after which the same request is sent once more, over another connection. */
const BROKEN = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_CONNECT_TIMEOUT"]);

export function chunkserverApi(client: NodeClient): ChunkserverApi {
  const [puts, gets] = [new Turns(), new Turns()];
  return {
    putChunk: (to, chunk, data, signal) => puts.of(to).run(() => putChunk(client, to, chunk, data, signal), signal),
    getChunk: (from, chunk, into, signal) => gets.of(from).run(() => getChunk(client, from, chunk, into, signal), signal),
    deleteUpload: (at, upload) => exchange(client, at, { method: "DELETE", path: `/v1/chunks/${upload}` }, async (body) => body.dump()),
    replicate: (to, upload, body, timeoutMs) => json(client, to, "POST", `/v1/chunks/${upload}/replicate`, body, replicateReplySchema, timeoutMs),
    pushManifests: (to, records, signal) => json(client, to, "PUT", "/v1/manifests", { records }, manifestPushReplySchema, PAGE_TIMEOUT_MS, signal),
    manifests: (from, after) => json(client, from, "GET", `/v1/manifests${query(after)}`, undefined, manifestPageSchema, PAGE_TIMEOUT_MS),
    inventory: (from, after) => json(client, from, "GET", `/v1/inventory${query(after)}`, undefined, inventoryPageSchema, PAGE_TIMEOUT_MS),
    removeOrphans: async (at, uploads, idleSeconds) =>
      (await json(client, at, "POST", "/v1/orphans/remove", { uploads, idleSeconds }, orphanReplySchema, PAGE_TIMEOUT_MS)).removed,
  };
}

/** One queue a chunkserver. */
class Turns {
  readonly #queues = new Map<string, WorkQueue>();

  of({ address, port }: NodeAddress): WorkQueue {
    const key = `${address} ${port}`;
    const queue = this.#queues.get(key) ?? new WorkQueue(CHUNKS_AT_ONCE);
    this.#queues.set(key, queue);
    return queue;
  }
}

async function putChunk(client: NodeClient, to: NodeAddress, chunk: ChunkRef, data: Buffer, signal: AbortSignal): Promise<void> {
  await exchange(client, to, {
    method: "PUT", path: pathOf(chunk), signal, timeoutMs: STANDSTILL_MS, body: (moved) => slices(data, moved),
    headers: { "content-type": "application/octet-stream", "content-length": String(data.length), [CHUNK_SHA256_HEADER]: chunk.sha256 },
  }, async (body) => body.dump());
}

async function getChunk(client: NodeClient, from: NodeAddress, chunk: ChunkRef, into: Buffer, signal: AbortSignal): Promise<void> {
  await exchange(client, from, { method: "GET", path: pathOf(chunk), signal, timeoutMs: STANDSTILL_MS }, async (body, moved) => {
    let filled = 0;
    for await (const piece of body as AsyncIterable<Buffer>) {
      if (filled + piece.length > chunk.size) throw new ChunkserverFailure(from.id, "checksum", `chunkserver ${from.id} sent more than the chunk's ${chunk.size} bytes`);
      filled += piece.copy(into, filled);
      moved();
    }
    const good = filled === chunk.size && createHash("sha256").update(into).digest("hex") === chunk.sha256;
    if (!good) throw new ChunkserverFailure(from.id, "checksum", `chunkserver ${from.id} sent a chunk that doesn't match its checksum`);
  });
}

interface Exchange {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** Made anew for each attempt; to call `moved` as it is sent. */
  readonly body?: (moved: () => void) => AsyncIterable<Buffer>;
  readonly signal?: AbortSignal;
  /** Longest time in which nothing moves. */
  readonly timeoutMs?: number;
}

type Read<T> = (body: Dispatcher.ResponseData["body"], moved: () => void) => Promise<T>;

/** One request whose answer is 2xx, read by `read`. @throws {ChunkserverFailure} */
async function exchange<T>(client: NodeClient, node: NodeAddress, options: Exchange, read: Read<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(client, node, options, read);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof ChunkserverFailure) throw error;
      if (attempt < ATTEMPTS && BROKEN.has(codeOf(error))) continue;
      throw new ChunkserverFailure(node.id, "unreachable", `chunkserver ${node.id} at ${node.address} can't be reached: ${reasonOf(error)}`, { cause: error });
    }
  }
}

async function attemptOnce<T>(client: NodeClient, node: NodeAddress, options: Exchange, read: Read<T>): Promise<T> {
  const limit = new AbortController();
  const timeoutMs = options.timeoutMs ?? SHORT_TIMEOUT_MS;
  const timer = setTimeout(() => limit.abort(new TimedOut(timeoutMs)), timeoutMs);
  const moved = (): void => void timer.refresh();
  const aborted = (): void => limit.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", aborted, { once: true });
  if (options.signal?.aborted === true) aborted();
  try {
    const { statusCode, body } = await unlessAborted(request(`https://${hostOf(node.address)}:${node.port}${options.path}`, {
      dispatcher: client.dispatcher, method: options.method, signal: limit.signal, headersTimeout: 0, bodyTimeout: 0,
      ...(options.headers && { headers: options.headers }), ...(options.body && { body: options.body(moved) as never }),
    }), limit.signal);
    if (statusCode >= 200 && statusCode < 300) return await read(body, moved);
    const text = await body.text();
    throw new ChunkserverFailure(node.id, KINDS[statusCode] ?? "refused", `chunkserver ${node.id} answered ${statusCode} to ${options.method}: ${messageIn(text)}`);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", aborted);
  }
}

class TimedOut extends Error {
  constructor(ms: number) {
    super(`nothing moved for ${ms / 1000} s`);
    this.name = "TimedOut";
  }
}

async function json<T>(client: NodeClient, { id, address, port }: NodeAddress, method: "GET" | "POST" | "PUT", path: string, body: unknown, schema: ZodType<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  try {
    return await client.json({ method, address, port, path, timeoutMs, ...(body !== undefined && { body }), ...(signal && { signal }) }, schema);
  } catch (error) {
    signal?.throwIfAborted();
    const status = error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : undefined;
    throw new ChunkserverFailure(id, status === undefined ? "unreachable" : (KINDS[status] ?? "refused"), `chunkserver ${id}: ${reasonOf(error)}`, { cause: error });
  }
}

async function* slices(data: Buffer, moved: () => void): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += SLICE_BYTES) {
    moved();
    yield data.subarray(at, at + SLICE_BYTES);
  }
}

function pathOf({ upload, index }: ChunkRef): string {
  return `/v1/chunks/${upload}/${index}`;
}

function query(after: Cursor | undefined): string {
  return after === undefined ? "" : `?${new URLSearchParams({ epoch: after.epoch, after: String(after.seq) }).toString()}`;
}

const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

function messageIn(text: string): string {
  try {
    return refusalSchema.parse(JSON.parse(text)).error.message;
  } catch {
    return text.slice(0, 200); // no JSON, or another form of it: shown as it is
  }
}

function codeOf(error: unknown): string {
  if (error instanceof errors.UndiciError) return error.code;
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses may have been tried: an AggregateError has no message of its own.
  return error.message || codeOf(error) || error.name;
}
