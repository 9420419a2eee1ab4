/** Runs drills one after the other: times steps, keeps the account of checks, and puts everything back whatever happens. */
import { randomBytes } from "node:crypto";
import { reasonOf } from "./errors";
import type { CheckResult, Clock, Drill, Drillable, DrillContext, DrillEventBody, DrillsFinished, Listener, Probe, Verdict, Wait } from "./model";
import { seeded } from "./random";
import { UndoStack, type UndoLog } from "./undo";
import { until } from "./wait";

export interface RunOptions<S, A> {
  readonly drills: readonly Drill<S, A>[];
  readonly system: S;
  readonly drillable: Drillable<A>;
  readonly undoLog: UndoLog<A>;
  readonly clock: Clock;
  readonly seed: number;
  /** A time over its target fails its check. @default false */
  readonly strictTimes?: boolean;
  readonly listener: Listener;
  /** Ends the drill that runs; what it broke is put back, and no other starts. */
  readonly signal: AbortSignal;
  /** Gives up putting back, too; what is left is in the log. */
  readonly abandon: AbortSignal;
}

/** Name under which what an earlier, killed drill left is put back. */
export const EARLIER = "earlier-drill";
/** A system that was just brought up, or just drilled, may still be settling. */
const SETTLE_SECONDS = 20;
/** How long the clean-up itself may take. */
const PUT_BACK_SECONDS = 180;

/** Never throws for what a drill or the system does. The last event is always `drill.finished`, and is also the result. */
export async function runDrills<S, A>(options: RunOptions<S, A>): Promise<DrillsFinished> {
  const checks: CheckResult[] = [];
  const runner = new Runner(options, checks);
  let ended = false;
  try {
    ended = await runner.all();
  } catch (error) {
    runner.tell({ type: "error", code: "internal", message: reasonOf(error) });
  }
  const finished: DrillsFinished = { type: "drill.finished", status: ended && checks.every(({ ok }) => ok) ? "succeeded" : "failed", checks };
  options.listener(finished);
  return finished;
}

class Runner<S, A> {
  private readonly undo: UndoStack<A>;
  /** Not the drills': clean-up goes on after they were interrupted. */
  private readonly cleanUp: AbortSignal;

  constructor(private readonly options: RunOptions<S, A>, private readonly checks: CheckResult[]) {
    this.cleanUp = options.abandon;
    this.undo = new UndoStack<A>(options.undoLog, (action) => {
      const signal = AbortSignal.any([this.cleanUp, options.clock.limit(PUT_BACK_SECONDS * 1000)]);
      return options.drillable.perform(action, signal);
    });
  }

  /** @returns whether it came to its end */
  async all(): Promise<boolean> {
    const { drills, signal } = this.options;
    if (this.undo.size > 0 && !(await this.putBack(EARLIER, true))) return false;
    for (const [index, drill] of drills.entries()) {
      if (signal.aborted) return false;
      if (!(await this.one(drill, index + 1))) return false;
    }
    return !signal.aborted;
  }

  /** @returns false when nothing more may be broken */
  private async one(drill: Drill<S, A>, number: number): Promise<boolean> {
    const { system, clock, seed, drills } = this.options;
    const reason = drill.skip?.(system);
    if (reason !== undefined) {
      this.tell({ type: "drill.skipped", drill: drill.name, reason });
      return true;
    }
    const start = clock.now();
    const first = this.checks.length;
    const tag = `drill-${randomBytes(4).toString("hex")}`;
    this.tell({ type: "drill.started", drill: drill.name, summary: drill.summary, breaks: drill.breaks(system), putsBack: drill.putsBack, tag, number, of: drills.length, seed });
    const began = await this.drill(drill, tag);
    const wholeAgain = began ? await this.putBack(drill.name, drill.runsBroken !== true) : true;
    this.tell({ type: "drill.ended", drill: drill.name, ok: this.checks.slice(first).every(({ ok }) => ok), seconds: round((clock.now() - start) / 1000) });
    return wholeAgain && !this.options.signal.aborted;
  }

  /** @returns whether it began to break anything */
  private async drill(drill: Drill<S, A>, tag: string): Promise<boolean> {
    const context = this.contextOf(drill, tag);
    const start = this.options.clock.now();
    try {
      if (drill.runsBroken !== true && !(await context.reaches("whole-before", { deadlineSeconds: SETTLE_SECONDS }, this.options.drillable.whole))) return false;
      await drill.run(context, this.options.system);
    } catch (error) {
      const detail = this.options.signal.aborted ? "interrupted" : reasonOf(error);
      this.account({ drill: drill.name, check: "ran-to-its-end", ok: false, seconds: round((this.options.clock.now() - start) / 1000), detail });
    }
    return true;
  }

