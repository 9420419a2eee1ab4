/**
 * The clients' API: controllers, plain HTTP on {@link CLIENT_PORT}, any controller will do.
 *
 *     POST   /v1/login                    { user, password }            → 200 loginReply
 *     GET    /v1/files?tag=a&tag=b        files that have all the tags  → 200 fileList
 *     PUT    /v1/files/<name>?tag=a       the content; Content-Length required; X-Content-SHA256 optional → 201 fileEntry
 *     GET    /v1/files/<name>             Range (one), If-Range, If-Match → 200, 206; ETag, X-Content-SHA256, Accept-Ranges
 *     HEAD   /v1/files/<name>
 *     DELETE /v1/files/<name>                                           → 200 deleteReply
 *     GET    /v1/files/<name>/locations                                 → 200 fileLocations
 *     GET    /v1/cluster                                                → 200 clusterStatus
 *     GET    /health                      no token                      → 200 health, 503 while starting or stopping
 *     GET    /metrics                     no token                      → Prometheus text
 *     HEAD   /health, /metrics
 *
 * All but login, health and metrics need `Authorization: Bearer <token>`. A token is good at every controller until it expires.
 * `<name>` is percent-encoded. The ETag is the upload's id in quotes; `If-Match` lets a client resume at another controller.
 * `If-Range` with anything but the current ETag, dates and weak ETags included, has the `Range` ignored: 200 and the whole file.
 */
import { z } from "zod";
import { fileNameSchema, nodeIdSchema, tagSchema } from "./record";

export const ERROR_CODES = [
  /** 400: body, query or header is not as described. */ "invalid-request",
  /** 400: the file's name is refused. */ "invalid-name",
  /** 401: user or password is wrong; the same answer for both. */ "wrong-credentials",
  /** 401: no token. */ "unauthenticated",
  /** 401: the token has expired. */ "token-expired",
  /** 401: the token is not one of this cluster's. */ "token-invalid",
  /** 404 */ "file-not-found",
  /** 404 */ "route-not-found",
  /** 411 */ "length-required",
  /** 412: the file was changed since. */ "file-changed",
  /** 413 */ "file-too-large",
  /** 416 */ "range-not-satisfiable",
  /** 422: what arrived differs from the checksum that was announced. */ "checksum-mismatch",
  /** 429, with Retry-After */ "too-many-requests",
  /** 503: too few chunkservers are reachable, or have room, to keep an upload safe. */ "not-enough-chunkservers",
  /** 503: no reachable chunkserver has a good copy of a chunk. */ "chunk-unavailable",
  /** 507: the chunkservers have no room. */ "disk-full",
  /** 503 */ "starting",
  /** 500 */ "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Body of every refusal. */
export const refusalSchema = z.object({ error: z.object({ code: z.enum(ERROR_CODES), message: z.string(), fix: z.string().optional() }) });
export type Refusal = z.infer<typeof refusalSchema>;

export const loginRequestSchema = z.object({ user: z.string().min(1).max(128), password: z.string().min(1).max(1024) });
export const loginReplySchema = z.object({ token: z.string(), user: z.string(), expiresAt: z.iso.datetime() });
export type LoginReply = z.infer<typeof loginReplySchema>;

export const fileEntrySchema = z.object({
  name: fileNameSchema,
  size: z.int().nonnegative(),
  sha256: z.string(),
  tags: z.array(tagSchema),
  owner: z.string(),
  modifiedAt: z.iso.datetime(),
  /** Chunkservers known to hold every chunk, living ones only. */
  replicas: z.int().nonnegative(),
});
export type FileEntry = z.infer<typeof fileEntrySchema>;

/** Sorted by name. */
export const fileListSchema = z.object({ files: z.array(fileEntrySchema) });
export const deleteReplySchema = z.object({ name: fileNameSchema, deleted: z.literal(true) });

export const fileLocationsSchema = z.object({
  name: fileNameSchema,
  upload: z.string(),
  chunks: z.array(z.object({ index: z.int(), sha256: z.string(), size: z.int(), chunkservers: z.array(nodeIdSchema) })),
});
export type FileLocations = z.infer<typeof fileLocationsSchema>;

export const clusterStatusSchema = z.object({
  nodeId: nodeIdSchema,
  /** Itself included. */
  controllers: z.array(z.object({ id: nodeIdSchema, address: z.string(), alive: z.boolean(), secondsSinceSeen: z.number() })),
  chunkservers: z.array(z.object({
    id: nodeIdSchema, address: z.string(), alive: z.boolean(), secondsSinceSeen: z.number(),
    capacityBytes: z.number(), freeBytes: z.number(), chunks: z.int(),
  })),
  replicationFactor: z.union([z.literal("all"), z.int().positive()]),
  /** Live files, and deleted names that are still remembered. */
  files: z.int(),
  deletedNames: z.int(),
  chunks: z.int(),
  /** Chunks with fewer living replicas than the replication factor asks of the living chunkservers. */
  underReplicatedChunks: z.int(),
  /** Of all metadata; equal on two controllers when and only when they hold the same records. */
  metadataDigest: z.string(),
  /** This node's clock minus the cluster's, in milliseconds. */
  clockOffsetMs: z.number(),
});
export type ClusterStatus = z.infer<typeof clusterStatusSchema>;

/** Of controllers and chunkservers alike. */
export const healthSchema = z.object({
  status: z.enum(["ok", "degraded", "starting", "stopping"]),
  role: z.enum(["controller", "chunkserver"]),
  nodeId: nodeIdSchema,
  version: z.string(),
  uptimeSeconds: z.number(),
  /** Living ones that this node knows; a controller counts itself. */
  controllers: z.int(),
  chunkservers: z.int(),
  /** Why it is degraded: `disk-full`, `clock-skew`, `no-chunkservers`… */
  reasons: z.array(z.string()),
});
export type Health = z.infer<typeof healthSchema>;
