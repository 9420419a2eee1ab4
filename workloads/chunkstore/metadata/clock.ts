/** Vector clocks: what a version of a name includes, and so which version succeeded which. */
import type { VectorClock } from "../contract/record";

/** How one version stands to another; `concurrent`: neither includes the other. */
export type ClockOrder = "equal" | "before" | "after" | "concurrent";

/** The latest write of a node that a version includes; 0 when none. */
export function countOf(clock: VectorClock, node: string): number {
  // A node may be called `constructor`: only own keys are entries.
  return Object.hasOwn(clock, node) ? (clock[node] ?? 0) : 0;
}

export function compareClocks(a: VectorClock, b: VectorClock): ClockOrder {
  const below = isIncluded(a, b);
  const above = isIncluded(b, a);
  if (below) return above ? "equal" : "before";
  return above ? "after" : "concurrent";
}

/** The least version that includes both. */
export function joinClocks(a: VectorClock, b: VectorClock): VectorClock {
  const joined: VectorClock = { ...a };
  for (const node of Object.keys(b)) joined[node] = Math.max(countOf(a, node), countOf(b, node));
  return joined;
}

function isIncluded(a: VectorClock, b: VectorClock): boolean {
  return Object.keys(a).every((node) => countOf(a, node) <= countOf(b, node));
}
