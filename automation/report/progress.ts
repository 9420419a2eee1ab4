/** What a view says about time: elapsed, remaining, and the measured critical path. Pure: the clock is an argument. */
import { isTerminal, leavesInProgress, type RunView, type StackView } from "./view";

/** Seconds the update took, or has taken so far; undefined when it did not start. @param now epoch milliseconds */
export function elapsedSeconds(stack: StackView, now: number): number | undefined {
  if (stack.startedAt === undefined) return undefined;
  return Math.max(0, (stack.finishedAt ?? now) - stack.startedAt) / 1000;
}

/** Seconds the run took, or has taken so far. */
export function runElapsedSeconds(view: RunView, now: number): number {
  return view.report?.wallSeconds ?? Math.max(0, now - view.startedAt) / 1000;
}

/** Stacks that are as they should be, as the totals at a run's end count them; a failed or a stopped one is not. */
export function succeededCount(view: RunView): number {
  return view.stacks.filter((stack) => stack.status === "succeeded" || stack.status === "unchanged").length;
}

/**
 * Seconds until each stack has ended, by stack name; a stack is absent when that is unknown, and when it has ended.
 *
 * A running stack needs what the last run took, or more when its own pace says so, the surer the more is done. A waiting one
 * starts when the slowest of those it waits for has ended. Slots are not modelled here.
 */
export function etaSecondsByStack(view: RunView, now: number): ReadonlyMap<string, number> {
  const byName = new Map(view.stacks.map((stack) => [stack.name, stack]));
  const known = new Map<string, number | undefined>();
  const etaOf = (name: string): number | undefined => {
    if (known.has(name)) return known.get(name);
    known.set(name, undefined); // an end for the recursion, should a journal name a cycle
    const stack = byName.get(name);
    const eta = stack === undefined ? undefined : remaining(stack, now, () => sequence(stack.dependsOn, etaOf, byName));
    known.set(name, eta);
    return eta;
  };
  for (const stack of view.stacks) etaOf(stack.name);
  return new Map(view.stacks.flatMap((stack) => {
    const eta = known.get(stack.name);
    return eta === undefined || isTerminal(stack.status) ? [] : [[stack.name, eta] as const];
  }));
}

/**
 * Seconds until the run has ended: the longest chain, or the work left divided by the slots when that is more. Undefined when
 * any stack's remaining time is unknown.
 */
export function runEtaSeconds(view: RunView, now: number): number | undefined {
  const open = view.stacks.filter((stack) => !isTerminal(stack.status));
  if (open.length === 0 || view.stopping) return undefined;
  const etas = etaSecondsByStack(view, now);
  const chain = open.map((stack) => etas.get(stack.name));
  const work = open.map((stack) => remaining(stack, now, () => 0));
  if (![...chain, ...work].every((seconds) => seconds !== undefined)) return undefined;
  const total = work.reduce((sum: number, seconds) => sum + (seconds ?? 0), 0);
  return Math.max(...chain.map((seconds) => seconds ?? 0), view.parallel > 0 ? total / view.parallel : 0);
}

/** A stack's update as the critical path needs it. */
export interface TimedStack {
  readonly name: string;
  /** What the update took; 0 when it did not run. */
  readonly seconds: number;
  readonly dependsOn: Iterable<string>;
}

/**
 * Seconds along the longest chain of dependencies, by the measured durations: what the run would have taken with a slot for
 * every stack and no cost of its own. The same whichever way the arrows point.
 */
export function criticalPathSeconds(stacks: readonly TimedStack[]): number {
  const byName = new Map(stacks.map((stack) => [stack.name, stack]));
  const lengths = new Map<string, number>();
  const lengthTo = (stack: TimedStack): number => {
    const known = lengths.get(stack.name);
    if (known !== undefined) return known;
    lengths.set(stack.name, 0);
    const before = [...stack.dependsOn].flatMap((name) => byName.get(name) ?? []).map(lengthTo);
    const length = stack.seconds + Math.max(0, ...before);
    lengths.set(stack.name, length);
    return length;
  };
  return Math.max(0, ...stacks.map(lengthTo));
}

/** Seconds left for one stack; `before` gives the seconds until it can start. */
function remaining(stack: StackView, now: number, before: () => number | undefined): number | undefined {
  if (isTerminal(stack.status)) return 0;
  if (stack.status !== "running") {
    const wait = before();
    return wait === undefined || stack.expectedSeconds === undefined ? undefined : wait + stack.expectedSeconds;
  }
  const elapsed = elapsedSeconds(stack, now) ?? 0;
  const byHistory = stack.expectedSeconds === undefined ? undefined : stack.expectedSeconds - elapsed;
  const share = stack.expected ? stack.done / stack.expected : 0;
  const byPace = share > 0 ? (elapsed / share) * (1 - share) : undefined;
  // Longer than the last run took, or one resource takes longer than all that is left should: refuted, so unknown.
  const history = byHistory !== undefined && byHistory > 0 ? byHistory : undefined;
  const pace = byPace !== undefined && byPace >= oldestSeconds(stack, now) ? byPace : undefined;
  if (history === undefined || byPace === undefined) return history ?? pace;
  return Math.max(history, share * byPace + (1 - share) * history);
}

/** How long the resource has been under way that is so for the longest time. */
function oldestSeconds(stack: StackView, now: number): number {
  return Math.max(0, ...leavesInProgress(stack).map(({ since }) => (now - since) / 1000));
}

/** The slowest of the stacks waited for. */
function sequence(names: readonly string[], etaOf: (name: string) => number | undefined, byName: ReadonlyMap<string, StackView>): number | undefined {
  let slowest = 0;
  for (const name of names) {
    if (!byName.has(name)) continue; // not selected in this run: it is up already
    const eta = etaOf(name);
    if (eta === undefined) return undefined;
    slowest = Math.max(slowest, eta);
  }
  return slowest;
}
