/** Finds cycles in a dependency map and names each in full. */

/**
 * One shortest cycle for every knot of the graph, as closed paths: `["a", "b", "c", "a"]`, an arrow meaning "depends on".
 * Cycles that share a stack with one already named come up once that one is gone. Self-dependencies count as cycles.
 * @param edges stack → stacks it depends on; targets that are no keys are ignored
 */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const named = new Set<string>();
  const cycles: string[][] = [];
  for (const start of knotted(edges)) {
    if (named.has(start)) continue;
    const cycle = shortestCycle(edges, start);
    if (cycle === undefined || cycle.some((name) => named.has(name))) continue;
    for (const name of cycle) named.add(name);
    cycles.push(cycle);
  }
  return cycles;
}

/** Stacks that remain, sorted, when all that wait for nothing in the rest are taken away again and again. */
function knotted(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const waiting = new Map([...edges].map(([name, targets]) => [name, targets.filter((target) => edges.has(target)).length]));
  const dependents = new Map<string, string[]>([...edges.keys()].map((name) => [name, []]));
  for (const [name, targets] of edges) for (const target of targets) dependents.get(target)?.push(name);
  const free = [...waiting].flatMap(([name, count]) => (count === 0 ? [name] : []));
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    waiting.delete(name);
    for (const dependent of dependents.get(name) ?? []) {
      const left = (waiting.get(dependent) ?? 0) - 1;
      waiting.set(dependent, left);
      if (left === 0) free.push(dependent);
    }
  }
  return [...waiting.keys()].sort();
}

/** Breadth first from `start` back to itself; `undefined` when it only leads into a cycle. */
function shortestCycle(edges: ReadonlyMap<string, readonly string[]>, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  let front = [start];
  while (front.length > 0) {
    const next: string[] = [];
    for (const name of front) {
      for (const target of edges.get(name) ?? []) {
        if (target === start) return pathBack(cameFrom, start, name);
        if (cameFrom.has(target)) continue;
        cameFrom.set(target, name);
        next.push(target);
      }
    }
    front = next;
  }
  return undefined;
}

function pathBack(cameFrom: ReadonlyMap<string, string>, start: string, last: string): string[] {
  const path = [start];
  for (let name: string | undefined = last; name !== undefined && name !== start; name = cameFrom.get(name)) path.unshift(name);
  return [start, ...path];
}
