/**
 * Where chunks and manifests are, by what the chunkservers say: tables `chunk_locations`, `manifest_locations` and `chunkserver_cursors`.
 *
 * All of it is a copy of what the chunkservers know and can be asked for again. So it is written without waiting for the
 * disk, over a connection of its own, together with the position up to which it was heard.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Cursor, InventoryPage } from "../contract/nodeApi";
import type { FileRecord } from "../contract/record";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS chunk_locations (
    upload TEXT NOT NULL, chunk_index INTEGER NOT NULL, chunkserver TEXT NOT NULL,
    PRIMARY KEY (upload, chunk_index, chunkserver)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS chunk_locations_by_chunkserver ON chunk_locations (chunkserver, upload);
  CREATE TABLE IF NOT EXISTS manifest_locations (
    name TEXT NOT NULL, chunkserver TEXT NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (name, chunkserver)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunkserver_cursors (
    chunkserver TEXT NOT NULL, log TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (chunkserver, log)
  ) STRICT, WITHOUT ROWID;
`;

type LogName = "inventory" | "manifests";

const STATEMENTS = {
  addChunk: "INSERT OR IGNORE INTO chunk_locations (upload, chunk_index, chunkserver) VALUES (?, ?, ?)",
  removeChunk: "DELETE FROM chunk_locations WHERE upload = ? AND chunk_index = ? AND chunkserver = ?",
  removeUpload: "DELETE FROM chunk_locations WHERE upload = ? AND chunkserver = ?",
  removeChunkserver: "DELETE FROM chunk_locations WHERE chunkserver = ?",
  chunkHolders: "SELECT chunkserver FROM chunk_locations WHERE upload = ? AND chunk_index = ? ORDER BY chunkserver",
  uploadHolders: "SELECT chunk_index, chunkserver FROM chunk_locations WHERE upload = ? ORDER BY chunk_index, chunkserver",
  uploadCounts: "SELECT chunkserver, COUNT(*) AS chunks FROM chunk_locations WHERE upload = ? GROUP BY chunkserver",
  allCounts: "SELECT upload, chunkserver, COUNT(*) AS chunks FROM chunk_locations GROUP BY upload, chunkserver",
  uploads: "SELECT DISTINCT upload FROM chunk_locations",
  addManifest: "INSERT INTO manifest_locations (name, chunkserver, version) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
  manifests: "SELECT name, version FROM manifest_locations WHERE chunkserver = ?",
  removeManifests: "DELETE FROM manifest_locations WHERE chunkserver = ?",
  pruneManifest: "DELETE FROM manifest_locations WHERE name = ?",
  setCursor: "INSERT INTO chunkserver_cursors (chunkserver, log, epoch, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq",
  cursor: "SELECT epoch, seq FROM chunkserver_cursors WHERE chunkserver = ? AND log = ?",
  removeCursors: "DELETE FROM chunkserver_cursors WHERE chunkserver = ?",
} as const;

/** Tells one write of a name from another, and what it was merged with. */
export function versionText({ version, stamp }: Pick<FileRecord, "version" | "stamp">): string {
  const clock = Object.entries(version).sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, count]) => `${node}=${count}`).join(",");
  return `${stamp.time}@${stamp.node};${clock}`;
}

export class Locations {
  readonly #db: DatabaseSync;
  readonly #run: Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;

