/** What runs when, and how each stack ends. An arrow in a drawing points from a dependency to its dependents. */
import { describe, expect, it } from "vitest";
import { reverse } from "../../../automation/graph";
import { createScheduler, finish, isDone, ready, start, statusOf, stop, type Outcome, type SchedulerState } from "../../../automation/scheduler";
import { graphOf } from "../graph/fleets";

/** Starts and finishes stacks one after the other: `["a", "succeeded"]`; `["a"]` only starts. */
function play(state: SchedulerState, ...steps: readonly (readonly [string, Outcome?])[]): SchedulerState {
  return steps.reduce((current, [name, outcome]) => {
    const running = start(current, name);
    return outcome === undefined ? running : finish(running, name, outcome);
  }, state);
}

/** `a:succeeded b:skipped(dependency-failed by a)` */
function summary(state: SchedulerState): string {
  return Object.entries(statusOf(state)).map(([name, { status, reason, cause }]) =>
    `${name}:${status}${reason === undefined ? "" : `(${reason}${cause === undefined ? "" : ` by ${cause}`})`}`).join(" ");
}

//  a ──> b ──> d
//  └───> c ────┘     e
const diamond = graphOf({ b: ["a"], c: ["a"], d: ["b", "c"], e: [] });

describe("order", () => {
  it("starts with what has no dependency", () => {
    expect(ready(createScheduler(diamond))).toEqual(["a", "e"]);
  });

  it("makes a dependent ready only when all its dependencies have succeeded", () => {
    const state = play(createScheduler(diamond), ["a", "succeeded"], ["b", "unchanged"]);
    expect(ready(state)).toEqual(["c", "e"]);
    expect(ready(play(state, ["c", "succeeded"]))).toEqual(["d", "e"]);
  });

  it("destroys in the reverse order", () => {
    const state = createScheduler(reverse(diamond));
    expect(ready(state)).toEqual(["d", "e"]);
    expect(ready(play(state, ["d", "succeeded"]))).toEqual(["b", "c", "e"]);
  });

  it("puts the longest remaining path first, by stacks when nothing is known", () => {
    //  a     b ──> c ──> d     e ──> f
    expect(ready(createScheduler(graphOf({ a: [], c: ["b"], d: ["c"], f: ["e"] })))).toEqual(["b", "e", "a"]);
  });

  it("puts the longest remaining path first, by seconds when they are known", () => {
    //  a(100)     b(1) ──> c(1)     d(60) ──> e(60)
    const graph = graphOf({ a: [], c: ["b"], e: ["d"] });
    expect(ready(createScheduler(graph, { durations: { a: 100, b: 1, c: 1, d: 60, e: 60 } }))).toEqual(["d", "a", "b"]);
  });

  it("counts a stack without a known duration as the median of the others", () => {
    //  a(10)     b(?)     c(30)     d(20)
    expect(ready(createScheduler(graphOf({ a: [], b: [], c: [], d: [] }), { durations: { a: 10, c: 30, d: 20 } }))).toEqual(["c", "b", "d", "a"]);
  });

  it.each([NaN, -5, 0, Infinity])("takes a duration of %d as unknown", (seconds) => {
    //  a     b ──> c
    expect(ready(createScheduler(graphOf({ a: [], c: ["b"] }), { durations: { a: seconds } }))).toEqual(["b", "a"]);
  });

  it("breaks ties by name", () => {
    expect(ready(createScheduler(graphOf({ b: [], c: [], a: [] })))).toEqual(["a", "b", "c"]);
  });

  it("knows no duration of names that objects have already", () => {
    expect(ready(createScheduler(graphOf({ constructor: [], toString: ["valueOf"] }), { durations: {} }))).toEqual(["valueOf", "constructor"]);
  });
});

