/**
 * The total order of the writes of a name, and the stamps that make it extend causality.
 *
 * A stamp is a hybrid logical clock's reading: the cluster's time, or one more than the stamp of the version that the write
 * builds on. The clock is kept **per name**. Only versions of one name are ever compared, so nothing is lost by it, and a
 * stamp that is far ahead (a node that started alone with its clock a year wrong) can't spread: it rules its own name, where
 * every later write goes beyond it, and no other. Such a stamp is merged like any other, because whether it is too far ahead
 * depends on whose clock is asked, and nodes that answered differently would never agree again. What is refused is
 * refused by a constant, and so alike everywhere: {@link MAX_STAMP_TIME}.
 *
 * Of a name whose stamp runs ahead, a later write on the other side of a partition wins or loses by the number of writes, not
 * by the time, until the cluster's time has caught up. All nodes agree all the same.
 */
import type { FileRecord, RecordState, Stamp } from "../contract/record";
import { MAX_STAMP_TIME } from "../contract/record";
import { encodeState } from "./encode";

/** Negative when `a` is earlier. Two writes with equal stamps are the same write, but for a node ID that is used twice. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.time - b.time || compareText(a.node, b.node);
}

/**
 * The order by which the last writer is found: stamps, and the content where a node ID was used twice in one millisecond.
 * It doesn't look at the version, which grows in merges: what a write beats must not depend on what it was merged with before.
 */
export function compareWrites(a: Pick<FileRecord, "stamp" | "state">, b: Pick<FileRecord, "stamp" | "state">): number {
  return compareStamps(a.stamp, b.stamp) || compareStates(a.state, b.state);
}

/**
 * Time of the stamp of a new write.
 * @param now cluster time, milliseconds since 1970; may be wrong, may have gone back
 * @param seen times of the versions of the name that the write must come after
 * @throws {RangeError} when the name's stamp is at the end of all time, which no clock reaches
 */
export function nextTime(now: number, seen: readonly number[]): number {
  const time = Math.max(1, Math.floor(now), ...seen.map((one) => one + 1));
  if (time > MAX_STAMP_TIME) throw new RangeError(`stamp is after the last one; got ${time}; expected at most ${MAX_STAMP_TIME}`);
  return time;
}

function compareStates(a: RecordState, b: RecordState): number {
  return a === b ? 0 : compareText(encodeState(a), encodeState(b));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
