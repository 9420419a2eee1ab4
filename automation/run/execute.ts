/** Carries a plan out: toolchain, target, lock, journal, recovery, executor; every step as events, in one order. */
import * as path from "node:path";
import { PulumiEngine } from "../engine/client";
import type { Engine } from "../engine/port";
import { FleetError } from "../errors";
import type { FleetEvent, FleetEventBody, RunReport, StackResult } from "../events";
import { JournalWriter, pruneRuns } from "../journal";
import { endAbandoned } from "../recovery/abandoned";
import { clearDeadLocks, repairSidecars } from "../recovery/locks";
import type { Lookup } from "../recovery/lookup";
import { sealerOf } from "../recovery/sealer";
import { settlePending } from "../recovery/settle";
import { keepUndeleted, keepUnanswered } from "../recovery/unanswered";
import { criticalPathSeconds } from "../report";
import { keepIf } from "../system/lock-file";
import { attach, type Attachment } from "../target/attach";
import { cliEnvironment, COMPILED_ROOT, prepareTarget, type TargetContext } from "../target/target";
import { findToolchain } from "../toolchain";
import type { StackNode } from "../topology/types";
import { hasDrillLeftovers, refuseBesideDrills } from "./drill-lock";
import { Executor } from "./executor";
import { readHistory, writeHistory } from "./history";
import { takeRunLock } from "./lock";
import { slots } from "./parallel";
import type { Plan } from "./prepare";
import { DiskReserve } from "./reserve";
import type { RunHandle, RunOptions } from "./types";

/** Seconds, in the target's time, that a create which was sent may take to show up in the tagging API. */
const VISIBILITY_WINDOW_SECONDS = 60;
/** However fast simulated time runs: what was sent may still be in a socket's buffer. */
const SHORTEST_WINDOW_MS = 1_000;

/** Starts the run. */
export function execute(plan: Plan, options: RunOptions, listener: (event: FleetEvent) => void): RunHandle {
  const run = new Run(plan, options, listener);
  return { done: run.go(), stop: (mode, signal) => run.stop(mode, signal) };
}

class Run {
  private seq = 0;
  private journal: JournalWriter | undefined;
  private diskError: FleetError | undefined;
  private reserve: DiskReserve | undefined;
  private executor: Executor | undefined;
  private stopped: "graceful" | "cancel" | undefined;
  private readonly preparing = new AbortController();
  private readonly touched = new Map<string, number>();
  /** When the first stack may start: a CLI that had to be built first is no part of the run. */
  private began = 0;
  private readonly historyFile: string;

  constructor(private readonly plan: Plan, private readonly options: RunOptions, private readonly listener: (event: FleetEvent) => void) {
    this.historyFile = path.join(plan.layout.home, plan.target, "history.json");
  }

  /** @throws FleetError when the run can't start; a run that started always resolves */
  async go(): Promise<RunReport> {
    // A preview changes nothing, so it may run beside anything.
    const release = this.options.operation === "preview" ? () => undefined : this.lock();
    try {
      pruneRuns(this.plan.layout);
      if (this.options.operation !== "preview") this.reserve = new DiskReserve(path.join(this.plan.layout.home, "reserve"), { onLow: (error) => this.diskFailed(error) });
      const signal = this.options.signal ? AbortSignal.any([this.options.signal, this.preparing.signal]) : this.preparing.signal;
      const report = this.options.report ?? (() => undefined);
      const toolchain = await findToolchain({ report, signal });
      const attachment = await attach(this.plan.layout, this.plan.target, { report, signal });
      const context = prepareTarget({ layout: this.plan.layout, target: this.plan.target, topology: this.plan.topology, toolchain, attach: attachment.env, env: process.env });
      this.journal = new JournalWriter(this.plan.layout.run(this.plan.id).journal, { onError: (error) => this.diskFailed(error) });
      return await this.carryOut(context, attachment, this.engine(context, toolchain));
    } finally {
      this.journal?.close();
      this.reserve?.release();
      release();
    }
  }

