/**
 * Runs the stacks of a selection: claims what the scheduler calls ready into slots, lets recovery settle it, hands it to the
 * engine, and reports every step as events. Knows nothing of Pulumi, terminals or files; time and engine are injected.
 */
import { diskFull, isDiskFull } from "../disk";
import { FleetError } from "../errors";
import type { Engine, HandedOutputs, UpdateOutcome } from "../engine/port";
import type { FaultReport, FleetEventBody, Operation, StackResult, StackStatus } from "../events";
import type { Graph } from "../graph";
import { createScheduler, finish, isDone, ready, start, statusOf, stop, type SchedulerState } from "../scheduler";
import type { StackNode } from "../topology/types";

/** Settles what an earlier, interrupted update of a stack left behind. Throws FleetError when it can't. */
export type Recover = (stack: StackNode, emit: (event: FleetEventBody) => void) => Promise<void>;

export interface ExecutorOptions {
  /** The selected stacks with arrows in the order of this operation (reversed for destroy). */
  readonly graph: Graph;
  readonly nodes: ReadonlyMap<string, StackNode>;
  readonly operation: Operation;
  readonly parallel: number;
  readonly failFast: boolean;
  /** Expected seconds by stack, for the order of what is ready at once. */
  readonly durations: Readonly<Record<string, number>>;
  readonly policyPacks: readonly string[];
  /** URN globs that every update is limited to. */
  readonly targets?: readonly string[];
  readonly logFile: (stack: string) => string;
  readonly engine: Engine;
  readonly recover: Recover;
  readonly emit: (event: FleetEventBody) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

const NO_CHANGES = { created: 0, updated: 0, same: 0, deleted: 0 } as const;

/** One run over the graph. */
export class Executor {
  private state: SchedulerState;
  private readonly results = new Map<string, StackResult>();
  private readonly handed = new Map<string, HandedOutputs>();
  private readonly announced = new Map<string, StackStatus>();
  private running = 0;
  private stopping = false;
  private finished: () => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;

  constructor(private readonly options: ExecutorOptions) {
    this.state = createScheduler(options.graph, { durations: options.durations, failFast: options.failFast });
  }

  /** Resolves with a result for every stack, in the graph's order, when nothing runs any more. */
  async run(): Promise<StackResult[]> {
    await new Promise<void>((resolve, reject) => {
      this.finished = resolve;
      this.fail = reject;
      this.advance();
    });
    return this.options.graph.order.map((name) => this.results.get(name) ?? this.notRun(name));
  }

  /** Starts nothing new; what is running gets one interrupt, or with `cancel` the second. */
  stop(mode: "graceful" | "cancel"): void {
    this.stopping = true;
    this.state = stop(this.state);
    if (mode === "cancel") this.options.engine.cancel();
    else this.options.engine.interrupt();
    this.advance();
  }

  private advance(): void {
    for (const name of ready(this.state)) {
      if (this.running >= this.options.parallel) break;
      this.state = start(this.state, name);
      this.running++;
      this.runStack(name).catch(this.fail);
    }
    this.announce();
    if (this.running === 0 && isDone(this.state)) this.finished();
  }

  private async runStack(name: string): Promise<void> {
    const began = this.options.now();
    const node = this.options.nodes.get(name);
    if (node === undefined) throw new Error(`the graph has a stack ${name} that the topology has not`);
    this.announce();
    const outcome = await this.update(node);
    this.running--;
    const { status, changes, error } = outcome;
    this.state = finish(this.state, name, status);
    if (outcome.outputs) this.handed.set(name, outcome.outputs);
    const result: StackResult = { name, status, seconds: (this.options.now() - began) / 1000, ...changes, ...(error && { error }) };
    this.results.set(name, result);
    this.announce();
    this.options.emit({ type: "stack.finished", stack: name, result });
    this.advance();
  }

  private async update(node: StackNode): Promise<UpdateOutcome> {
    const logFile = this.options.logFile(node.name);
    try {
      // A preview changes nothing and takes no lock, so there is nothing to settle for it.
      if (this.options.operation !== "preview") await this.options.recover(node, this.options.emit);
      if (this.stopping) return { status: "cancelled", changes: NO_CHANGES };
      return await this.options.engine.run({
        stack: node, operation: this.options.operation, policyPacks: this.options.policyPacks, logFile, ...(this.options.targets && { targets: this.options.targets }),
        ...(this.options.operation === "preview" && { upstream: Object.fromEntries(this.handed) }),
      }, this.options.emit);
    } catch (error) {
      return { status: "failed", changes: NO_CHANGES, error: faultOf(error, logFile) };
    }
  }

  /** Emits every status that changed since the last call, in the graph's order. */
  private announce(): void {
    const statuses = statusOf(this.state);
    for (const name of this.options.graph.order) {
      const current = statuses[name];
      if (current === undefined || this.announced.get(name) === current.status) continue;
      this.announced.set(name, current.status);
      this.options.emit({ type: "stack.status", stack: name, status: current.status, ...(current.reason && { reason: current.reason }), ...(current.cause && { cause: current.cause }) });
    }
  }

  private notRun(name: string): StackResult {
    const { status, reason, cause } = statusOf(this.state)[name] ?? { status: "cancelled" as const };
    const error: FaultReport | undefined = status === "skipped" && cause !== undefined
      ? { code: "dependency-failed", message: `skipped because ${cause} did not succeed`, cause }
      : reason === "fail-fast" && cause !== undefined ? { code: "fail-fast", message: `not started because ${cause} failed`, cause } : undefined;
    return { name, status, seconds: 0, ...NO_CHANGES, ...(error && { error }) };
  }
}

function faultOf(error: unknown, log: string): FaultReport {
  if (error instanceof FleetError) return { code: error.code, message: error.message, ...(error.options.fix && { fix: error.options.fix }) };
  if (isDiskFull(error)) return faultOf(diskFull((error as Error).message, error), log);
  return { code: "internal", message: error instanceof Error ? error.message : String(error), log };
}
