/** The seams between the store's parts; each is replaced by a simulation in tests. */
import type { Agent } from "undici";
import type { FileRecord, RecordState } from "./record";

/** Time as a node sees it. `now` may jump and may be wrong; `monotonic` never goes back. */
export interface Clock {
  /** Milliseconds since 1970 by this machine's clock. */
  now(): number;
  /** Milliseconds since an arbitrary moment. */
  monotonic(): number;
}

/** What came of merging records that arrived from elsewhere. */
export interface MergeResult {
  /** Names whose stored record is another one now. */
  readonly changed: readonly string[];
  /** Names where neither version included the other, and last-writer-wins decided. */
  readonly conflicts: readonly string[];
}

/** The replicated metadata of one node (`metadata/`). Every method is synchronous: one transaction. */
export interface RecordStore {
  readonly nodeId: string;
  get(name: string): FileRecord | undefined;
  /** Live files that have all the tags, sorted by name. */
  files(tags?: readonly string[]): FileRecord[];
  /** Every record, deleted names included, sorted by name. */
  all(): FileRecord[];
  /** A local write: a new version that includes all that this node knows of the name, durable on return. */
  write(name: string, state: RecordState): FileRecord;
  /** Makes a version as {@link write} would and doesn't keep it: an upload keeps its record only once its chunks are safe. */
  propose(name: string, state: RecordState): FileRecord;
  /** Merges what arrived; durable on return. Commutative, associative, idempotent. */
  merge(records: readonly FileRecord[]): MergeResult;
  /** One digest of all records. Equal digests, equal records. */
  digest(): string;
  readonly counts: { readonly files: number; readonly deletedNames: number; readonly chunks: number };
  /** Calls back after every change, with the new records. Returns the unsubscribe function. */
  onChange(listener: (records: readonly FileRecord[]) => void): () => void;
}

/** A connection pool to other nodes over the cluster's TLS (`transport/`). */
export interface NodeClient {
  /** For undici's `request(url, { dispatcher })`; URLs are `https://<address>:<port>/…`. Sends the node header. */
  readonly dispatcher: Agent;
  /**
   * POSTs or GETs JSON and checks the answer. Times out after `timeoutMs` (default 2,000).
   * @throws NodeError with the peer's address and what went wrong; never a secret
   */
  json<T>(request: { readonly method: "GET" | "POST" | "PUT" | "DELETE"; readonly address: string; readonly port: number; readonly path: string;
    readonly body?: unknown; readonly timeoutMs?: number; readonly signal?: AbortSignal }, schema: import("zod").ZodType<T>): Promise<T>;
  /** Breaks all connections to a node that is taken for lost: those that were kept open may lead nowhere by now. The next request makes a new one. */
  disconnect(node: { readonly address: string; readonly port: number }): void;
  close(): Promise<void>;
}
