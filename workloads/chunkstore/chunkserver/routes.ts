/** The chunkserver's inter-node API, as `contract/nodeApi.ts` describes it: requests are checked here, and nowhere behind. */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z, type ZodType } from "zod";
import {
  CHUNK_SHA256_HEADER, cursorSchema, manifestPushSchema, orphanRequestSchema, replicateRequestSchema, type Cursor, type ManifestPushReply,
} from "../contract/nodeApi";
import { CHUNK_BYTES } from "../contract/record";
import { callerOf, NodeRefusal, type Log, type NodeServer } from "../transport";
import type { ChunkDisk } from "./chunkDisk";
import { isSha256, isUpload, parseIndex } from "./layout";
import type { ManifestDisk } from "./manifestDisk";
import type { ChunkserverMetrics } from "./metrics";
import type { Replicator } from "./replicator";

export interface RouteParts {
  readonly disk: ChunkDisk;
  readonly manifests: ManifestDisk;
  readonly replicator: Replicator;
  readonly metrics: ChunkserverMetrics;
  readonly log: Log;
}

/** A chunk is sent in pieces: one write of 4 MiB would be encrypted as a whole, and so be in memory twice. */
const PIECE_BYTES = 256 * 1024;

/** Chunk requests on which nothing moves for so long are broken off, and what they hold is free again. */
const SILENCE_MS = 15_000;

type Params = Readonly<Record<string, string | undefined>>;

/** Adds all routes. */
export function addRoutes(app: NodeServer, parts: RouteParts): void {
  app.addHook("onRequest", async (_request, reply) => {
    parts.metrics.requestStarted();
    reply.raw.once("close", () => parts.metrics.requestEnded());
  });
  addChunkRoutes(app, parts);
  addManifestRoutes(app, parts);
  addRepairRoutes(app, parts);
}

function addChunkRoutes(app: NodeServer, { disk, manifests, metrics, log }: RouteParts): void {
  app.put("/v1/chunks/:upload/:index", async (request, reply) => {
    const chunk = { ...chunkOf(request.params as Params), sha256: announcedSha256(request.headers), size: announcedSize(request.headers) };
    if (!(request.body instanceof Readable)) throw new NodeRefusal(415, "invalid-request", "content-type: expected application/octet-stream");
    request.raw.socket.setTimeout(SILENCE_MS);
    try {
      await disk.put(chunk, request.body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>, callerOf(request).id);
    } catch (error) {
      await drain(request.body);
      throw error;
    }
    return reply.status(201).send();
  });
  app.get("/v1/chunks/:upload/:index", async (request, reply) => {
    const { upload, index } = chunkOf(request.params as Params);
    request.raw.socket.setTimeout(SILENCE_MS);
    const { slot, data, release } = await disk.read(upload, index, callerOf(request).id, whileAsked(reply));
    // `close` comes at the end of every answer, whole or broken off; one that was broken off by now has had it.
    if (reply.raw.destroyed) release();
    else reply.raw.once("close", release);
    metrics.read(data.length);
    return reply.header("content-type", "application/octet-stream").header("content-length", data.length).header(CHUNK_SHA256_HEADER, slot.value.sha256).send(Readable.from(pieces(data), { objectMode: false }));
  });
  app.delete("/v1/chunks/:upload", async (request, reply) => {
    const upload = uploadOf(request.params as Params);
    // Whoever believes that the upload came to nothing is wrong, and nothing that was acknowledged is removed by mistake.
    if (manifests.names(upload)) throw new NodeRefusal(409, "upload-in-use", "a file has this upload; delete the file");
    if (await disk.removeUpload(upload, true)) log.info({ upload, for: callerOf(request).id }, "removed the chunks of an upload");
    return reply.status(204).send();
  });
}

function addManifestRoutes(app: NodeServer, { manifests, disk }: RouteParts): void {
  app.put("/v1/manifests", async (request): Promise<ManifestPushReply> => {
    const { records } = parsed(manifestPushSchema, request.body);
    const changed = await manifests.merge(records);
    // Asked after the merge: from then on nobody takes the chunks for an orphan's, and what went before it is told.
    const incomplete = records.flatMap(({ state }) => (state.kind === "file" && manifests.names(state.upload) && !disk.inventory.holds(state) ? [state.upload] : []));
    return { changed, incomplete };
  });
  app.get("/v1/manifests", async (request) => manifests.page(cursorOf(request.query)));
  app.get("/v1/inventory", async (request) => disk.inventory.page(cursorOf(request.query)));
}

