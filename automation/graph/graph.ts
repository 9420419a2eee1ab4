/** The validated DAG of a fleet: pure and immutable. */
import { inputError } from "../errors";
import { cycleFault } from "../topology/checks";
import { findCycles } from "../topology/cycles";
import type { StackNode } from "../topology/types";

/** What the graph keeps of a stack. */
export type GraphStack = Pick<StackNode, "name" | "dependsOn" | "tags" | "region">;

export interface Graph {
  /** Every stack, dependencies first; of those that could come next, the first by name. */
  readonly order: readonly string[];
  /** Stacks by the length of their longest chain of dependencies: `levels[0]` has none. Sorted by name. */
  readonly levels: readonly (readonly string[])[];
  /** Stacks that must be done before this one, sorted; empty for an unknown name. */
  dependencies(name: string): readonly string[];
  /** Stacks that wait for this one, sorted; empty for an unknown name. */
  dependents(name: string): readonly string[];
  /** Region and tags; `undefined` for an unknown name. */
  stack(name: string): GraphStack | undefined;
}

/**
 * Builds the graph of a topology.
 * @throws FleetError `config-invalid` naming every cycle in full, or every dependency that is no stack
 */
export function buildGraph(topology: { readonly stacks: readonly GraphStack[] }): Graph {
  const dependencies = new Map(topology.stacks.map(({ name, dependsOn }) => [name, [...new Set(dependsOn)].sort(byName)]));
  const unknown = topology.stacks.flatMap(({ name, dependsOn }) => dependsOn.filter((other) => !dependencies.has(other)).map((got) => ({
    path: `stacks.${name}.dependsOn`, problem: "unknown stack", got, expected: "a stack of the fleet", fix: "declare it, or remove the dependency",
  })));
  const cycles = findCycles(dependencies).map(cycleFault);
  if (unknown.length + cycles.length > 0) throw inputError("graph", [...unknown, ...cycles]);
  return graphOf(new Map(topology.stacks.map((stack) => [stack.name, stack])), dependencies);
}

/** The same stacks with every arrow turned round: the order of a destroy. */
export function reverse(graph: Graph): Graph {
  return graphOf(stacksOf(graph), new Map(graph.order.map((name) => [name, graph.dependents(name)])));
}

/**
 * The part of a graph that has only the named stacks. Order that came about through a stack left out stays: when `a` depends on `b`,
 * `b` on `c`, and `b` is left out, `a` depends on `c`.
 */
export function subgraph(graph: Graph, names: ReadonlySet<string>): Graph {
  const inside = graph.order.filter((name) => names.has(name));
  const stacks = new Map([...stacksOf(graph)].filter(([name]) => names.has(name)));
  return graphOf(stacks, new Map(inside.map((name) => [name, [...nearestThrough(name, graph.dependencies, names)].sort(byName)])));
}

/** Everything that can be reached from the given stacks, without them (unless one reaches another). */
export function reachable(from: Iterable<string>, next: (name: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const other of next(name)) {
      if (found.has(other)) continue;
      found.add(other);
      open.push(other);
    }
  }
  return found;
}

/** The first stacks of `stop` on every way from `from`. */
export function nearestThrough(from: string, next: (name: string) => readonly string[], stop: ReadonlySet<string>): Set<string> {
  const passable = (name: string): readonly string[] => (name !== from && stop.has(name) ? [] : next(name));
  return new Set([...reachable([from], passable)].filter((name) => stop.has(name)));
}

/** Code unit order: the same on every machine, whatever its locale. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function stacksOf(graph: Graph): Map<string, GraphStack> {
  return new Map(graph.order.flatMap((name) => {
    const stack = graph.stack(name);
    return stack === undefined ? [] : [[name, stack] as const];
  }));
}

function graphOf(stacks: ReadonlyMap<string, GraphStack>, dependencies: ReadonlyMap<string, readonly string[]>): Graph {
  const dependents = new Map<string, string[]>([...dependencies.keys()].map((name) => [name, []]));
  for (const name of [...dependencies.keys()].sort(byName)) {
    for (const dependency of dependencies.get(name) ?? []) dependents.get(dependency)?.push(name);
  }
  const order = topologicalOrder(dependencies, dependents);
  return {
    order,
    levels: levelsOf(order, dependencies),
    dependencies: (name) => dependencies.get(name) ?? [],
    dependents: (name) => dependents.get(name) ?? [],
    stack: (name) => stacks.get(name),
  };
}

function topologicalOrder(dependencies: ReadonlyMap<string, readonly string[]>, dependents: ReadonlyMap<string, readonly string[]>): string[] {
  const waiting = new Map([...dependencies].map(([name, list]) => [name, list.length]));
  const free = [...waiting].flatMap(([name, count]) => (count === 0 ? [name] : [])).sort(byName);
  const order: string[] = [];
  for (let name = free.shift(); name !== undefined; name = free.shift()) {
    order.push(name);
    for (const dependent of dependents.get(name) ?? []) {
      const left = (waiting.get(dependent) ?? 0) - 1;
      waiting.set(dependent, left);
      if (left === 0) insertSorted(free, dependent);
    }
  }
  return order;
}

function insertSorted(sorted: string[], name: string): void {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (byName(sorted[middle] ?? "", name) < 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, name);
}

function levelsOf(order: readonly string[], dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const depth = new Map<string, number>();
  const levels: string[][] = [];
  for (const name of order) {
    const level = (dependencies.get(name) ?? []).reduce((deepest, dependency) => Math.max(deepest, (depth.get(dependency) ?? 0) + 1), 0);
    depth.set(name, level);
    (levels[level] ??= []).push(name);
  }
  return levels.map((names) => names.sort(byName));
}
