/** What holds for every graph, every outcome and every moment of a stop. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TERMINAL_STATUSES } from "../../../automation/events";
import { reachable, reverse, type Graph } from "../../../automation/graph";
import { createScheduler, finish, isDone, isTerminal, ready, start, statusOf, stop, type Outcome, type SchedulerState } from "../../../automation/scheduler";
import { anyGraph } from "../graph/fleets";

interface Scenario {
  readonly graph: Graph;
  readonly slots: number;
  readonly failFast: boolean;
  /** What each stack's update ends with, by its position in the graph's order. */
  readonly outcomes: readonly Outcome[];
  /** Which of the running stacks finishes next, round by round. */
  readonly picks: readonly number[];
  /** Round in which somebody stops the run; beyond the last one: never. */
  readonly stopAt: number;
  readonly durations: Readonly<Record<string, number>>;
}

const outcome = fc.oneof({ weight: 6, arbitrary: fc.constant<Outcome>("succeeded") }, { weight: 1, arbitrary: fc.constantFrom<Outcome>("unchanged", "failed", "cancelled") });

const scenario: fc.Arbitrary<Scenario> = anyGraph().chain((graph) => fc.record({
  graph: fc.constantFrom(graph, reverse(graph)),
  slots: fc.integer({ min: 1, max: 5 }),
  failFast: fc.boolean(),
  outcomes: fc.array(outcome, { minLength: graph.order.length, maxLength: graph.order.length }),
  picks: fc.array(fc.nat(), { minLength: graph.order.length, maxLength: graph.order.length }),
  stopAt: fc.oneof(fc.constant(Infinity), fc.nat(graph.order.length)),
  durations: fc.dictionary(fc.constantFrom(...graph.order), fc.float({ min: 0, max: 1000, noNaN: true })),
}));

interface Trace { readonly log: readonly string[]; readonly started: readonly string[]; readonly final: SchedulerState; readonly mostRunning: number }

/** Runs a scenario with a fake engine, and checks every step on the way. */
function run({ graph, slots, failFast, outcomes, picks, stopAt, durations }: Scenario): Trace {
  let state = createScheduler(graph, { failFast, durations });
  const running: string[] = [];
  const started: string[] = [];
  const log: string[] = [];
  let mostRunning = 0;
  const move = (next: SchedulerState): void => {
    for (const [name, before] of Object.entries(statusOf(state))) if (isTerminal(before.status)) expect(statusOf(next)[name]).toEqual(before);
    state = next;
  };
  for (let round = 0; !isDone(state); round++) {
    if (round > graph.order.length) throw new Error("the run does not end");
    if (round === stopAt) move(stop(state));
    for (const name of ready(state).slice(0, slots - running.length)) {
      for (const dependency of graph.dependencies(name)) expect(["succeeded", "unchanged"]).toContain(statusOf(state)[dependency]?.status);
      move(start(state, name));
      running.push(name);
      started.push(name);
      log.push(`start ${name}`);
    }
    mostRunning = Math.max(mostRunning, running.length);
    const [name] = running.splice((picks[round] ?? 0) % Math.max(1, running.length), 1);
    if (name === undefined) continue;
    move(finish(state, name, outcomes[graph.order.indexOf(name)] ?? "succeeded"));
    log.push(`finish ${name} ${statusOf(state)[name]?.status}`);
  }
  return { log, started, final: state, mostRunning };
}

describe("any run", () => {
  it("ends with each stack in exactly one terminal state, starts each at most once and never above its slots", () => {
    fc.assert(fc.property(scenario, (given) => {
      const { started, final, mostRunning } = run(given);
      expect(Object.keys(statusOf(final))).toEqual(given.graph.order);
      for (const { status } of Object.values(statusOf(final))) expect(TERMINAL_STATUSES).toContain(status);
      expect(new Set(started).size).toBe(started.length);
      expect(mostRunning).toBeLessThanOrEqual(given.slots);
    }), { numRuns: 500 });
  });

  it("runs everything, in as many stacks as there are, when all goes well", () => {
    fc.assert(fc.property(scenario, (given) => {
      const { started } = run({ ...given, stopAt: Infinity, outcomes: given.outcomes.map(() => "succeeded") });
      expect([...started].sort()).toEqual([...given.graph.order].sort());
    }));
  });

  it("skips exactly what depends on a failure, with a cause that failed and lies upstream", () => {
    fc.assert(fc.property(scenario, (given) => {
      const { final } = run({ ...given, stopAt: Infinity, failFast: false, outcomes: given.outcomes.map((one) => (one === "cancelled" ? "failed" : one)) });
      const statuses = statusOf(final);
      for (const [name, { status, cause }] of Object.entries(statuses)) {
        const failedUpstream = [...reachable([name], given.graph.dependencies)].filter((other) => statuses[other]?.status === "failed");
        if (failedUpstream.length > 0) {
          expect(status).toBe("skipped");
          expect(failedUpstream).toContain(cause);
        } else expect(["succeeded", "unchanged", "failed"]).toContain(status);
      }
    }), { numRuns: 300 });
  });

  it("starts nothing after a failure with fail-fast, and nothing after a stop", () => {
    fc.assert(fc.property(scenario, (given) => {
      const { log } = run({ ...given, failFast: true });
      const failure = log.findIndex((line) => line.endsWith(" failed"));
      if (failure >= 0) expect(log.slice(failure).filter((line) => line.startsWith("start "))).toEqual([]);
      const stopped = run({ ...given, stopAt: 0 });
      expect(stopped.started).toEqual([]);
    }), { numRuns: 300 });
  });

  it("is the same every time", () => {
    fc.assert(fc.property(scenario, (given) => {
      expect(run(given).log).toEqual(run(given).log);
    }));
  });
});