  stop(mode: "graceful" | "cancel", signal: string): void {
    this.preparing.abort(new FleetError("interrupted", "interrupted before the run started; nothing was changed", { source: "user", exitCode: 1 }));
    if (this.stopped === mode || this.stopped === "cancel") return;
    this.stopped = mode;
    if (this.executor === undefined) return;
    this.emit({ type: "run.stopping", mode, signal });
    this.executor.stop(mode);
  }

  /** @returns the function that gives the lock back */
  private lock(): () => void {
    const { layout, target, graph, id } = this.plan;
    const release = takeRunLock(layout.runLock, { run: id, operation: this.options.operation });
    return keepIf(() => refuseBesideDrills(layout.target(target).drills, graph.order), release);
  }

  private engine(context: TargetContext, toolchain: { readonly pulumi: string; readonly version: string }): PulumiEngine {
    return new PulumiEngine({
      pulumi: toolchain.pulumi, pulumiVersion: toolchain.version, env: cliEnvironment(context, process.env), workDir: context.projectDir,
      configFile: this.plan.topology.configFile, programRunner: path.join(COMPILED_ROOT, "stacks", "run.js"), stacksExist: context.stateDir !== undefined,
    }, path.join(this.plan.layout.run(this.plan.id).dir, "programs.log"));
  }

  private async carryOut(context: TargetContext, attachment: Attachment, engine: PulumiEngine): Promise<RunReport> {
    const { plan, options } = this;
    const history = readHistory(this.historyFile, options.operation);
    const parallel = slots(options.parallel ?? "auto", plan.graph.order.length);
    this.executor = new Executor({
      graph: plan.graph, nodes: plan.nodes, operation: options.operation, parallel, failFast: options.failFast ?? false,
      durations: Object.fromEntries(Object.entries(history).map(([name, { seconds }]) => [name, seconds])),
      policyPacks: plan.topology.policyPacks, ...(plan.targets && { targets: plan.targets }), logFile: (stack) => plan.layout.run(plan.id).log(stack),
      engine: this.remembering(engine, context), recover: (stack, emit) => this.recover(stack, emit, context, attachment, engine),
      emit: (event) => this.emit(event), now: () => performance.now(),
    });
    this.began = performance.now();
    this.emit(this.startedEvent(history, parallel, plan.target === "local" ? attachment.aws.timeScale : undefined));
    if (plan.orphans.length > 0 && !options.removed) this.emit({ type: "run.orphans", stacks: [...plan.orphans] });
    for (const stack of plan.graph.order.filter((name) => hasDrillLeftovers(plan.layout.target(plan.target).drills, name))) {
      this.emit({ type: "stack.diagnostic", stack, severity: "warning", message: "a drill of this stack was killed, and what it broke is not all put back; the next drill begins with that (see `stackfleet drill`)" });
    }
    if (this.stopped) this.executor.stop(this.stopped); // asked for while the toolchain was looked for
    const results = await this.executor.run();
    await engine.close();
    const report = this.report(results, engine.usage());
    this.emit({ type: "run.finished", ...report });
    this.journal?.flush();
    if (this.diskError && !results.some(({ error }) => error?.code === this.diskError?.code)) throw this.diskError; // else it has been told
    // A part says nothing of how long the whole takes.
    if (options.operation !== "preview" && options.only === undefined) writeHistory(this.historyFile, options.operation, results, this.touched);
    return report;
  }

