/** What the runtime must remember to find its processes again after a crash: one SQLite row a container. */
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { withContents, withoutContents } from "./files";
import type { SetLink } from "./links";
import type { ContainerSpec } from "./port";
import type { ProcessIdentity } from "./processes";

/** One container as it is persisted. */
export interface StoredContainer {
  readonly spec: ContainerSpec;
  readonly address: string;
  /** What was asked for last: `running`, or `stopped` by `stop` or by a restart policy that gave up. */
  readonly desired: "running" | "stopped";
  readonly process?: ProcessIdentity;
  readonly restarts: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  /** The networks it is on, and all it has been on. @default as its specification says */
  readonly networks?: ContainerSpec["networks"];
  readonly joined?: readonly string[];
  /** True when the runtime itself ended the process as it closed: to be started again on restore. */
  readonly interrupted: boolean;
}

/** The runtime's database, `<dataDir>/runtime.db`. Writes are durable against a crash of the daemon. */
export class ContainerStore {
  private readonly db: DatabaseSync;
  private readonly upsert;
  private readonly erase;
  private readonly addLink;

  constructor(private readonly dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.db = new DatabaseSync(path.join(dataDir, "runtime.db"));
    // WAL with NORMAL survives the death of the process; only a power cut may lose the last rows, and then the processes too.
    this.db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
      CREATE TABLE IF NOT EXISTS containers (id TEXT PRIMARY KEY, address TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS links (from_id TEXT NOT NULL, to_id TEXT NOT NULL, link TEXT NOT NULL, PRIMARY KEY (from_id, to_id)) STRICT;`);
    this.upsert = this.db.prepare("INSERT INTO containers (id, address, record) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET address = excluded.address, record = excluded.record");
    this.addLink = this.db.prepare("INSERT INTO links (from_id, to_id, link) VALUES (?, ?, ?)");
    this.erase = this.db.prepare("DELETE FROM containers WHERE id = ?");
  }

  save(container: StoredContainer): void {
    this.upsert.run(container.spec.id, container.address, JSON.stringify({ ...container, spec: withoutContents(container.spec) }));
  }

  remove(id: string): void {
    this.erase.run(id);
  }

  /** Every container, in the order of their first run. */
  all(): StoredContainer[] {
    // The rows are this class's own writing, so their form is known.
    const stored = this.db.prepare("SELECT record FROM containers ORDER BY rowid").all().map((row) => JSON.parse(String(row["record"])) as StoredContainer);
    return stored.map((container) => ({ ...container, spec: withContents(container.spec, this.dataDir) }));
  }

  /** Every link that isn't open. */
  links(): SetLink[] {
    return this.db.prepare("SELECT from_id, to_id, link FROM links ORDER BY rowid").all()
      .map((row) => ({ from: String(row["from_id"]), to: String(row["to_id"]), link: JSON.parse(String(row["link"])) as SetLink["link"] }));
  }

  /** Replaces them all, in one transaction. */
  saveLinks(links: readonly SetLink[]): void {
    this.db.exec("BEGIN IMMEDIATE; DELETE FROM links");
    for (const { from, to, link } of links) this.addLink.run(from, to, JSON.stringify(link));
    this.db.exec("COMMIT");
  }

  close(): void {
    this.db.close();
  }
}
