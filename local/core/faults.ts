/** The fault plan: which create of a type goes wrong, and how. Each fault fires once. */
import type { Fault, NewFault } from "../protocol";
import type { CloudDatabase } from "./database";

type Kind = Fault["kind"];

export class FaultPlan {
  readonly #faults: Map<number, Fault>;
  readonly #holds = new Set<() => void>();
  readonly #insert;
  readonly #update;
  readonly #clear;

  constructor(database: CloudDatabase) {
    const { db } = database;
    this.#insert = db.prepare("INSERT INTO faults (type, stack, nth, kind, seen, fired) VALUES (?, ?, ?, ?, 0, 0)");
    this.#update = db.prepare("UPDATE faults SET seen = ?, fired = ? WHERE id = ?");
    this.#clear = db.prepare("DELETE FROM faults");
    this.#faults = new Map(db.prepare("SELECT * FROM faults ORDER BY id").all().map((row) => [Number(row["id"]), toFault(row)]));
  }

  /** `nth` counts creates from now on. @default nth 1 */
  add(fault: NewFault): Fault {
    const nth = fault.nth ?? 1;
    const { lastInsertRowid } = this.#insert.run(fault.type, fault.stack ?? null, nth, fault.kind);
    const added: Fault = { id: Number(lastInsertRowid), type: fault.type, nth, kind: fault.kind, seen: 0, fired: false, ...(fault.stack !== undefined && { stack: fault.stack }) };
    this.#faults.set(added.id, added);
    return added;
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }

  /** Forgets every fault, fired or not, and lets go what hangs. */
  clear(): void {
    this.#clear.run();
    this.#faults.clear();
    for (const release of this.#holds) release();
  }

  /** Counts a create and returns what goes wrong with it. When several faults are due, the rest fire at the next creates. */
  next(type: string, stack: string): Kind | undefined {
    let due: Fault | undefined;
    for (const fault of this.#faults.values()) {
      if (fault.fired || fault.type !== type || (fault.stack !== undefined && fault.stack !== stack)) continue;
      const seen = fault.seen + 1;
      const fired: boolean = due === undefined && seen >= fault.nth;
      const counted = { ...fault, seen, fired };
      this.#faults.set(fault.id, counted);
      this.#update.run(seen, fired ? 1 : 0, fault.id);
      if (fired) due = counted;
    }
    return due?.kind;
  }

  /** Hangs until the plan is cleared or the signal aborts. */
  hold(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const release = () => {
        this.#holds.delete(release);
        signal.removeEventListener("abort", release);
        resolve();
      };
      this.#holds.add(release);
      signal.addEventListener("abort", release, { once: true });
    });
  }
}

function toFault(row: Record<string, unknown>): Fault {
  const stack = row["stack"];
  return {
    id: Number(row["id"]), type: String(row["type"]), nth: Number(row["nth"]),
    // Only `add` writes this column.
    kind: String(row["kind"]) as Kind,
    seen: Number(row["seen"]), fired: row["fired"] === 1, ...(typeof stack === "string" && { stack }),
  };
}