  private async recover(stack: StackNode, emit: (event: FleetEventBody) => void, context: TargetContext, attachment: Attachment, engine: PulumiEngine): Promise<void> {
    const { stateDir } = context;
    if (stateDir === undefined) return; // a managed backend locks and recovers by its own rules
    const { project } = this.plan.topology;
    await endAbandoned(stateDir, project, stack.name);
    for (const { pid } of clearDeadLocks(stateDir, project, stack.name)) {
      emit({ type: "stack.recovered", stack: stack.name, action: "lock-cleared", message: pid === undefined ? "a lock that was torn while it was written was cleared" : `the lock of process ${pid}, which is dead, was cleared` });
    }
    repairSidecars(stateDir, project, stack.name);
    const log = this.plan.layout.run(this.plan.id).log(stack.name);
    const read = async (urns: readonly string[]): Promise<void> => {
      const outcome = await engine.refreshTargets(stack.name, urns, log);
      if (outcome.status === "failed") throw new FleetError(outcome.error?.code ?? "recovery-failed", `what an interrupted run left behind can't be read: ${outcome.error?.message ?? "no reason given"}`, { source: "engine" });
    };
    await settlePending({
      stateDir, project, stack: stack.name, region: stack.region, emit,
      windowMs: Math.max(SHORTEST_WINDOW_MS, (VISIBILITY_WINDOW_SECONDS * 1000) / attachment.aws.timeScale),
      lookup: async (): Promise<Lookup> => (await import("../recovery/lookups.js")).allLookups(attachment),
      refresh: read,
      // A destroy deletes them anyway.
      finishDeletes: this.options.operation === "destroy" ? undefined : async (urns) => {
        const outcome = await engine.destroyTargets(stack.name, urns, log);
        // What can't be deleted may be there or not.
        if (outcome.status === "failed") await read(urns);
      },
    });
  }

  /** The engine, with creates and deletions whose reply was lost kept for the next run. */
  private remembering(engine: PulumiEngine, context: TargetContext): Engine {
    const { stateDir } = context;
    return {
      run: async (request, emit) => {
        const outcome = await engine.run(request, emit);
        if (outcome.unanswered && stateDir !== undefined) keepUnanswered(stateDir, this.plan.topology.project, request.stack.name, outcome.unanswered, sealerOf(cliEnvironment(context, process.env)));
        if (outcome.undeleted && stateDir !== undefined) keepUndeleted(stateDir, this.plan.topology.project, request.stack.name, outcome.undeleted);
        return outcome;
      },
      interrupt: () => engine.interrupt(), cancel: () => engine.cancel(), close: () => engine.close(), usage: () => engine.usage(),
    };
  }

  private startedEvent(history: Readonly<Record<string, { readonly seconds: number; readonly resources: number }>>, parallel: number, timeScale: number | undefined): FleetEventBody {
    const { plan, options } = this;
    return {
      type: "run.started", operation: options.operation, target: plan.target, project: plan.topology.project, configFile: plan.topology.configFile, pid: process.pid, parallel, ...(timeScale !== undefined && { timeScale }), ...(options.only !== undefined && { only: options.only }),
      stacks: plan.graph.order.map((name) => {
        const region = plan.nodes.get(name)?.region;
        const expected = Math.max(plan.deployed[name] ?? 0, history[name]?.resources ?? 0);
        const seconds = history[name]?.seconds;
        return {
          name, dependsOn: [...plan.graph.dependencies(name)],
          ...(region && { region }), ...(expected > 0 && { expected }), ...(seconds !== undefined && { expectedSeconds: seconds }),
        };
      }),
    };
  }

  private report(stacks: StackResult[], usage: { readonly cpuSeconds: number; readonly maxRssBytes: number }): RunReport {
    const failed = this.diskError !== undefined || stacks.some(({ status }) => status === "failed" || status === "skipped");
    return {
      status: this.stopped ? "interrupted" : failed ? "failed" : "succeeded",
      wallSeconds: (performance.now() - this.began) / 1000,
      criticalPathSeconds: criticalPathSeconds(stacks.map(({ name, seconds }) => ({ name, seconds, dependsOn: this.plan.graph.dependencies(name) }))),
      ...usage,
      stacks,
    };
  }

  /** Nothing can be recorded any more: finish and save what is in flight in the space kept back, start nothing new. */
  private diskFailed(error: FleetError): void {
    this.diskError ??= error;
    this.reserve?.release();
    this.executor?.stop("graceful");
  }

  private emit(body: FleetEventBody): void {
    const event = { seq: ++this.seq, time: new Date().toISOString(), run: this.plan.id, ...body } as FleetEvent;
    this.journal?.write(event);
    if (body.type === "resource.finished") this.touched.set(body.stack, (this.touched.get(body.stack) ?? 0) + 1);
    try {
      this.listener(event);
    } catch (error) {
      // A renderer must never stop a run; what it failed with is kept where the run's other messages are.
      if (body.type !== "stack.diagnostic") process.emitWarning(`a listener failed at ${body.type}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
