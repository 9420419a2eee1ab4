/** What the store knows of a file: the replicated metadata, as every node and every message holds it. */
import { z } from "zod";

/** Bytes of a chunk; the last one of a file may be shorter, and an empty file has none. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

/** Most files are small; one record travels whole, so a file has at most this many chunks (256 GiB). */
export const MAX_CHUNKS = 65_536;

/** `hostname-timestamp`, or what `CONTROLLER_NODE_ID` says; becomes a file name and a metric label. */
export const nodeIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, "expected 1 to 128 of A-Z a-z 0-9 _ . -, a letter or digit first");

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");

/** Longest file name in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;

/**
 * A file's name: flat (no folders), so that no name can leave the folder it is downloaded to.
 * Refused: empty, `.`, `..`, `/`, `\`, control characters, broken surrogates, more than {@link MAX_NAME_BYTES}.
 */
export const fileNameSchema = z.string().superRefine((name, context) => {
  const fault = nameFault(name);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

/** Why a name is refused, or undefined. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "is empty; expected at least one character";
  if (name === "." || name === "..") return "means a folder; expected a file name";
  if (/[/\\]/.test(name)) return "contains a path separator; expected a name without / and \\";
  // Cc: control characters; Cf would refuse legitimate joiners; the line and paragraph separators break listings as a newline does.
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "contains a control character; expected printable text";
  if (!name.isWellFormed()) return "is not valid Unicode";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `is ${Buffer.byteLength(name)} bytes long; expected at most ${MAX_NAME_BYTES}`;
  return undefined;
}

/** A tag: short text for listings. */
export const tagSchema = z.string().min(1).max(64).regex(/^[\p{L}\p{N}][\p{L}\p{N}_.:=@ -]*$/u, "expected letters, digits and _ . : = @ - or spaces, a letter or digit first");

/**
 * The latest write by each node that a version includes, as the time of that write's stamp: strictly rising for a name and a
 * node, and so a counter that needs no memory of its own, not even after a volume was lost. A missing node counts as 0.
 */
export const vectorClockSchema = z.record(nodeIdSchema, z.int().positive());
export type VectorClock = z.infer<typeof vectorClockSchema>;

/** Latest stamp, the end of the year 9999 as ISO 8601 and `Date` can write it: what is beyond is nonsense to every node alike. */
export const MAX_STAMP_TIME = 253_402_300_799_999;

/**
 * The total order of the writes of a name, and a linear extension of causality: a write's time is later than that of every
 * write of the name that its writer had seen (hybrid logical clock). Compared by time, then node, then content.
 */
export const stampSchema = z.object({
  /** Milliseconds since 1970 by the cluster's clock, or more where causality asks for it. */
  time: z.int().nonnegative().max(MAX_STAMP_TIME),
  node: nodeIdSchema,
});
export type Stamp = z.infer<typeof stampSchema>;

export const chunkSchema = z.object({ sha256: sha256Schema, size: z.int().positive().max(CHUNK_BYTES) });
export type ChunkInfo = z.infer<typeof chunkSchema>;

/** A stored file. Its chunks are `(upload, index)`; two uploads never share a chunk, so that deleting one can't hurt another. */
export const fileStateSchema = z.object({
  kind: z.literal("file"),
  upload: z.uuid(),
  size: z.int().nonnegative(),
  /** Of the whole content. */
  sha256: sha256Schema,
  chunks: z.array(chunkSchema).max(MAX_CHUNKS),
  tags: z.array(tagSchema).max(32),
  owner: z.string(),
  /** ISO 8601, by the cluster's clock. */
  modifiedAt: z.iso.datetime(),
});
export type FileState = z.infer<typeof fileStateSchema>;

/** A deleted name: kept, so that an older write that comes late does not bring the file back. */
export const deletedStateSchema = z.object({ kind: z.literal("deleted"), owner: z.string(), modifiedAt: z.iso.datetime() });
export type DeletedState = z.infer<typeof deletedStateSchema>;

export const recordStateSchema = z.discriminatedUnion("kind", [fileStateSchema, deletedStateSchema]);
export type RecordState = z.infer<typeof recordStateSchema>;

/** One name's replicated record. Nodes that hold equal `version` and `stamp` hold the same record. */
export const fileRecordSchema = z.object({
  name: fileNameSchema,
  version: vectorClockSchema,
  stamp: stampSchema,
  state: recordStateSchema,
});
export type FileRecord = z.infer<typeof fileRecordSchema>;