describe("claims", () => {
  it("hands a stack out once", () => {
    const state = start(createScheduler(diamond), "a");
    expect(ready(state)).toEqual(["e"]);
    expect(() => start(state, "a")).toThrow("stack a is running and can't become running");
  });

  it("refuses a stack that must wait, and one that nobody knows", () => {
    expect(() => start(createScheduler(diamond), "b")).toThrow("stack b is pending and can't become running");
    expect(() => start(createScheduler(diamond), "x")).toThrow("the scheduler has no stack x");
  });

  it("refuses to finish what is not running, so terminal states stay", () => {
    const state = play(createScheduler(diamond), ["a", "failed"]);
    expect(() => finish(state, "a", "succeeded")).toThrow("stack a is failed and can't become succeeded");
    expect(() => finish(state, "b", "succeeded")).toThrow("stack b is skipped and can't become succeeded");
    expect(() => finish(state, "e", "succeeded")).toThrow("stack e is ready and can't become succeeded");
  });

  it("leaves the state it got as it was", () => {
    const before = createScheduler(diamond);
    play(before, ["a", "failed"]);
    expect(summary(before)).toBe("a:ready b:pending c:pending d:pending e:ready");
  });
});

describe("failures", () => {
  it.each<[string, boolean, [string, Outcome?][], string]>([
    ["skips dependents, through all steps, with the root cause; independents go on", false, [["a", "failed"]],
      "a:failed b:skipped(dependency-failed by a) c:skipped(dependency-failed by a) d:skipped(dependency-failed by a) e:ready"],
    ["lets siblings go on and skips what needs both", false, [["a", "succeeded"], ["b", "failed"]],
      "a:succeeded b:failed c:ready d:skipped(dependency-failed by b) e:ready"],
    ["keeps the first cause when a second dependency fails", false, [["a", "succeeded"], ["b", "failed"], ["c", "failed"]],
      "a:succeeded b:failed c:failed d:skipped(dependency-failed by b) e:ready"],
    ["cancels dependents of a stack that was cancelled", false, [["a", "cancelled"]],
      "a:cancelled(interrupted) b:cancelled(dependency-cancelled by a) c:cancelled(dependency-cancelled by a) d:cancelled(dependency-cancelled by a) e:ready"],
    ["with fail-fast starts nothing new, whether it depends on it or not", true, [["a", "succeeded"], ["c"], ["b", "failed"]],
      "a:succeeded b:failed c:running d:skipped(dependency-failed by b) e:cancelled(fail-fast by b)"],
    ["with fail-fast does nothing while all goes well", true, [["a", "succeeded"]],
      "a:succeeded b:ready c:ready d:pending e:ready"],
  ])("%s", (_, failFast, steps, expected) => {
    expect(summary(play(createScheduler(diamond, { failFast }), ...steps))).toBe(expected);
  });

  it("with fail-fast lets what runs finish, and makes nothing ready after it", () => {
    const failed = play(createScheduler(diamond, { failFast: true }), ["a"], ["e", "failed"]);
    const done = finish(failed, "a", "succeeded");
    expect(summary(done)).toBe("a:succeeded b:cancelled(fail-fast by e) c:cancelled(fail-fast by e) d:cancelled(fail-fast by e) e:failed");
    expect(isDone(done)).toBe(true);
  });
});

describe("stop", () => {
  it("cancels what has not started and waits for what runs", () => {
    const stopped = stop(play(createScheduler(diamond), ["a", "succeeded"], ["b"]));
    expect(summary(stopped)).toBe("a:succeeded b:running c:cancelled(stopped) d:cancelled(stopped) e:cancelled(stopped)");
    expect(ready(stopped)).toEqual([]);
    expect(isDone(stopped)).toBe(false);
    expect(isDone(finish(stopped, "b", "succeeded"))).toBe(true);
  });

  it("does nothing the second time", () => {
    const stopped = stop(createScheduler(diamond));
    expect(stop(stopped)).toBe(stopped);
  });

  it("does not turn a later failure into skipped dependents", () => {
    const stopped = stop(play(createScheduler(diamond), ["a"]));
    expect(summary(finish(stopped, "a", "failed"))).toBe("a:failed b:cancelled(stopped) c:cancelled(stopped) d:cancelled(stopped) e:cancelled(stopped)");
  });
});

describe("isDone", () => {
  it("holds for no stack at all", () => {
    expect(isDone(createScheduler(graphOf({})))).toBe(true);
  });
});
