/** What the metadata needs from its surroundings, and offers to them beyond `contract/ports.ts`. */
import type { ZodType } from "zod";
import type { MergeResult, RecordStore } from "../contract/ports";
import type { Cursor } from "../contract/nodeApi";
import type { FileRecord } from "../contract/record";

/** The part of pino's logger that is used. */
export interface MetadataLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Carries messages to other controllers; rejects after a time-out of its own. `NodeClient` does: see `nodeTransport`. */
export interface MetadataTransport {
  /** POSTs `body` as JSON and resolves with the reply, checked by the schema. */
  post<T>(to: Endpoint, path: string, body: unknown, schema: ZodType<T>): Promise<T>;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A part of a log of changes, oldest first, each name once. */
export interface ChangePage {
  readonly records: readonly FileRecord[];
  /** Changes up to here are in this page or before it. */
  readonly through: number;
  readonly more: boolean;
}

/** A name and the hash of its record. */
export interface NameHash {
  readonly bucket: number;
  readonly name: string;
  readonly hash: string;
}

/** A place in the order of bucket and name. */
export interface NamePlace {
  readonly bucket: number;
  readonly name: string;
}

export interface NameRange {
  readonly buckets: readonly number[];
  readonly after?: NamePlace | null;
  readonly until?: NamePlace | null;
  readonly limit: number;
}

/** One node's record store with what gossip and anti-entropy need beside the contract. */
export interface MetadataStore extends RecordStore {
  /** End of the log of changes. The epoch is new whenever the store is opened. */
  readonly head: Cursor;
  /**
   * As `merge`; remembers where the records came from, so that they aren't sent back.
   * @param origin epoch of the log that they came from
   */
  mergeFrom(records: readonly FileRecord[], origin: string | undefined): MergeResult;
  /**
   * Changes after `seq`, a page of them.
   * @param except epoch of the log that the reader keeps: what came from there is left out
   */
  changesAfter(seq: number, except?: string): ChangePage;
  /** 128-bit digests of the 256 groups of names, in hex. */
  bucketDigests(): string[];
  /** Hash of a name's record, in hex. */
  hashOf(name: string): string | undefined;
  /** Names with hashes in the buckets, ordered by bucket, then name; after `after` and up to `until`, at most `limit`. */
  names(range: NameRange): NameHash[];
  /** Forgets deleted names whose time has come, by cluster time. Returns how many. Call it every few minutes or more often. */
  prune(): number;
  /** Closes the database if this store opened it. */
  close(): void;
}
