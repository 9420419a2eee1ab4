/** The table `files`, row by row: the statements of the record store, prepared once. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { FileRecord } from "../contract/record";
import { bucketOf } from "./digest";
import { encodeRecord, hashOf } from "./encode";
import type { NameHash, NamePlace, NameRange } from "./ports";

type Raw = Record<string, SQLOutputValue>;

/** What the digests and counts need to know of a row. */
export interface RowSummary {
  readonly name: string;
  readonly bucket: number;
  readonly deleted: boolean;
  readonly chunks: number;
  readonly hash: Uint8Array;
}

/** A record as it is going to be stored. */
export interface Row extends RowSummary {
  readonly time: number;
  readonly body: string;
}

/** A row of the log of changes. */
export interface LoggedRow {
  readonly seq: number;
  readonly origin: string | undefined;
  readonly body: string;
}

const LAST_PLACE: NamePlace = { bucket: Number.MAX_SAFE_INTEGER, name: "" };

export function rowOf(record: FileRecord): Row {
  const body = encodeRecord(record);
  const deleted = record.state.kind === "deleted";
  const chunks = record.state.kind === "file" ? record.state.chunks.length : 0;
  return { name: record.name, bucket: bucketOf(record.name), deleted, chunks, time: record.stamp.time, hash: hashOf(body), body };
}

/** Bodies are this module's own writing and their hashes were checked when the database was opened, so their form is known. */
export function recordOf(body: string): FileRecord {
  return JSON.parse(body) as FileRecord;
}

export class FileRows {
  readonly #db: DatabaseSync;
  readonly #one;
  readonly #hash;
  readonly #put;
  readonly #remove;
  readonly #after;
  readonly #names;
  readonly #expired;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#one = db.prepare("SELECT name, bucket, kind, chunks, hash, body FROM files WHERE name = ?");
    this.#hash = db.prepare("SELECT hash FROM files WHERE name = ?");
    this.#put = db.prepare(`INSERT INTO files (name, seq, bucket, kind, chunks, time, hash, origin, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, kind = excluded.kind, chunks = excluded.chunks, time = excluded.time,
        hash = excluded.hash, origin = excluded.origin, body = excluded.body`);
    this.#remove = db.prepare("DELETE FROM files WHERE name = ?");
    this.#after = db.prepare("SELECT seq, origin, body FROM files WHERE seq > ? ORDER BY seq");
    this.#names = db.prepare(`SELECT bucket, name, hash FROM files WHERE bucket IN (SELECT value FROM json_each(?))
      AND (bucket, name) > (?, ?) AND (bucket, name) <= (?, ?) ORDER BY bucket, name LIMIT ?`);
    this.#expired = db.prepare("SELECT name, bucket, kind, chunks, hash FROM files WHERE kind = 'deleted' AND time < ?");
  }

  get(name: string): (RowSummary & { readonly body: string }) | undefined {
    const raw = this.#one.get(name);
    return raw && { ...summary(raw), body: String(raw["body"]) };
  }

  hashOf(name: string): string | undefined {
    const raw = this.#hash.get(name);
    return raw && hex(bytes(raw["hash"]));
  }

  put(row: Row, seq: number, origin: string | undefined): void {
    this.#put.run(row.name, seq, row.bucket, row.deleted ? "deleted" : "file", row.chunks, row.time, row.hash, origin ?? null, row.body);
  }

  remove(name: string): void {
    this.#remove.run(name);
  }

  /** Sorted by name. */
  *bodies(kind?: "file"): Generator<string> {
    const statement = this.#db.prepare(`SELECT body FROM files ${kind === undefined ? "" : "WHERE kind = 'file'"} ORDER BY name`);
    for (const raw of statement.iterate()) yield String(raw["body"]);
  }

  /** Every row, to be checked. */
  *everything(): Generator<RowSummary & { readonly body: string }> {
    for (const raw of this.#db.prepare("SELECT name, bucket, kind, chunks, hash, body FROM files").iterate()) yield { ...summary(raw), body: String(raw["body"]) };
  }

  lastSeq(): number {
    return Number(this.#db.prepare("SELECT max(seq) AS last FROM files").get()?.["last"] ?? 0);
  }

  *changesAfter(seq: number): Generator<LoggedRow> {
    for (const raw of this.#after.iterate(seq)) yield { seq: Number(raw["seq"]), origin: raw["origin"]?.toString(), body: String(raw["body"]) };
  }

  names({ buckets, after, until, limit }: NameRange): NameHash[] {
    const from = after ?? { bucket: -1, name: "" };
    const to = until ?? LAST_PLACE;
    return this.#names.all(JSON.stringify(buckets), from.bucket, from.name, to.bucket, to.name, limit)
      .map((raw) => ({ bucket: Number(raw["bucket"]), name: String(raw["name"]), hash: hex(bytes(raw["hash"])) }));
  }

  /** Deleted names with stamps before `time`. */
  deletedBefore(time: number): RowSummary[] {
    return this.#expired.all(time).map(summary);
  }
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString("hex");
}

function summary(raw: Raw): RowSummary {
  return { name: String(raw["name"]), bucket: Number(raw["bucket"]), deleted: raw["kind"] === "deleted", chunks: Number(raw["chunks"]), hash: bytes(raw["hash"]) };
}

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}
