/** What controllers say to each other about metadata; every message and reply is checked by these schemas before anything of it is used. */
import { z } from "zod";
import { cursorSchema, peerSchema, RECORDS_PER_MESSAGE } from "../contract/nodeApi";
import { fileNameSchema, fileRecordSchema, MAX_STAMP_TIME, nodeIdSchema } from "../contract/record";

/** Paths on the controller's port for other nodes; the messages are POSTed. */
export const GOSSIP_PATH = "/v1/gossip";
export const ANTI_ENTROPY_PATH = "/v1/anti-entropy";

/** A page ends once its records have so many characters of JSON, or at {@link RECORDS_PER_MESSAGE}; one larger record goes alone. */
export const PAGE_CHARACTERS = 1024 * 1024;
/** Largest body of these routes in bytes: a record of `MAX_CHUNKS` chunks, which is 6.3 MB, beside a page. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Most peers of one message. */
export const MAX_PEERS = 1_000;
/** Most names of one page of a comparison. */
export const MAX_NAMES = 2_000;
/** Names are divided by hash into so many groups, each with a digest of its own. */
export const BUCKETS = 256;

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);
const bucketDigestSchema = z.string().regex(/^[0-9a-f]{32}$/);
const bucketSchema = z.int().min(0).max(BUCKETS - 1);
const seqSchema = z.int().nonnegative();
const recordsSchema = z.array(fileRecordSchema).max(RECORDS_PER_MESSAGE);

/** Who speaks, and what its store was when it spoke. */
const speakerSchema = z.object({
  id: nodeIdSchema,
  port: z.int().min(1).max(65_535),
  /** Its clock, milliseconds since 1970. */
  now: z.number().min(0).max(MAX_STAMP_TIME),
  /** Of all its records. */
  digest: digestSchema,
  /** End of its log of changes; another epoch, another log. */
  head: cursorSchema,
});

/** A part of the speaker's log: all that changed after `after`, up to `through`. Nothing is claimed when `after` is null. */
const partSchema = z.object({ after: seqSchema.nullable(), through: seqSchema, records: recordsSchema, more: z.boolean() });

const gossipFields = {
  peers: z.array(peerSchema).max(MAX_PEERS),
  /** How far the speaker has the listener's log; null when it doesn't know it. */
  have: cursorSchema.nullable(),
  part: partSchema,
};
export const gossipMessageSchema = speakerSchema.extend(gossipFields);
export const gossipReplySchema = speakerSchema.extend(gossipFields);
export type GossipMessage = z.infer<typeof gossipMessageSchema>;
export type GossipReply = z.infer<typeof gossipReplySchema>;

/** A place in the order of (bucket, name). */
const placeSchema = z.object({ bucket: bucketSchema, name: fileNameSchema });
export type Place = z.infer<typeof placeSchema>;

export const antiEntropyMessageSchema = z.discriminatedUnion("kind", [
  /** Which buckets differ? */
  speakerSchema.extend({ kind: z.literal("digests"), buckets: z.array(bucketDigestSchema).length(BUCKETS) }),
  /** What differs in these buckets, after `after` and up to `until`? `names` is all that the speaker has there. */
  speakerSchema.extend({
    kind: z.literal("names"),
    buckets: z.array(bucketSchema).max(BUCKETS),
    after: placeSchema.nullable(),
    until: placeSchema.nullable(),
    names: z.array(z.object({ name: fileNameSchema, hash: digestSchema })).max(MAX_NAMES),
  }),
  /** What the listener asked for. */
  speakerSchema.extend({ kind: z.literal("records"), records: recordsSchema }),
]);
export type AntiEntropyMessage = z.infer<typeof antiEntropyMessageSchema>;

export const antiEntropyReplySchema = z.discriminatedUnion("kind", [
  speakerSchema.extend({ kind: z.literal("digests"), differing: z.array(bucketSchema).max(BUCKETS) }),
  /** `records`: what the asking one lacks or has otherwise; `wanted`: the same the other way round; `until`: how far, null for all of what was asked. */
  speakerSchema.extend({ kind: z.literal("names"), records: recordsSchema, wanted: z.array(fileNameSchema).max(MAX_NAMES), until: placeSchema.nullable() }),
  speakerSchema.extend({ kind: z.literal("records"), changed: z.int().nonnegative() }),
]);
export type AntiEntropyReply = z.infer<typeof antiEntropyReplySchema>;
