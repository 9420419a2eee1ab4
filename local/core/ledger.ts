/** The ledger: every create, read, update and delete call with its result, appended before the call does anything. */
import type { LedgerEntry } from "../protocol";
import type { CloudDatabase } from "./database";

export const PENDING = "pending";
export const OK = "ok";
/** Result of a call that the service refused or that failed. */
export function failed(reason: string): string {
  return `error: ${reason}`;
}

export interface LedgerCall {
  readonly stack: string;
  readonly urn: string;
  readonly type: string;
  readonly operation: LedgerEntry["operation"];
  /** Empty while a create has no id yet. */
  readonly id: string;
  readonly region: string;
  readonly modelledSeconds: number;
}

/** An entry whose call is under way. */
export interface OpenEntry {
  readonly seq: number;
  /** Sets the id as soon as it is known, before the result is. */
  assign(id: string): void;
  /** Writes the result; only the first one counts. `extraSeconds` come on top of what was modelled when the call came. */
  close(result: string, extraSeconds?: number): void;
}

export interface LedgerFilter { readonly since?: number; readonly stack?: string; readonly type?: string }

type Row = Record<string, unknown>;

export class Ledger {
  readonly #insert;
  readonly #assign;
  readonly #close;
  readonly #select;
  readonly #count;
  readonly #pending;

  constructor(database: CloudDatabase, private readonly now: () => Date = () => new Date()) {
    const { db } = database;
    this.#insert = db.prepare(`INSERT INTO ledger (time, stack, urn, type, operation, id, result, modelled_seconds, region) VALUES (?, ?, ?, ?, ?, ?, '${PENDING}', ?, ?)`);
    this.#assign = db.prepare("UPDATE ledger SET id = ? WHERE seq = ?");
    this.#close = db.prepare(`UPDATE ledger SET result = ?, duration_ms = ?, modelled_seconds = modelled_seconds + ? WHERE seq = ? AND result = '${PENDING}'`);
    this.#select = db.prepare("SELECT * FROM ledger WHERE seq > ?1 AND (?2 IS NULL OR stack = ?2) AND (?3 IS NULL OR type = ?3) ORDER BY seq");
    this.#count = db.prepare("SELECT count(*) AS entries FROM ledger");
    this.#pending = db.prepare(`SELECT * FROM ledger WHERE result = '${PENDING}' ORDER BY seq`);
  }

  open(call: LedgerCall): OpenEntry {
    const time = this.now();
    const { lastInsertRowid } = this.#insert.run(time.toISOString(), call.stack, call.urn, call.type, call.operation, call.id, call.modelledSeconds, call.region);
    return this.#entry(Number(lastInsertRowid), time.getTime());
  }

  /** Entries after `since`, of a stack, of a type. */
  list(filter: LedgerFilter = {}): LedgerEntry[] {
    return this.#select.all(filter.since ?? 0, filter.stack ?? null, filter.type ?? null).map(toEntry);
  }

  count(): number {
    return Number(this.#count.get()?.["entries"]);
  }

  /** Calls that were under way when an earlier daemon ended, ready to be closed. */
  interrupted(): { readonly entry: LedgerEntry; readonly call: OpenEntry }[] {
    return this.#pending.all().map(toEntry).map((entry) => ({ entry, call: this.#entry(entry.seq, Date.parse(entry.time)) }));
  }

  #entry(seq: number, startedMs: number): OpenEntry {
    return {
      seq,
      assign: (id) => void this.#assign.run(id, seq),
      close: (result, extraSeconds = 0) => void this.#close.run(result, Math.max(0, this.now().getTime() - startedMs), extraSeconds, seq),
    };
  }
}

function toEntry(row: Row): LedgerEntry {
  const number = (value: unknown) => (typeof value === "number" ? value : undefined);
  const duration = number(row["duration_ms"]);
  const modelled = number(row["modelled_seconds"]);
  const region = row["region"];
  return {
    seq: Number(row["seq"]), time: String(row["time"]), stack: String(row["stack"]), urn: String(row["urn"]), type: String(row["type"]),
    // Only `open` writes this column.
    operation: String(row["operation"]) as LedgerEntry["operation"],
    id: String(row["id"]), result: String(row["result"]),
    ...(duration !== undefined && { durationMs: duration }),
    ...(modelled !== undefined && { modelledSeconds: modelled }),
    ...(typeof region === "string" && { region }),
  };
}
