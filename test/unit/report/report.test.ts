import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FleetEvent, FleetEventBody } from "../../../automation/events";
import { criticalPathSeconds, elapsedSeconds, etaSecondsByStack, rootFailures, runEtaSeconds, viewOf, type RunView } from "../../../automation/report";

const START = Date.parse("2026-11-21T09:30:00.000Z");
const at = (seconds: number): number => START + seconds * 1000;

/** Events at seconds after the start. */
function fold(...entries: readonly (readonly [number, FleetEventBody])[]): RunView {
  return viewOf(entries.map(([seconds, body], index) => ({ seq: index + 1, time: new Date(at(seconds)).toISOString(), run: "r", ...body }) as FleetEvent));
}

type Plan = { name: string; dependsOn: string[]; expected?: number; expectedSeconds?: number };
const started = (stacks: Plan[], parallel = 10): FleetEventBody => ({
  type: "run.started", operation: "up", target: "local", project: "demo", configFile: "/fleet.config.ts", pid: 1, parallel, stacks,
});
const running = (stack: string): FleetEventBody => ({ type: "stack.status", stack, status: "running" });
const urn = (name: string, types = "aws:ec2/vpc:Vpc"): string => `urn:pulumi:a::demo::${types}::${name}`;
const begun = (stack: string, name: string, op = "create"): FleetEventBody => ({ type: "resource.started", stack, urn: urn(name), resourceType: "aws:ec2/vpc:Vpc", op });
const ended = (stack: string, name: string, op = "create"): FleetEventBody => ({ type: "resource.finished", stack, urn: urn(name), resourceType: "aws:ec2/vpc:Vpc", op });
const none = { created: 0, updated: 0, same: 0, deleted: 0 };

describe("a stack's view", () => {
  it("counts a replacement as one resource done, created and deleted", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [] }])], [0, running("a")],
      [1, begun("a", "x", "create-replacement")], [2, ended("a", "x", "create-replacement")], [2, ended("a", "x", "replace")], [3, ended("a", "x", "delete-replaced")]);
    expect(view.stacks[0]).toMatchObject({ done: 1, changes: { ...none, created: 1, deleted: 1 }, running: [] });
  });

  it("never expects less than is done, and what was done once it has succeeded", () => {
    const events: [number, FleetEventBody][] = [[0, started([{ name: "a", dependsOn: [], expected: 1 }])], [0, running("a")], [1, ended("a", "x")], [2, ended("a", "y")]];
    expect(fold(...events).stacks[0]).toMatchObject({ done: 2, expected: 2 });
    const result = { name: "b", status: "succeeded", seconds: 1, ...none } as const;
    expect(fold([0, started([{ name: "b", dependsOn: [], expected: 9 }])], [0, running("b")], [1, ended("b", "x")], [2, { type: "stack.finished", stack: "b", result }]).stacks[0]).toMatchObject({ done: 1, expected: 1 });
  });

  it("keeps a terminal status, whatever comes after it", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [] }])], [0, running("a")], [1, { type: "stack.status", stack: "a", status: "failed" }], [2, running("a")]);
    expect(view.stacks[0]).toMatchObject({ status: "failed", startedAt: at(0), finishedAt: at(1) });
  });

  it("ignores events of stacks that the run does not know", () => {
    expect(fold([0, started([])], [1, running("ghost")]).stacks).toEqual([]);
  });

  it("has no resource in progress once it has ended", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [] }])], [0, running("a")], [1, begun("a", "x")], [2, { type: "stack.status", stack: "a", status: "cancelled" }]);
    expect(view.stacks[0]?.running).toEqual([]);
    expect(elapsedSeconds(view.stacks[0] ?? expect.fail(), at(99))).toBe(2);
  });
});

