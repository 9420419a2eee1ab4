/** The node's metadata database: opened durably, checked, and set aside when it is damaged, because all of it can be learned again. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { MetadataLog } from "./ports";

/** Raised whenever a table changes its form. */
const SCHEMA_VERSION = 1;

/**
 * `seq`: the change that the row is of, as a place in the log. `bucket`: group by hash of the name. `time`: of the stamp.
 * `hash`: SHA-256 of `body`, checked when the database is opened. `origin`: epoch of the log that the record came from.
 */
const SCHEMA = `
  CREATE TABLE files (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    bucket INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('file', 'deleted')),
    chunks INTEGER NOT NULL,
    time INTEGER NOT NULL,
    hash BLOB NOT NULL,
    origin TEXT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX files_by_bucket ON files (bucket, name);
  CREATE INDEX deleted_by_time ON files (time) WHERE kind = 'deleted';
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface MetadataDatabase {
  readonly db: DatabaseSync;
  /** Where a damaged file was moved to when this one was opened. */
  readonly setAside: string | undefined;
  /** Runs in one transaction, durable on return; joins the one that is open already. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** The database can't be used, and moving it away would be wrong. */
export class MetadataDatabaseError extends Error {
  override readonly name = "MetadataDatabaseError";
}

/**
 * Opens or creates the database with the table `files`; the caller adds tables of its own with `CREATE TABLE IF NOT EXISTS`.
 * A damaged file is renamed to `<file>.damaged` with a warning, and an empty database takes its place.
 * @param file `:memory:` for none
 * @throws {MetadataDatabaseError} when another version of this program wrote it
 */
export function openMetadataDatabase(file: string, log?: MetadataLog): MetadataDatabase {
  const fault = faultOf(file);
  const setAside = fault === undefined ? undefined : moveAway(file);
  if (setAside !== undefined) log?.warn({ file, setAside, fault }, "metadata database is damaged: set aside, to be learned again from peers and chunkservers");
  const db = open(file);
  return { db, setAside, transaction: (work) => transaction(db, work), close: () => db.close() };
}

function open(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // FULL: what was acknowledged survives a power cut, too.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
    migrate(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync, file: string): void {
  const version = db.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    throw new MetadataDatabaseError(`${file}: made by another version; got schema ${String(version)}; expected ${SCHEMA_VERSION}; start the version that made it, or start with an empty volume`);
  }
  transaction(db, () => db.exec(SCHEMA));
}

/** What is wrong with an existing file, or undefined. Errors that don't mean damage (no permission, no room) are thrown. */
function faultOf(file: string): string | undefined {
  if (file === ":memory:" || !existsSync(file)) return undefined;
  try {
    const db = open(file);
    try {
      db.prepare("SELECT name, seq, bucket, kind, chunks, time, hash, origin, body FROM files LIMIT 1").get();
      const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
      return found === "ok" ? undefined : String(found);
    } finally {
      db.close();
    }
  } catch (error) {
    if (isDamage(error)) return String((error as Error).message);
    throw error;
  }
}

/** SQLite's result codes 11 (SQLITE_CORRUPT) and 26 (SQLITE_NOTADB), https://www.sqlite.org/rescode.html; the low byte is the primary code. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  return [11, 26].includes(error.errcode & 0xff) || /malformed|no such (table|column)/.test(error.message);
}

/** Keeps one damaged database for those who want to look into it: a failing disk must not fill up with them. */
function moveAway(file: string): string {
  const target = `${file}.damaged`;
  for (const suffix of ["-wal", "-shm", ""]) {
    rmSync(target + suffix, { force: true });
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix);
  }
  return target;
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
  if (db.isTransaction) return work();
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK"); // a full disk makes SQLite roll back by itself
    throw error;
  }
}
