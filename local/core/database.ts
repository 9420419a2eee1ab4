/** The daemon's database, `cloud.db`: records, ledger, faults, settings. Statements are prepared once, by those who use them. */
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LocalCloudError } from "../errors";

/** Raised whenever a table changes its form. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE records (
    key TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    stack TEXT NOT NULL,
    urn TEXT NOT NULL,
    type TEXT NOT NULL,
    operation TEXT NOT NULL,
    id TEXT NOT NULL,
    result TEXT NOT NULL,
    duration_ms REAL,
    modelled_seconds REAL,
    region TEXT
  ) STRICT;
  CREATE INDEX ledger_pending ON ledger (seq) WHERE result = 'pending';
  CREATE TABLE faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    stack TEXT,
    nth INTEGER NOT NULL,
    kind TEXT NOT NULL,
    seen INTEGER NOT NULL,
    fired INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface CloudDatabase {
  readonly db: DatabaseSync;
  /** Runs in one transaction; joins the one that is open already. */
  transaction<T>(work: () => T): T;
  setting(name: string): string | undefined;
  setSetting(name: string, value: string): void;
  close(): void;
}

/**
 * Opens the database of a daemon's folder, or one in memory.
 * @throws {LocalCloudError} `database-version` when another version of this program wrote it
 */
export function openDatabase(dir: string | undefined): CloudDatabase {
  const file = dir === undefined ? ":memory:" : path.join(dir, "cloud.db");
  const db = new DatabaseSync(file);
  // WAL with NORMAL survives the death of the process; only a power cut may lose the last rows.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;");
  migrate(db, file);
  const read = db.prepare("SELECT value FROM settings WHERE name = ?");
  const write = db.prepare("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value");
  return {
    db,
    transaction: (work) => transaction(db, work),
    setting: (name) => read.get(name)?.["value"]?.toString(),
    setSetting: (name, value) => void write.run(name, value),
    close: () => db.close(),
  };
}

function migrate(db: DatabaseSync, file: string): void {
  const version = db.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    db.close();
    throw new LocalCloudError("database-version", `${file}: made by another version; got schema ${String(version)}; expected ${SCHEMA_VERSION}`,
      "use the version that made it, or run `stackfleet reset`");
  }
  transaction(db, () => db.exec(SCHEMA));
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