describe("the remaining time", () => {
  it("is unknown for a stack of which nothing is known", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [] }])], [0, running("a")], [5, ended("a", "x")]);
    expect(etaSecondsByStack(view, at(5)).has("a")).toBe(false);
    expect(runEtaSeconds(view, at(5))).toBeUndefined();
  });

  it("is what the last run took, at first", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expectedSeconds: 30 }])], [0, running("a")]);
    expect(etaSecondsByStack(view, at(10)).get("a")).toBe(20);
  });

  it("is unknown again when the last run's time is over and there is no pace", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expectedSeconds: 30 }])], [0, running("a")]);
    expect(etaSecondsByStack(view, at(31)).has("a")).toBe(false);
  });

  it("follows the pace where only the count is known", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expected: 4 }])], [0, running("a")], [10, ended("a", "x")]);
    expect(etaSecondsByStack(view, at(10)).get("a")).toBe(30);
  });

  it("is not shortened by a quick start: the slow resources may come last", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expected: 2, expectedSeconds: 40 }])], [0, running("a")], [10, ended("a", "x")]);
    expect(etaSecondsByStack(view, at(10)).get("a")).toBe(30);
  });

  it("grows when this run is slower than the last, the surer the more is done", () => {
    // Half done after 30 s: the pace says 30 more, the history 10 more; both count half.
    const view = fold([0, started([{ name: "a", dependsOn: [], expected: 2, expectedSeconds: 40 }])], [0, running("a")], [30, ended("a", "x")]);
    expect(etaSecondsByStack(view, at(30)).get("a")).toBe(20);
  });

  it("is unknown when one resource already takes longer than all that is left should", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expected: 3 }])], [0, running("a")], [1, ended("a", "x")], [2, ended("a", "y")], [2, begun("a", "z")]);
    expect(etaSecondsByStack(view, at(2)).get("a")).toBe(1);
    expect(etaSecondsByStack(view, at(9)).has("a")).toBe(false);
  });

  //   a(10) ──► b(20) ──► c(5)
  it("of a waiting stack begins when those it waits for have ended", () => {
    const view = fold([0, started([{ name: "a", dependsOn: [], expectedSeconds: 10 }, { name: "b", dependsOn: ["a"], expectedSeconds: 20 }, { name: "c", dependsOn: ["b"], expectedSeconds: 5 }])], [0, running("a")]);
    expect([...etaSecondsByStack(view, at(4))]).toEqual([["a", 6], ["b", 26], ["c", 31]]);
    expect(runEtaSeconds(view, at(4))).toBe(31);
  });

  it("of a run is the work over the slots, where slots are what lacks", () => {
    const stacks = ["a", "b", "c", "d"].map((name) => ({ name, dependsOn: [], expectedSeconds: 10 }));
    expect(runEtaSeconds(fold([0, started(stacks, 1)]), at(0))).toBe(40);
    expect(runEtaSeconds(fold([0, started(stacks, 4)]), at(0))).toBe(10);
  });

  it("is not told while a run stops", () => {
    expect(runEtaSeconds(fold([0, started([{ name: "a", dependsOn: [], expectedSeconds: 10 }])], [1, { type: "run.stopping", mode: "graceful", signal: "SIGINT" }]), at(1))).toBeUndefined();
  });

  it("does not hang on a journal that names a cycle", () => {
    const view = fold([0, started([{ name: "a", dependsOn: ["b"], expectedSeconds: 1 }, { name: "b", dependsOn: ["a"], expectedSeconds: 1 }])]);
    expect(runEtaSeconds(view, at(0))).toBeUndefined();
  });
});

describe("criticalPathSeconds", () => {
  //   home(10) ─┬─► eu(20) ──► dash(1)
  //             └─► us(25)
  it("is the longest chain by durations", () => {
    const stacks = [{ name: "home", seconds: 10, dependsOn: [] }, { name: "eu", seconds: 20, dependsOn: ["home"] }, { name: "us", seconds: 25, dependsOn: ["home"] }, { name: "dash", seconds: 1, dependsOn: ["eu"] }];
    expect(criticalPathSeconds(stacks)).toBe(35);
  });

  it("is nothing where nothing ran, and passes over stacks that were not selected", () => {
    expect(criticalPathSeconds([])).toBe(0);
    expect(criticalPathSeconds([{ name: "a", seconds: 3, dependsOn: ["elsewhere"] }])).toBe(3);
  });

  it("lies between the longest stack and the sum of all, and is the same with all arrows turned round", () => {
    const dag = fc.array(fc.record({ seconds: fc.integer({ min: 0, max: 100 }), picks: fc.array(fc.nat(20), { maxLength: 4 }) }), { minLength: 1, maxLength: 15 }).map((nodes) =>
      nodes.map(({ seconds, picks }, index) => ({ name: `s${index}`, seconds, dependsOn: picks.filter((pick) => pick < index).map((pick) => `s${pick}`) })));
    fc.assert(fc.property(dag, (stacks) => {
      const length = criticalPathSeconds(stacks);
      expect(length).toBeGreaterThanOrEqual(Math.max(...stacks.map(({ seconds }) => seconds)));
      expect(length).toBeLessThanOrEqual(stacks.reduce((sum, { seconds }) => sum + seconds, 0));
      const turned = stacks.map((stack) => ({ ...stack, dependsOn: stacks.filter((other) => other.dependsOn.includes(stack.name)).map(({ name }) => name) }));
      expect(criticalPathSeconds(turned)).toBe(length);
    }));
  });
});

describe("rootFailures", () => {
  it("tells a failure once, with the stacks that were skipped because of it", () => {
    const error = { code: "resource-failed", message: "no" };
    const view = fold([0, started([{ name: "a", dependsOn: [] }, { name: "b", dependsOn: ["a"] }, { name: "c", dependsOn: ["b"] }])], [0, running("a")],
      [1, { type: "stack.status", stack: "a", status: "failed" }], [1, { type: "stack.finished", stack: "a", result: { name: "a", status: "failed", seconds: 1, ...none, error } }],
      [1, { type: "stack.status", stack: "b", status: "skipped", cause: "a" }], [1, { type: "stack.status", stack: "c", status: "skipped", cause: "a" }]);
    expect(rootFailures(view)).toEqual([{ stack: "a", error, skipped: ["b", "c"] }]);
  });
});
