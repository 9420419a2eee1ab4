/** The graph as text, Mermaid and JSON. */
import { describe, expect, it } from "vitest";
import { buildGraph, renderGraph } from "../../../automation/graph";
import { graphOf } from "./fleets";

const fleet = buildGraph({
  stacks: [
    { name: "home", dependsOn: [], tags: ["core"], region: "eu-central-1" },
    { name: "eu-west-1", dependsOn: ["home"], tags: [], region: "eu-west-1" },
    { name: "report", dependsOn: ["home", "eu-west-1"], tags: [] },
  ],
});

describe("renderGraph", () => {
  it("prints text by level, with aligned columns", () => {
    expect(renderGraph(fleet, "text")).toBe([
      "3 stacks in 3 levels; an arrow points to what a stack waits for", "",
      "level 1 (1)", "  home       eu-central-1", "",
      "level 2 (1)", "  eu-west-1  eu-west-1     → home", "",
      "level 3 (1)", "  report                   → eu-west-1, home", "",
    ].join("\n"));
  });

  it("stays one line a stack with a hundred stacks that all wait for one another", () => {
    const names = Array.from({ length: 100 }, (_, index) => `stack-${String(index).padStart(3, "0")}`);
    const text = renderGraph(graphOf(Object.fromEntries(names.map((name, index) => [name, names.slice(0, index)]))), "text");
    expect(text.split("\n").filter((line) => line.startsWith("  "))).toHaveLength(100);
    expect(text).toContain("  stack-099    → stack-000, stack-001, stack-002, stack-003 and 95 more\n");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("says so when there is none", () => {
    expect(renderGraph(buildGraph({ stacks: [] }), "text")).toBe("no stacks\n");
  });

  it("prints Mermaid whose arrows follow the order of an up", () => {
    expect(renderGraph(fleet, "mermaid")).toBe([
      "flowchart LR", '  s0["home<br/>eu-central-1"]', '  s1["eu-west-1<br/>eu-west-1"]', '  s2["report"]', "  s0 --> s1", "  s1 --> s2", "  s0 --> s2", "",
    ].join("\n"));
  });

  it("prints JSON with levels", () => {
    expect(JSON.parse(renderGraph(fleet, "json"))).toEqual({
      stacks: [
        { name: "eu-west-1", level: 1, region: "eu-west-1", tags: [], dependsOn: ["home"] },
        { name: "home", level: 0, region: "eu-central-1", tags: ["core"], dependsOn: [] },
        { name: "report", level: 2, tags: [], dependsOn: ["eu-west-1", "home"] },
      ],
      levels: [["home"], ["eu-west-1"], ["report"]],
    });
  });
});
