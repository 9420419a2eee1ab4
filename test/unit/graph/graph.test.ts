/** Build, order, levels, reverse and parts of a graph. An arrow in a drawing points from a dependency to its dependents. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildGraph, reachable, reverse, subgraph } from "../../../automation/graph";
import { anyGraph, graphOf } from "./fleets";

//  a ──> b ──> d
//  └───> c ────┘     e
const diamond = graphOf({ b: ["a"], c: ["a"], d: ["c", "b"], e: [] });

describe("buildGraph", () => {
  it("orders dependencies first, ties by name", () => {
    expect(diamond.order).toEqual(["a", "b", "c", "d", "e"]);
    //  z ──> a     b
    expect(graphOf({ a: ["z"], b: [] }).order).toEqual(["b", "z", "a"]);
  });

  it("puts into one level what can run at once", () => {
    expect(diamond.levels).toEqual([["a", "e"], ["b", "c"], ["d"]]);
  });

  it("knows both directions, sorted", () => {
    expect(diamond.dependencies("d")).toEqual(["b", "c"]);
    expect(diamond.dependents("a")).toEqual(["b", "c"]);
    expect(diamond.dependencies("nobody")).toEqual([]);
    expect(diamond.stack("nobody")).toBeUndefined();
  });

  it("names a cycle in full", () => {
    expect(() => graphOf({ a: ["b"], b: ["c"], c: ["a"] })).toThrow(expect.objectContaining({
      options: expect.objectContaining({ details: ['stacks.a.dependsOn: dependencies in a cycle; got "a → b → c → a"; expected dependencies without a cycle; remove one of them'] }) as unknown,
    }));
  });

  it("refuses a dependency that is no stack", () => {
    expect(() => buildGraph({ stacks: [{ name: "a", dependsOn: ["b"], tags: [] }] })).toThrow("graph: 1 fault");
  });

  it("takes names that objects have already", () => {
    expect(graphOf({ constructor: ["__proto__"] }).order).toEqual(["__proto__", "constructor"]);
  });

  it("orders ten thousand stacks in a chain", () => {
    const stacks = Array.from({ length: 10_000 }, (_, index) => ({ name: `s${index}`, dependsOn: index === 0 ? [] : [`s${index - 1}`], tags: [] }));
    expect(buildGraph({ stacks: stacks.reverse() }).levels).toHaveLength(10_000);
  });

  it("never puts a stack before its dependencies, and the longest chain decides the level", () => {
    fc.assert(fc.property(anyGraph(), (graph) => {
      const at = new Map(graph.order.map((name, index) => [name, index]));
      const level = new Map(graph.levels.flatMap((names, index) => names.map((name) => [name, index] as const)));
      for (const name of graph.order) {
        const dependencies = graph.dependencies(name);
        for (const dependency of dependencies) expect(at.get(dependency)).toBeLessThan(at.get(name) ?? -1);
        expect(level.get(name)).toBe(dependencies.length === 0 ? 0 : Math.max(...dependencies.map((dependency) => level.get(dependency) ?? NaN)) + 1);
      }
    }));
  });

  it("gives the same graph whatever order the stacks are declared in", () => {
    const shuffled = anyGraph().chain((graph) => fc.tuple(fc.constant(graph), fc.shuffledSubarray([...graph.order], { minLength: graph.order.length })));
    fc.assert(fc.property(shuffled, ([graph, names]) => {
      const again = buildGraph({ stacks: names.map((name) => ({ name, dependsOn: [...graph.dependencies(name)].reverse(), tags: [] })) });
      expect([again.order, again.levels]).toEqual([graph.order, graph.levels]);
    }));
  });
});

describe("reverse", () => {
  it("turns every arrow round", () => {
    expect(reverse(diamond).order).toEqual(["d", "b", "c", "a", "e"]);
    expect(reverse(diamond).dependencies("a")).toEqual(["b", "c"]);
  });

  it("twice is the same graph", () => {
    fc.assert(fc.property(anyGraph(), (graph) => {
      const twice = reverse(reverse(graph));
      expect(twice.order).toEqual(graph.order);
      for (const name of graph.order) expect(twice.dependencies(name)).toEqual(graph.dependencies(name));
    }));
  });
});

describe("subgraph", () => {
  it("keeps the order that came about through a stack left out", () => {
    //  a ──> b ──> c
    const part = subgraph(graphOf({ b: ["a"], c: ["b"] }), new Set(["a", "c"]));
    expect(part.order).toEqual(["a", "c"]);
    expect(part.dependencies("c")).toEqual(["a"]);
  });

  it("keeps region and tags, and ignores names that are no stacks", () => {
    const graph = buildGraph({ stacks: [{ name: "a", dependsOn: [], tags: ["t"], region: "eu-west-1" }] });
    expect(subgraph(graph, new Set(["a", "nobody"])).stack("a")).toMatchObject({ tags: ["t"], region: "eu-west-1" });
    expect(subgraph(graph, new Set(["nobody"])).order).toEqual([]);
  });

  it("has one stack wait for another exactly when the whole graph does", () => {
    const withPart = anyGraph().chain((graph) => fc.tuple(fc.constant(graph), fc.subarray([...graph.order])));
    fc.assert(fc.property(withPart, ([graph, names]) => {
      const part = subgraph(graph, new Set(names));
      for (const name of names) {
        const whole = [...reachable([name], graph.dependencies)].filter((other) => names.includes(other)).sort();
        expect([...reachable([name], part.dependencies)].sort()).toEqual(whole);
      }
    }));
  });
});
