/**
 * Decides which stack may run when: pure, (state, outcome) → (state, ready). Knows neither slots nor time; who calls it counts the
 * slots. States are immutable: a function returns the next one and leaves the one it got as it was.
 */
import type { StackStatus, TerminalStatus } from "../events";
import { reachable, type Graph } from "../graph";
import { remainingPaths } from "./priority";

/** What `finish` may be told. `cancelled`: interrupted before it was complete. */
export type Outcome = "succeeded" | "unchanged" | "failed" | "cancelled";

/** Why a stack ended without having run to its end. */
export type Reason = "dependency-failed" | "dependency-cancelled" | "fail-fast" | "stopped" | "interrupted";

export interface StackState {
  readonly status: StackStatus;
  readonly reason?: Reason;
  /** Name of the stack that is the root cause. */
  readonly cause?: string;
}

export interface SchedulerState {
  readonly graph: Graph;
  readonly failFast: boolean;
  /** Seconds from the start of a stack to the end of the longest chain that waits for it. */
  readonly priorities: ReadonlyMap<string, number>;
  readonly stacks: ReadonlyMap<string, StackState>;
}

export interface SchedulerOptions {
  /** Expected seconds by stack. @default all alike; one without an entry counts as the median of the others */
  readonly durations?: Readonly<Record<string, number>>;
  /** Start nothing new after the first failure. @default false: what does not depend on it goes on */
  readonly failFast?: boolean;
}

const NEXT: Readonly<Record<StackStatus, readonly StackStatus[]>> = {
  pending: ["ready", "skipped", "cancelled"],
  ready: ["running", "skipped", "cancelled"],
  running: ["succeeded", "unchanged", "failed", "cancelled"],
  succeeded: [], unchanged: [], failed: [], skipped: [], cancelled: [],
};

/** A state in which nothing has started; stacks without dependencies are ready. For destroy, hand in the reversed graph. */
export function createScheduler(graph: Graph, options: SchedulerOptions = {}): SchedulerState {
  const stacks = new Map(graph.order.map((name): [string, StackState] => [name, { status: "pending" }]));
  const state = { graph, failFast: options.failFast ?? false, priorities: remainingPaths(graph, options.durations ?? {}), stacks };
  return withReady(state, graph.order);
}

/** Stacks that may start now, the one with the longest remaining path first, ties by name. */
export function ready(state: SchedulerState): string[] {
  const names = [...state.stacks].flatMap(([name, { status }]) => (status === "ready" ? [name] : []));
  const priority = (name: string): number => state.priorities.get(name) ?? 0;
  return names.sort((a, b) => priority(b) - priority(a) || (a < b ? -1 : 1));
}

/**
 * Claims a stack that is ready.
 * @throws Error when it is not: somebody claimed it before, or it must wait
 */
export function start(state: SchedulerState, name: string): SchedulerState {
  return change(state, [[name, { status: "running" }]]);
}

/**
 * Records how a running stack ended, and what follows for the others: dependents become ready, or are skipped with the root
 * cause; after a failure with fail-fast, everything that has not started is cancelled.
 * @throws Error when the stack is not running
 */
export function finish(state: SchedulerState, name: string, outcome: Outcome): SchedulerState {
  const ended = change(state, [[name, outcome === "cancelled" ? { status: outcome, reason: "interrupted" } : { status: outcome }]]);
  switch (outcome) {
    case "succeeded": case "unchanged": return withReady(ended, state.graph.dependents(name));
    case "cancelled": return end(ended, reachable([name], state.graph.dependents), { status: "cancelled", reason: "dependency-cancelled", cause: name });
    case "failed": {
      const skipped = end(ended, reachable([name], state.graph.dependents), { status: "skipped", reason: "dependency-failed", cause: name });
      return state.failFast ? end(skipped, state.graph.order, { status: "cancelled", reason: "fail-fast", cause: name }) : skipped;
    }
  }
}

/** No further claims: what has not started is cancelled, what runs stays running until it is finished. Idempotent. */
export function stop(state: SchedulerState): SchedulerState {
  return end(state, state.graph.order, { status: "cancelled", reason: "stopped" });
}

/** Every stack's status, in the order of the graph. */
export function statusOf(state: SchedulerState): Readonly<Record<string, StackState>> {
  return Object.fromEntries(state.stacks);
}

/** True when every stack is in a terminal state. */
export function isDone(state: SchedulerState): boolean {
  return [...state.stacks.values()].every(({ status }) => isTerminal(status));
}

/** True for a status that never changes. */
export function isTerminal(status: StackStatus): status is TerminalStatus {
  return NEXT[status].length === 0;
}

/** Those of `names` whose dependencies have all succeeded become ready. */
function withReady(state: SchedulerState, names: readonly string[]): SchedulerState {
  const done = (name: string): boolean => ["succeeded", "unchanged"].includes(state.stacks.get(name)?.status ?? "");
  const free = names.filter((name) => state.stacks.get(name)?.status === "pending" && state.graph.dependencies(name).every(done));
  return change(state, free.map((name) => [name, { status: "ready" }]));
}

/** Ends those of `names` that have not started. */
function end(state: SchedulerState, names: Iterable<string>, to: StackState): SchedulerState {
  const waiting = [...names].filter((name) => ["pending", "ready"].includes(state.stacks.get(name)?.status ?? ""));
  return change(state, waiting.map((name) => [name, to]));
}

/** The one place where a status changes; refuses what the table does not allow, so terminal states stay. */
function change(state: SchedulerState, changes: readonly (readonly [string, StackState])[]): SchedulerState {
  if (changes.length === 0) return state;
  const stacks = new Map(state.stacks);
  for (const [name, to] of changes) {
    const from = stacks.get(name);
    if (from === undefined) throw new Error(`the scheduler has no stack ${name}`);
    if (!NEXT[from.status].includes(to.status)) throw new Error(`stack ${name} is ${from.status} and can't become ${to.status}`);
    stacks.set(name, to);
  }
  return { ...state, stacks };
}
