/** How urgent each stack is: the longest chain of work that can't begin before it. */
import type { Graph } from "../graph";

/** Stands in when nothing is known: only the ratio between stacks matters. */
const UNKNOWN_SECONDS = 1;

/**
 * Seconds from the start of each stack to the end of the longest chain that waits for it.
 * @param durations expected seconds; entries that are no positive number count as unknown, and unknown ones as the median of the known
 */
export function remainingPaths(graph: Graph, durations: Readonly<Record<string, number>>): Map<string, number> {
  const known = new Map(Object.entries(durations).filter(([name, seconds]) => graph.stack(name) !== undefined && Number.isFinite(seconds) && seconds > 0));
  const fallback = median([...known.values()]) ?? UNKNOWN_SECONDS;
  const paths = new Map<string, number>();
  for (const name of graph.order.toReversed()) {
    const after = graph.dependents(name).reduce((longest, dependent) => Math.max(longest, paths.get(dependent) ?? 0), 0);
    paths.set(name, after + (known.get(name) ?? fallback));
  }
  return paths;
}

function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
