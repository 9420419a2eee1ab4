/** Selectors and what a selection lacks. An arrow points from a dependency to its dependents. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { liveDependents, missingDependencies, select } from "../../../automation/graph";
import { anyGraph, graphOf } from "./fleets";

//  home ──> eu-1 ──> eu-app
//      └──> eu-2
//      └──> us-1       solo
const fleet = graphOf(
  { "eu-1": ["home"], "eu-2": ["home"], "us-1": ["home"], "eu-app": ["eu-1"], "solo": [] },
  { "home": ["core"], "eu-1": ["region", "team/a"], "eu-2": ["region"], "us-1": ["region", "team/b"] },
);

function faultsOf(...selectors: string[]): readonly string[] {
  try {
    select(fleet, selectors);
  } catch (error) {
    if (error instanceof FleetError) return error.options.details ?? [];
    throw error;
  }
  return [];
}

describe("select", () => {
  it.each<[string[], string[]]>([
    [[], ["eu-1", "eu-2", "eu-app", "home", "solo", "us-1"]],
    [["home"], ["home"]],
    [["eu-*"], ["eu-1", "eu-2", "eu-app"]],
    [["eu-?"], ["eu-1", "eu-2"]],
    [["*"], ["eu-1", "eu-2", "eu-app", "home", "solo", "us-1"]],
    [["tag:region"], ["eu-1", "eu-2", "us-1"]],
    [["tag:team/*"], ["eu-1", "us-1"]],
    [["+eu-app"], ["eu-1", "eu-app", "home"]],
    [["eu-1+"], ["eu-1", "eu-app"]],
    [["+eu-1+"], ["eu-1", "eu-app", "home"]],
    [["home+"], ["eu-1", "eu-2", "eu-app", "home", "us-1"]],
    [["+tag:team/b"], ["home", "us-1"]],
    [["solo", "eu-2", "solo"], ["eu-2", "solo"]],
  ])("%j selects %j", (selectors, names) => {
    expect([...select(fleet, selectors)].sort()).toEqual(names);
  });

  it("reads a dot in a name as a dot", () => {
    const dotted = graphOf({ "a.b": [], "axb": [] });
    expect([...select(dotted, ["a.b"])]).toEqual(["a.b"]);
    expect([...select(dotted, ["a.*"])]).toEqual(["a.b"]);
  });

  it("reports every selector that selects nothing, with the nearest match", () => {
    const stacks = "expected one of eu-1, eu-2, eu-app, home, solo, us-1";
    expect(faultsOf("hoem+", "home", "ap-*", "tag:regoin", "+zzzzzz", "+", "")).toEqual([
      `selector: unknown stack; got "hoem+"; ${stacks}; did you mean home?`,
      `selector: pattern that matches nothing; got "ap-*"; ${stacks}; \`stackfleet graph\` lists the stacks`,
      'selector: unknown tag; got "tag:regoin"; expected one of tag:core, tag:region, tag:team/a, tag:team/b; did you mean tag:region?',
      `selector: unknown stack; got "+zzzzzz"; ${stacks}; \`stackfleet graph\` lists the stacks`,
      `selector: unknown stack; got "+"; ${stacks}; \`stackfleet graph\` lists the stacks`,
      `selector: unknown stack; got ""; ${stacks}; \`stackfleet graph\` lists the stacks`,
    ]);
  });

  it("with + on the left lacks no dependency, on the right leaves no dependent", () => {
    fc.assert(fc.property(anyGraph(), fc.nat(), (graph, pick) => {
      const name = graph.order[pick % graph.order.length] ?? "";
      expect(missingDependencies(graph, select(graph, [`+${name}`]))).toEqual([]);
      expect(liveDependents(graph, select(graph, [`${name}+`]), new Set(graph.order))).toEqual([]);
    }));
  });
});

describe("missingDependencies", () => {
  it("pairs each selected stack with what it lacks", () => {
    expect(missingDependencies(fleet, new Set(["eu-app", "eu-2"]))).toEqual([
      { stack: "eu-2", dependency: "home" }, { stack: "eu-app", dependency: "eu-1" },
    ]);
    expect(missingDependencies(fleet, new Set(["home", "eu-2", "solo"]))).toEqual([]);
  });
});

describe("liveDependents", () => {
  it.each<[string, string[], string[], object[]]>([
    ["a live dependent that is not selected", ["eu-1"], ["home", "eu-1", "eu-app"], [{ stack: "eu-1", dependent: "eu-app" }]],
    ["nothing when it is selected too", ["eu-1", "eu-app"], ["home", "eu-1", "eu-app"], []],
    ["nothing when it is not up", ["eu-1"], ["home", "eu-1"], []],
    ["one that depends through a stack that is not up", ["home"], ["home", "eu-app"], [{ stack: "home", dependent: "eu-app" }]],
    ["each at the nearest selected stack only", ["home", "eu-1"], ["home", "eu-1", "eu-app"], [{ stack: "eu-1", dependent: "eu-app" }]],
    ["each at the nearest selected stack only, also when that one is not up", ["home", "eu-1"], ["home", "eu-app"], [{ stack: "eu-1", dependent: "eu-app" }]],
  ])("finds %s", (_, selected, live, pairs) => {
    expect(liveDependents(fleet, new Set(selected), new Set(live))).toEqual(pairs);
  });
});
