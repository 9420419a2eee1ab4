/**
 * Merging two versions of a name: their versions are joined, and the last writer's state is kept.
 *
 * Both parts are joins of semilattices (the pointwise maximum; the maximum of a total order that looks at nothing that
 * a merge changes), hence so is the whole: commutative, associative and idempotent, for any records whatever. Nodes that
 * have heard of the same writes hold the same record, in whatever order and how often they heard of them.
 */
import type { FileRecord } from "../contract/record";
import { compareClocks, joinClocks, type ClockOrder } from "./clock";
import { compareWrites } from "./order";

/**
 * What became of the record that was held, and why:
 * - `same`: both are equal
 * - `kept`: it includes the other
 * - `replaced`: the other includes it, or both hold the same write and only the joined version is new
 * - `conflict-kept`, `conflict-replaced`: neither included the other and the last writer won; the version is new in both cases
 */
export type MergeOutcome = "same" | "kept" | "replaced" | "conflict-kept" | "conflict-replaced";

export interface Merged {
  readonly record: FileRecord;
  readonly outcome: MergeOutcome;
}

/**
 * Merges what arrived into what is held. Either argument is returned itself where it is the result.
 * @param a what is held
 * @param b what arrived
 * @throws {TypeError} when they are records of different names
 */
export function mergeRecords(a: FileRecord, b: FileRecord): Merged {
  if (a.name !== b.name) throw new TypeError("records of two names can't be merged");
  const clocks = compareClocks(a.version, b.version);
  const writes = compareWrites(a, b);
  const winner = writes >= 0 ? a : b;
  return { record: joined(winner, a, b, clocks), outcome: outcomeOf(clocks, writes) };
}

function joined(winner: FileRecord, a: FileRecord, b: FileRecord, clocks: ClockOrder): FileRecord {
  if (clocks === "equal" || (clocks === "after" && winner === a) || (clocks === "before" && winner === b)) return winner;
  if (clocks === "before" && compareWrites(a, b) === 0) return b;
  return { ...winner, version: joinClocks(a.version, b.version) };
}

function outcomeOf(clocks: ClockOrder, writes: number): MergeOutcome {
  if (writes === 0) return clocks === "equal" ? "same" : clocks === "after" ? "kept" : "replaced";
  if (clocks === "after" && writes > 0) return "kept";
  if (clocks === "before" && writes < 0) return "replaced";
  return writes > 0 ? "conflict-kept" : "conflict-replaced";
}
