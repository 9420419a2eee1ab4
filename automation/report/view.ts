/** Folds a run's events into what renderers, the status and reports show. Pure: the same events give the same view. */
import type { Changes, EventPayload, FaultReport, FleetEvent, Operation, RunReport, RunStatus, StackStatus } from "../events";

/** A resource operation under way. */
export interface ResourceInProgress {
  readonly urn: string;
  readonly resourceType: string;
  readonly op: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** A wait for something outside that a provider gave account of. */
export interface ResourceWait {
  readonly urn: string;
  /** As the provider calls it; `complete`, `failed` or `interrupted` when it is over. */
  readonly phase: string;
  readonly checks: number;
  /** In the provider's time, see `resource.progress`. */
  readonly seconds: number;
  readonly detail?: string;
  /** Epoch milliseconds of the account, and of the end. */
  readonly at: number;
  readonly endedAt?: number;
}

/** A resource operation that ended. */
export interface ResourceDone { readonly urn: string; readonly resourceType: string; readonly op: string; readonly at: number; readonly seconds?: number }

/** One stack of the run so far. */
export interface StackView {
  readonly name: string;
  readonly region?: string;
  /** Stacks it waits for: its dependencies; in a destroy, its dependents. */
  readonly dependsOn: readonly string[];
  readonly status: StackStatus;
  /** Why it has this status, when it does not speak for itself. */
  readonly reason?: string;
  /** The stack that is the reason. */
  readonly cause?: string;
  /** Resources settled so far. */
  readonly done: number;
  /** Resources expected; undefined: unknown. Never below `done`. */
  readonly expected?: number;
  /** Seconds that the last run of this operation took. */
  readonly expectedSeconds?: number;
  /** Epoch milliseconds of the update's start and end. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** In the order they began. */
  readonly running: readonly ResourceInProgress[];
  readonly changes: Changes;
  /** Resources that were changed, in order; unchanged ones are only counted. */
  readonly changed: readonly ResourceDone[];
  readonly error?: FaultReport;
  /** Waits that providers gave account of, in the order they began. */
  readonly waits: readonly ResourceWait[];
  /** What was settled before the update, warnings, and policy violations: lines for the reader, in order. */
  readonly notes: readonly StackNote[];
}
export interface StackNote { readonly at: number; readonly severity: "info" | "warning" | "error"; readonly text: string }

/** The run so far. */
export interface RunView {
  readonly run: string;
  readonly status: RunStatus;
  readonly operation?: Operation;
  readonly target?: "local" | "cloud";
  readonly project?: string;
  /** Process id of the driver. */
  readonly pid?: number;
  /** Simulated seconds a second; undefined: real time. */
  readonly timeScale?: number;
  /** The part of its one stack that the run is limited to. */
  readonly only?: string;
  /** Stacks that may run at once; 0: unknown. */
  readonly parallel: number;
  /** Epoch milliseconds of the first event and of the newest one. */
  readonly startedAt: number;
  readonly updatedAt: number;
  /** In the order of the graph. */
  readonly stacks: readonly StackView[];
  readonly stopping?: { readonly mode: "graceful" | "cancel"; readonly signal: string };
  /** Stacks that are deployed but no longer in the config. */
  readonly orphans: readonly string[];
  /** Set by `run.finished`. */
  readonly report?: RunReport;
}

/** The view before the first event. */
export const EMPTY_VIEW: RunView = { run: "", status: "running", parallel: 0, startedAt: 0, updatedAt: 0, stacks: [], orphans: [] };

const NOTHING: Changes = { created: 0, updated: 0, same: 0, deleted: 0 };

/** True for statuses that never change again. */
export function isTerminal(status: StackStatus): boolean {
  return status !== "pending" && status !== "ready" && status !== "running";
}

/** What is under way, without the component resources that only wait for their children; the oldest first. */
export function leavesInProgress(stack: StackView): readonly ResourceInProgress[] {
  return stack.running.filter((resource) => !stack.running.some((other) => qualifiedType(other).startsWith(`${qualifiedType(resource)}$`)));
}

/** Types of a resource's component resources and its own, as `a:b:C$d:e:F`. */
function qualifiedType(resource: ResourceInProgress): string {
  return resource.urn.split("::")[2] ?? "";
}

/** The view after one more event. Events of stacks that the run does not know are ignored. */
export function reduce(view: RunView, event: FleetEvent): RunView {
  const at = Date.parse(event.time);
  const next = { ...view, updatedAt: at, ...(view.run === "" && { run: event.run, startedAt: at }) };
  switch (event.type) {
    case "run.started": return started(next, event);
    case "run.orphans": return { ...next, orphans: event.stacks };
    case "run.stopping": return { ...next, stopping: { mode: event.mode, signal: event.signal } };
    case "run.finished": return finished(next, event);
    default: {
      const index = next.stacks.findIndex((stack) => stack.name === event.stack);
      const stack = next.stacks[index];
      return stack === undefined ? next : { ...next, stacks: next.stacks.with(index, reduceStack(stack, event, at, next.stopping !== undefined)) };
    }
  }
}

/** The view of a whole journal. */
export function viewOf(events: Iterable<FleetEvent>): RunView {
  let view = EMPTY_VIEW;
  for (const event of events) view = reduce(view, event);
  return view;
}

function started(view: RunView, event: EventPayload<"run.started">): RunView {
  return {
    ...view, operation: event.operation, target: event.target, project: event.project, pid: event.pid, parallel: event.parallel, ...(event.timeScale !== undefined && { timeScale: event.timeScale }), ...(event.only !== undefined && { only: event.only }),
    stacks: event.stacks.map((stack) => ({ ...stack, status: "pending", done: 0, running: [], changes: NOTHING, changed: [], waits: [], notes: [] })),
  };
}

function finished(view: RunView, event: EventPayload<"run.finished">): RunView {
  const { status, wallSeconds, criticalPathSeconds, cpuSeconds, maxRssBytes, stacks } = event;
  return { ...view, status, report: { status, wallSeconds, criticalPathSeconds, cpuSeconds, maxRssBytes, stacks } };
}

type StackEvent = Extract<FleetEvent, { stack: string }>;

function reduceStack(stack: StackView, event: StackEvent, at: number, stopping: boolean): StackView {
  switch (event.type) {
    case "stack.status": return withStatus(stack, event, at);
    case "stack.recovered": return note(stack, at, "info", event.message);
    case "stack.finished": return withResult(stack, event.result, at);
    case "resource.started": return { ...stack, running: [...without(stack, event.urn), { urn: event.urn, resourceType: event.resourceType, op: event.op, since: at }] };
    case "resource.finished": return resourceFinished(stack, event, at);
    case "resource.failed": return { ...stack, running: without(stack, event.urn), waits: endWait(stack, event.urn, stopping ? "interrupted" : "failed", at) };
    case "resource.progress": return withWait(stack, event, at);
    case "stack.diagnostic": return event.severity === "info" ? stack : note(stack, at, event.severity, event.message);
    case "stack.policy": return note(stack, at, event.level === "mandatory" ? "error" : "warning", `policy ${event.policy}: ${event.message}`);
  }
}

function withStatus(stack: StackView, event: EventPayload<"stack.status">, at: number): StackView {
  if (isTerminal(stack.status)) return stack;
  const { reason: _reason, cause: _cause, ...rest } = stack;
  return {
    ...rest, status: event.status, ...(event.reason !== undefined && { reason: event.reason }), ...(event.cause !== undefined && { cause: event.cause }),
    ...(event.status === "running" && { startedAt: stack.startedAt ?? at }),
    ...(isTerminal(event.status) && { running: [], ...(stack.startedAt !== undefined && { finishedAt: at }) }),
  };
}

function withResult(stack: StackView, result: EventPayload<"stack.finished">["result"], at: number): StackView {
  const { created, updated, same, deleted } = result;
  const base = isTerminal(stack.status) ? stack : withStatus(stack, { stack: stack.name, status: result.status }, at);
  const complete = result.status === "succeeded" || result.status === "unchanged";
  return {
    ...base, changes: { created, updated, same, deleted }, ...(result.error && { error: result.error }),
    ...(complete && { expected: base.done }), // what was expected was an estimate
  };
}

/** Steps that are only a part of a replacement: its `create-replacement` is the one that counts. */
const PARTIAL_OPS = new Set(["replace", "delete-replaced", "discard-replaced", "read-discard", "remove-pending-replace"]);
const COUNTED_AS: Readonly<Record<string, keyof Changes>> = {
  create: "created", "create-replacement": "created", import: "created", "import-replacement": "created",
  update: "updated", delete: "deleted", "delete-replaced": "deleted", discard: "deleted", "discard-replaced": "deleted",
};

function resourceFinished(stack: StackView, event: EventPayload<"resource.finished">, at: number): StackView {
  const partial = PARTIAL_OPS.has(event.op);
  const done = stack.done + (partial ? 0 : 1);
  const counter = COUNTED_AS[event.op];
  const ended: ResourceDone = { urn: event.urn, resourceType: event.resourceType, op: event.op, at, ...(event.seconds !== undefined && { seconds: event.seconds }) };
  return {
    ...stack, done, running: without(stack, event.urn), waits: endWait(stack, event.urn, "complete", at),
    ...(stack.expected !== undefined && { expected: Math.max(stack.expected, done) }),
    ...(counter
      ? { changes: { ...stack.changes, [counter]: stack.changes[counter] + 1 }, changed: [...stack.changed, ended] }
      : { changes: { ...stack.changes, same: stack.changes.same + (partial ? 0 : 1) } }),
  };
}

function withWait(stack: StackView, { urn, phase, checks, seconds, detail }: EventPayload<"resource.progress">, at: number): StackView {
  const wait: ResourceWait = { urn, phase, checks, seconds, at, ...(detail !== undefined && { detail }) };
  const index = stack.waits.findIndex((known) => known.urn === urn);
  return { ...stack, waits: index < 0 ? [...stack.waits, wait] : stack.waits.with(index, wait) };
}

function endWait(stack: StackView, urn: string, phase: "complete" | "failed" | "interrupted", at: number): readonly ResourceWait[] {
  return stack.waits.some((wait) => wait.urn === urn) ? stack.waits.map((wait) => (wait.urn === urn ? { ...wait, phase, endedAt: at } : wait)) : stack.waits;
}

function without(stack: StackView, urn: string): readonly ResourceInProgress[] {
  return stack.running.filter((resource) => resource.urn !== urn);
}

function note(stack: StackView, at: number, severity: StackNote["severity"], text: string): StackView {
  return { ...stack, notes: [...stack.notes, { at, severity, text }] };
}