  /** @returns whether all is as it was */
  private async putBack(drill: string, untilWhole: boolean): Promise<boolean> {
    const { clock, drillable } = this.options;
    const start = clock.now();
    const touched = this.undo.size > 0;
    let began = start;
    const failed = await this.undo.unwind(({ action, error }) => {
      const step = `put back: ${drillable.describe(action)}`;
      this.tell({ type: "step.finished", drill, step, ok: error === undefined, seconds: round((clock.now() - began) / 1000), ...(error !== undefined && { error }) });
      began = clock.now();
    });
    const whole = untilWhole && failed.length === 0
      ? await this.wholeAgain() : undefined;
    if (!touched && !untilWhole) return true;
    const detail = failed.length > 0 ? failed.map(({ action, error }) => `${drillable.describe(action)}: ${error}`).join("; ") : whole;
    this.account({ drill, check: "put-back", ok: detail === undefined, seconds: round((clock.now() - start) / 1000), ...(detail !== undefined && { detail }) });
    return detail === undefined;
  }

  /** @returns what is still wrong */
  private async wholeAgain(): Promise<string | undefined> {
    const { clock, drillable } = this.options;
    try {
      return (await until(drillable.whole, { deadlineSeconds: drillable.wholeDeadlineSeconds, clock, signal: this.cleanUp })).missing;
    } catch (error) {
      return reasonOf(error);
    }
  }

  private contextOf(drill: Drill<S, A>, tag: string): DrillContext<A> {
    const { clock, signal, seed } = this.options;
    return {
      clock, signal, tag, random: seeded(seed), undo: this.undo,
      step: (title, work) => this.step(drill.name, title, work),
      check: (name, work) => this.check(drill.name, name, work),
      reaches: (name, wait, probe) => this.reaches(drill.name, name, wait, probe),
    };
  }

  private async step<T>(drill: string, step: string, work: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.options;
    signal.throwIfAborted();
    const start = clock.now();
    const seconds = (): number => round((clock.now() - start) / 1000);
    this.tell({ type: "step.started", drill, step });
    try {
      const result = await work();
      this.tell({ type: "step.finished", drill, step, ok: true, seconds: seconds() });
      return result;
    } catch (error) {
      this.tell({ type: "step.finished", drill, step, ok: false, seconds: seconds(), error: signal.aborted ? "interrupted" : reasonOf(error) });
      throw error;
    }
  }

  private async check(drill: string, check: string, work: () => Promise<Verdict> | Verdict): Promise<boolean> {
    const { clock, signal } = this.options;
    signal.throwIfAborted();
    const start = clock.now();
    const { ok, detail, seconds } = await attempt(work, signal);
    this.account({ drill, check, ok, seconds: round(seconds ?? (clock.now() - start) / 1000), ...(detail !== undefined && { detail }) });
    return ok;
  }

  private async reaches(drill: string, check: string, wait: Wait, probe: Probe): Promise<boolean> {
    const { clock, signal, strictTimes = false } = this.options;
    const { target, since = clock.now(), deadlineSeconds, intervalMs } = wait;
    this.tell({ type: "check.started", drill, check });
    const { missing } = await until(probe, { deadlineSeconds, clock, signal, ...(intervalMs !== undefined && { intervalMs }) });
    const seconds = round((clock.now() - since) / 1000);
    const over = target !== undefined && seconds > target.seconds;
    const reached = missing === undefined;
    const detail = !reached ? `not after ${deadlineSeconds} s: ${missing}` : target === undefined ? undefined : `${over ? "over" : "within"} the target of ${target.seconds} s`;
    this.account({ drill, check, ok: reached && !(over && strictTimes), seconds, ...(detail !== undefined && { detail }) },
      target && { targetSeconds: target.seconds, source: target.source, time: over || !reached ? "over" : "within" });
    return reached;
  }

  private account(result: CheckResult, target?: Extract<DrillEventBody, { type: "check.finished" }>["target"]): void {
    this.checks.push(result);
    this.tell({ type: "check.finished", ...result, ...(target && { target }) });
  }

  tell(event: DrillEventBody): void {
    this.options.listener({ ...event, time: this.options.clock.date().toISOString() });
  }
}

async function attempt(work: () => Promise<Verdict> | Verdict, signal: AbortSignal): Promise<Verdict> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, detail: reasonOf(error) };
  }
}

/** Milliseconds are as fine as it gets. */
function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
