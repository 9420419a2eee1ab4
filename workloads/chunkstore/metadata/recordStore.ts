/** The replicated metadata of one node, on SQLite: merges are durable, digests and counts cost nothing, and a log of changes serves gossip. */
import { randomUUID } from "node:crypto";
import { DEFAULTS } from "../contract/settings";
import { RECORDS_PER_MESSAGE } from "../contract/nodeApi";
import type { MergeResult } from "../contract/ports";
import type { FileRecord, RecordState } from "../contract/record";
import type { ClusterClock } from "./clusterTime";
import { openMetadataDatabase, type MetadataDatabase } from "./database";
import { SetDigest } from "./digest";
import { hashOf } from "./encode";
import { mergeRecords } from "./merge";
import { PAGE_CHARACTERS } from "./messages";
import { nextTime } from "./order";
import type { ChangePage, MetadataLog, MetadataStore, NameHash, NameRange } from "./ports";
import { FileRows, recordOf, rowOf, type Row, type RowSummary } from "./rows";

export interface RecordStoreOptions {
  /** A file (`:memory:` for none), or a database that is open already and stays so. */
  readonly database: string | MetadataDatabase;
  readonly nodeId: string;
  /** Cluster time. */
  readonly time: ClusterClock;
  /** How long a deleted name is remembered. @default `TOMBSTONE_TTL`, 7 days */
  readonly tombstoneTtlMs?: number;
  readonly log?: MetadataLog;
}

/** Names whose latest proposal is remembered: more than a node can have uploads under way. */
const MAX_ISSUED = 4_096;

interface Change {
  readonly before: RowSummary | undefined;
  readonly after: RowSummary | undefined;
}

/**
 * Opens the store.
 * @throws {MetadataDatabaseError} when another version of this program wrote the database
 */
export function openRecordStore(options: RecordStoreOptions): MetadataStore {
  const { database } = options;
  if (typeof database !== "string") return new SqliteRecordStore(options, database, false);
  return new SqliteRecordStore(options, openMetadataDatabase(database, options.log), true);
}

class SqliteRecordStore implements MetadataStore {
  readonly nodeId: string;
  readonly #database: MetadataDatabase;
  readonly #ownsDatabase: boolean;
  readonly #rows: FileRows;
  readonly #time: ClusterClock;
  readonly #ttlMs: number;
  readonly #log: MetadataLog | undefined;
  readonly #epoch = randomUUID();
  readonly #digest = new SetDigest();
  readonly #counts = { files: 0, deletedNames: 0, chunks: 0 };
  readonly #issued = new Map<string, number>();
  readonly #listeners = new Set<(records: readonly FileRecord[]) => void>();
  #seq: number;

  constructor(options: RecordStoreOptions, database: MetadataDatabase, ownsDatabase: boolean) {
    this.nodeId = options.nodeId;
    this.#database = database;
    this.#ownsDatabase = ownsDatabase;
    this.#rows = new FileRows(database.db);
    this.#time = options.time;
    this.#ttlMs = options.tombstoneTtlMs ?? DEFAULTS.TOMBSTONE_TTL * 1000;
    this.#log = options.log;
    this.#load();
    this.#seq = this.#rows.lastSeq();
  }

