/**
 * What nodes say to each other: HTTPS whose TLS runs on the cluster's pre-shared key (`transport/`), so that both sides prove
 * that they hold it, nothing is sent in the clear, and no clock takes part. Who doesn't hold the key gets no further than the handshake.
 *
 * Every request carries `X-Chunkstore-Node: <node id>`; the caller's address is that of the connection.
 *
 * Controller, {@link CONTROLLER_PORT}:
 *     POST   /v1/gossip           gossipMessage       → 200 gossipReply       (metadata/)
 *     POST   /v1/anti-entropy     antiEntropyMessage  → 200 antiEntropyReply  (metadata/)
 *     POST   /v1/heartbeat        heartbeat           → 200 heartbeatReply
 *
 * Chunkserver, {@link CHUNKSERVER_PORT}:
 *     PUT    /v1/chunks/<upload>/<index>   bytes, X-Chunk-SHA256; 201 after fsync; 422 checksum, 507 no room
 *     GET    /v1/chunks/<upload>/<index>   verified before the first byte; 404 absent; 410 was corrupt, put aside and gone
 *     DELETE /v1/chunks/<upload>           204; every chunk of the upload
 *     POST   /v1/chunks/<upload>/replicate replicateRequest → 200 replicateReply; pulls what it lacks from other chunkservers
 *     PUT    /v1/manifests                 manifestPush     → 200 manifestPushReply, after fsync; merged as controllers merge
 *     GET    /v1/manifests?epoch=&after=   → 200 manifestPage
 *     GET    /v1/inventory?epoch=&after=   → 200 inventoryPage
 *     POST   /v1/orphans/remove            orphanRequest    → 200 orphanReply
 */
import { z } from "zod";
import { chunkSchema, fileRecordSchema, nodeIdSchema } from "./record";

export const NODE_HEADER = "x-chunkstore-node";
export const CHUNK_SHA256_HEADER = "x-chunk-sha256";

/** Most records of one message or page; more follow in the next. */
export const RECORDS_PER_MESSAGE = 500;

export const peerSchema = z.object({
  id: nodeIdSchema,
  role: z.enum(["controller", "chunkserver"]),
  address: z.string(),
  port: z.int().min(1).max(65_535),
  /** Milliseconds since the sender heard of it, directly or by others. Ages, not times: clocks may differ. */
  ageMs: z.number().nonnegative(),
});
export type Peer = z.infer<typeof peerSchema>;

/** A position in one process's log of changes. Another epoch: start again from 0. */
export const cursorSchema = z.object({ epoch: z.string(), seq: z.int().nonnegative() });
export type Cursor = z.infer<typeof cursorSchema>;

export const heartbeatSchema = z.object({
  id: nodeIdSchema,
  port: z.int(),
  capacityBytes: z.number().nonnegative(),
  freeBytes: z.number().nonnegative(),
  chunks: z.int().nonnegative(),
  /** No room for another chunk. */
  full: z.boolean(),
  inventory: cursorSchema,
  manifests: cursorSchema,
  /** The sender's clock, milliseconds since 1970. */
  now: z.number(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** Controllers that the answering one knows, itself included: a chunkserver that found one finds them all. */
export const heartbeatReplySchema = z.object({ id: nodeIdSchema, controllers: z.array(peerSchema), now: z.number() });
export type HeartbeatReply = z.infer<typeof heartbeatReplySchema>;

/** Changes after a cursor, oldest first. `reset`: forget what you had of this chunkserver, then apply. */
export const inventoryPageSchema = z.object({
  cursor: cursorSchema,
  reset: z.boolean(),
  more: z.boolean(),
  changes: z.array(z.object({ upload: z.string(), index: z.int().nonnegative(), present: z.boolean() })),
});
export type InventoryPage = z.infer<typeof inventoryPageSchema>;

export const manifestPageSchema = z.object({ cursor: cursorSchema, more: z.boolean(), records: z.array(fileRecordSchema) });
export type ManifestPage = z.infer<typeof manifestPageSchema>;

export const manifestPushSchema = z.object({ records: z.array(fileRecordSchema).max(RECORDS_PER_MESSAGE) });
export const manifestPushReplySchema = z.object({
  /** Records that were new there. */
  changed: z.int().nonnegative(),
  /** Those of the records' uploads that a manifest there names now and whose chunks are not all there. */
  incomplete: z.array(z.string()),
});
export type ManifestPushReply = z.infer<typeof manifestPushReplySchema>;

export const replicateRequestSchema = z.object({
  chunks: z.array(chunkSchema.extend({ index: z.int().nonnegative() })),
  sources: z.array(z.object({ id: nodeIdSchema, address: z.string(), port: z.int() })),
});
export type ReplicateRequest = z.infer<typeof replicateRequestSchema>;
export const replicateReplySchema = z.object({
  /** Present and verified now, whether pulled or there before. */
  stored: z.array(z.int()),
  failed: z.array(z.object({ index: z.int(), reason: z.string() })),
});
export type ReplicateReply = z.infer<typeof replicateReplySchema>;

/** Uploads that no record names, by a controller's knowledge; each is removed only if it had no new chunk for `idleSeconds` and no manifest there names it. */
export const orphanRequestSchema = z.object({ uploads: z.array(z.string()).max(10_000), idleSeconds: z.number().nonnegative() });
export const orphanReplySchema = z.object({ removed: z.array(z.string()) });
