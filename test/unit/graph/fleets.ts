/** Small graphs for tests, and random ones. */
import fc from "fast-check";
import { buildGraph, type Graph } from "../../../automation/graph";

/** `{ b: ["a"] }`: b depends on a. Names that occur only as dependencies are declared too. */
export function graphOf(edges: Readonly<Record<string, readonly string[]>>, tags: Readonly<Record<string, readonly string[]>> = {}): Graph {
  const names = new Set([...Object.keys(edges), ...Object.values(edges).flat()]);
  return buildGraph({ stacks: [...names].map((name) => ({ name, dependsOn: own(edges, name), tags: own(tags, name) })) });
}

function own(lists: Readonly<Record<string, readonly string[]>>, name: string): readonly string[] {
  return Object.hasOwn(lists, name) ? lists[name] ?? [] : [];
}

/** Random DAGs of up to `size` stacks, whose names say nothing about their order. */
export function anyGraph(size = 14): fc.Arbitrary<Graph> {
  return fc.integer({ min: 1, max: size }).chain((count) => fc.tuple(
    fc.shuffledSubarray(Array.from({ length: count }, (_, index) => `s${index}`), { minLength: count, maxLength: count }),
    fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: count * 2 }),
  )).map(([names, pairs]) => {
    const edges: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
    for (const [one, other] of pairs) {
      const [from, to] = [names[Math.max(one, other)], names[Math.min(one, other)]];
      if (from !== undefined && to !== undefined && from !== to) edges[from]?.push(to);
    }
    return graphOf(edges);
  });
}