  /** @param file the metadata database, which exists */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;");
    this.#db.exec(SCHEMA);
    this.#run = Object.fromEntries(Object.entries(STATEMENTS).map(([name, sql]) => [name, this.#db.prepare(sql)])) as Record<keyof typeof STATEMENTS, StatementSync>;
  }

  close(): void {
    this.#db.close();
  }

  /** How far the chunkserver's log was heard. */
  cursor(chunkserver: string, log: LogName): Cursor | undefined {
    const row = this.#run.cursor.get(chunkserver, log);
    return row && { epoch: String(row["epoch"]), seq: Number(row["seq"]) };
  }

  applyInventory(chunkserver: string, { cursor, reset, changes }: InventoryPage): void {
    this.#transaction(() => {
      if (reset) this.#run.removeChunkserver.run(chunkserver);
      for (const { upload, index, present } of changes) (present ? this.#run.addChunk : this.#run.removeChunk).run(upload, index, chunkserver);
      this.#run.setCursor.run(chunkserver, "inventory", cursor.epoch, cursor.seq);
    });
  }

  /** @param reset forget what was known of this chunkserver's manifests first: its log started again */
  applyManifests(chunkserver: string, records: readonly FileRecord[], cursor: Cursor | undefined, reset = false): void {
    this.#transaction(() => {
      if (reset) this.#run.removeManifests.run(chunkserver);
      for (const record of records) this.#run.addManifest.run(record.name, chunkserver, versionText(record));
      if (cursor !== undefined) this.#run.setCursor.run(chunkserver, "manifests", cursor.epoch, cursor.seq);
    });
  }

  /** What this controller did or found itself, before the chunkserver's inventory tells it. */
  addChunks(chunkserver: string, upload: string, indexes: Iterable<number>): void {
    this.#transaction(() => {
      for (const index of indexes) this.#run.addChunk.run(upload, index, chunkserver);
    });
  }

  removeChunk(chunkserver: string, upload: string, index: number): void {
    this.#run.removeChunk.run(upload, index, chunkserver);
  }

  removeUpload(chunkserver: string, upload: string): void {
    this.#run.removeUpload.run(upload, chunkserver);
  }

  /** Forgets a chunkserver and all that is there. */
  forget(chunkserver: string): void {
    this.#transaction(() => {
      for (const statement of [this.#run.removeChunkserver, this.#run.removeManifests, this.#run.removeCursors]) statement.run(chunkserver);
    });
  }

  /** Chunkservers that have the chunk, dead ones included. */
  holders(upload: string, index: number): string[] {
    return this.#run.chunkHolders.all(upload, index).map((row) => String(row["chunkserver"]));
  }

  /** Chunk indexes by chunkserver. */
  uploadHolders(upload: string): Map<string, Set<number>> {
    const holders = new Map<string, Set<number>>();
    for (const row of this.#run.uploadHolders.iterate(upload)) {
      const chunkserver = String(row["chunkserver"]);
      const indexes = holders.get(chunkserver) ?? new Set();
      holders.set(chunkserver, indexes.add(Number(row["chunk_index"])));
    }
    return holders;
  }

  /** Number of chunks by chunkserver. */
  counts(upload: string): Map<string, number> {
    return new Map(this.#run.uploadCounts.all(upload).map((row) => [String(row["chunkserver"]), Number(row["chunks"])]));
  }

  /** Number of chunks by chunkserver, of every upload. */
  allCounts(): Map<string, Map<string, number>> {
    const uploads = new Map<string, Map<string, number>>();
    for (const row of this.#run.allCounts.iterate()) {
      const upload = String(row["upload"]);
      const counts = uploads.get(upload) ?? new Map<string, number>();
      uploads.set(upload, counts.set(String(row["chunkserver"]), Number(row["chunks"])));
    }
    return uploads;
  }

  /** Every upload of which some chunkserver has a chunk. */
  uploads(): string[] {
    return this.#run.uploads.all().map((row) => String(row["upload"]));
  }

  /** {@link versionText} by name, of the manifests that the chunkserver has. */
  manifests(chunkserver: string): Map<string, string> {
    return new Map(this.#run.manifests.all(chunkserver).map((row) => [String(row["name"]), String(row["version"])]));
  }

  /** Forgets where the manifests of names are that nobody remembers any more. */
  pruneManifests(names: Iterable<string>): void {
    this.#transaction(() => {
      for (const name of names) this.#run.pruneManifest.run(name);
    });
  }

  #transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}