function addRepairRoutes(app: NodeServer, { disk, manifests, replicator, log }: RouteParts): void {
  app.post("/v1/chunks/:upload/replicate", async (request, reply) => {
    const upload = uploadOf(request.params as Params);
    const wanted = parsed(replicateRequestSchema, request.body);
    // Nothing is sent while chunks are pulled; the connection is not idle all the same.
    request.raw.socket.setTimeout(0);
    return replicator.replicate(upload, wanted, whileAsked(reply));
  });
  app.post("/v1/orphans/remove", async (request) => {
    const { uploads, idleSeconds } = parsed(orphanRequestSchema, request.body);
    const removed: string[] = [];
    for (const upload of new Set(uploads)) {
      if (!isUpload(upload) || manifests.names(upload) || !disk.inventory.has(upload)) continue;
      const idle = await disk.idleMs(upload);
      // Asked again after the wait: a manifest may have come.
      if (idle === undefined || idle < idleSeconds * 1000 || manifests.names(upload)) continue;
      // Not for good: a controller that was cut off may know a file that has this upload, and then repair brings it back.
      await disk.removeUpload(upload, false);
      removed.push(upload);
    }
    if (removed.length > 0) log.info({ uploads: removed.length, first: removed.slice(0, 5) }, "removed the chunks of uploads that no file has");
    return { removed };
  });
}

/** Reads the rest of a body that is refused: a caller that is still sending would lose the answer with the connection. */
async function drain(body: Readable): Promise<void> {
  try {
    for await (const _ of body) continue;
  } catch {
    // It broke off, which is no news: why the body was refused is what counts.
  }
}

/** Aborts when the caller goes away before it has its answer. */
function whileAsked(reply: FastifyReply<never> | { readonly raw: FastifyReply["raw"] }): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort(new NodeRefusal(499, "caller-gone", "the caller has gone away"));
  });
  return gone.signal;
}

function* pieces(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += PIECE_BYTES) yield data.subarray(at, at + PIECE_BYTES);
}

function uploadOf({ upload = "" }: Params): string {
  if (!isUpload(upload)) throw new NodeRefusal(400, "invalid-request", "upload: expected a UUID in lower case");
  return upload;
}

function chunkOf(params: Params): { upload: string; index: number } {
  const index = parseIndex(params["index"] ?? "");
  if (index === undefined) throw new NodeRefusal(400, "invalid-request", "index: expected a whole number from 0 to 65535");
  return { upload: uploadOf(params), index };
}

function announcedSha256(headers: FastifyRequest["headers"]): string {
  const value = headers[CHUNK_SHA256_HEADER];
  if (typeof value === "string" && isSha256(value)) return value;
  throw new NodeRefusal(400, "invalid-request", `${CHUNK_SHA256_HEADER}: expected 64 lower-case hex digits`);
}

function announcedSize(headers: FastifyRequest["headers"]): number {
  const value = headers["content-length"];
  if (value === undefined) throw new NodeRefusal(411, "length-required", "content-length: expected the chunk's size");
  const size = Number(value);
  if (size > CHUNK_BYTES) throw new NodeRefusal(413, "chunk-too-large", `content-length: got ${size}; expected at most ${CHUNK_BYTES}`);
  if (!(size > 0)) throw new NodeRefusal(400, "invalid-request", "content-length: expected at least 1; an empty file has no chunks");
  return size;
}

const cursorQuerySchema = z.object({ epoch: z.string().max(128).default(""), after: z.string().regex(/^\d{1,15}$/).default("0") });

function cursorOf(query: unknown): Cursor {
  const { epoch, after } = parsed(cursorQuerySchema, query);
  return parsed(cursorSchema, { epoch, seq: Number(after) });
}

/** @throws {NodeRefusal} 400 with the first faults; what was sent is not quoted */
function parsed<T>(schema: ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new NodeRefusal(400, "invalid-request", faults.join("; ").slice(0, 500));
}