  get head(): { epoch: string; seq: number } {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  get counts(): { readonly files: number; readonly deletedNames: number; readonly chunks: number } {
    return { ...this.#counts };
  }

  get(name: string): FileRecord | undefined {
    const row = this.#rows.get(name);
    return row && recordOf(row.body);
  }

  files(tags: readonly string[] = []): FileRecord[] {
    const hasTags = ({ state }: FileRecord): boolean => state.kind === "file" && tags.every((tag) => state.tags.includes(tag));
    return [...this.#rows.bodies("file")].map(recordOf).filter(hasTags);
  }

  all(): FileRecord[] {
    return [...this.#rows.bodies()].map(recordOf);
  }

  propose(name: string, state: RecordState): FileRecord {
    const known = this.get(name);
    const time = nextTime(this.#time.now(), [known?.stamp.time ?? 0, this.#issued.get(name) ?? 0]);
    this.#issued.delete(name);
    this.#issued.set(name, time);
    for (const oldest of this.#issued.keys()) {
      if (this.#issued.size <= MAX_ISSUED) break;
      this.#issued.delete(oldest);
    }
    return { name, version: { ...known?.version, [this.nodeId]: time }, stamp: { time, node: this.nodeId }, state };
  }

  write(name: string, state: RecordState): FileRecord {
    const record = this.propose(name, state);
    this.mergeFrom([record], undefined);
    return record;
  }

  merge(records: readonly FileRecord[]): MergeResult {
    return this.mergeFrom(records, undefined);
  }

  mergeFrom(records: readonly FileRecord[], origin: string | undefined): MergeResult {
    const conflicts = new Set<string>();
    const changed = new Map<string, FileRecord>();
    if (records.length === 0) return { changed: [], conflicts: [] };
    this.#commit((put) => {
      for (const record of records) {
        const { held, merged, conflict } = this.#mergeOne(record);
        if (conflict) conflicts.add(record.name);
        if (merged === undefined) continue;
        // What was made of two versions must go back to where one of them came from.
        put(held, merged, merged === record ? origin : undefined);
        changed.set(record.name, merged);
      }
    });
    if (changed.size > 0) this.#tell([...changed.values()]);
    return { changed: [...changed.keys()], conflicts: [...conflicts] };
  }

  /** `merged`: what is to be stored; undefined when nothing changes. */
  #mergeOne(record: FileRecord): { held?: RowSummary; merged?: FileRecord; conflict: boolean } {
    const held = this.#rows.get(record.name);
    if (held === undefined) return this.#isExpired(record) ? { conflict: false } : { merged: record, conflict: false };
    const { record: merged, outcome } = mergeRecords(recordOf(held.body), record);
    const conflict = outcome === "conflict-kept" || outcome === "conflict-replaced";
    return outcome === "same" || outcome === "kept" ? { conflict } : { held, merged, conflict };
  }

  digest(): string {
    return this.#digest.whole();
  }

  bucketDigests(): string[] {
    return this.#digest.groups();
  }

  hashOf(name: string): string | undefined {
    return this.#rows.hashOf(name);
  }

  names(range: NameRange): NameHash[] {
    return this.#rows.names(range);
  }

  changesAfter(seq: number, except?: string): ChangePage {
    const records: FileRecord[] = [];
    let through = seq;
    let characters = 0;
    for (const row of this.#rows.changesAfter(seq)) {
      const wanted = except === undefined || row.origin !== except;
      if (wanted && records.length > 0 && (characters + row.body.length > PAGE_CHARACTERS || records.length >= RECORDS_PER_MESSAGE)) return { records, through, more: true };
      through = row.seq;
      if (!wanted) continue;
      records.push(recordOf(row.body));
      characters += row.body.length;
    }
    return { records, through: Math.max(through, this.#seq), more: false };
  }

  prune(): number {
    const expired = this.#rows.deletedBefore(this.#horizon());
    if (expired.length === 0) return 0;
    this.#database.transaction(() => {
      for (const { name } of expired) this.#rows.remove(name);
    });
    for (const row of expired) this.#account({ before: row, after: undefined });
    this.#log?.debug({ names: expired.length }, "forgot deleted names");
    return expired.length;
  }

  onChange(listener: (records: readonly FileRecord[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    if (this.#ownsDatabase) this.#database.close();
  }

  /** Reads what is there. A row whose body is not what was written is dropped: other nodes have the record, or a chunkserver its manifest. */
  #load(): void {
    const damaged: string[] = [];
    for (const row of this.#rows.everything()) {
      if (hashOf(row.body).equals(row.hash)) this.#account({ before: undefined, after: row });
      else damaged.push(row.name);
    }
    if (damaged.length === 0) return;
    this.#log?.warn({ records: damaged.length }, "metadata records are damaged: dropped, to be learned again from peers and chunkservers");
    this.#database.transaction(() => damaged.forEach((name) => this.#rows.remove(name)));
  }

  /** One transaction; the digests, the counts and the log's end follow only once it is durable. */
  #commit(work: (put: (held: RowSummary | undefined, record: FileRecord, origin: string | undefined) => void) => void): void {
    if (this.#database.db.isTransaction) throw new Error("the record store makes transactions of its own; got a call within another one");
    const changes: Change[] = [];
    let seq = this.#seq;
    this.#database.transaction(() => work((held, record, origin) => {
      const row: Row = rowOf(record);
      seq += 1;
      this.#rows.put(row, seq, origin);
      changes.push({ before: held, after: row });
    }));
    this.#seq = seq;
    for (const change of changes) this.#account(change);
  }

  #account({ before, after }: Change): void {
    if (before) this.#add(before, -1);
    if (after) this.#add(after, 1);
  }

  #add(row: RowSummary, sign: 1 | -1): void {
    this.#digest.toggle(row.bucket, row.hash);
    this.#counts[row.deleted ? "deletedNames" : "files"] += sign;
    this.#counts.chunks += sign * row.chunks;
  }

  /** A listener's failure is not one of the write, which is durable already. */
  #tell(records: readonly FileRecord[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(records);
      } catch (error) {
        if (this.#log) this.#log.warn({ err: error }, "listener of metadata changes failed");
        else process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }

  /** A deleted name that others have forgotten, or will soon: it must not come back to one that has nothing of it left to delete. */
  #isExpired(record: FileRecord): boolean {
    return record.state.kind === "deleted" && record.stamp.time < this.#horizon();
  }

  #horizon(): number {
    return this.#time.now() - this.#ttlMs;
  }
}
