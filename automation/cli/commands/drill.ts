/** `drill`: breaks what a stack runs, in a scripted way, and says what came of it. */
import type { DrillSystem, EngineHost, Listener, PlannedDrill, PreparedDrills } from "../../../drills";
import { FleetError } from "../../errors";
import { findRoot, layoutAt, type Layout, type Target } from "../../layout";
import { takeDrillLock } from "../../run/drill-lock";
import { cleanLine } from "../../render/text";
import { terminalStyle } from "../../render";
import type { CliContext, DrillsModule } from "../context";
import { EXIT, reportError } from "../errors";
import { table } from "../table";

export interface DrillOptions {
  readonly config?: string;
  /** @default "cloud" with --docker, else "local" */
  readonly target?: Target;
  readonly docker?: boolean;
  readonly stack?: string;
  readonly output: "text" | "json";
  readonly strictTimes?: boolean;
  readonly seed?: number;
  readonly yes?: boolean;
}

/** @returns the exit code */
export async function drillCommand(systemName: string | undefined, names: readonly string[], options: DrillOptions, context: CliContext): Promise<number> {
  const drills = await context.drills();
  if (systemName === undefined) return list(drills, options, context);
  const session = new Session(drills, options, context);
  const stopListening = context.onSignal((signal) => session.stop(signal));
  try {
    return await session.run(drills.systemNamed(systemName), names);
  } catch (error) {
    const shown = session.interruption ?? asFleetError(error, drills);
    session.end(shown);
    return reportError(shown, context);
  } finally {
    stopListening();
  }
}

function list(drills: DrillsModule, { output }: DrillOptions, context: CliContext): number {
  if (output === "json") {
    context.stdout.write(`${JSON.stringify(drills.SYSTEMS.map(({ name, summary, drills: listed }) => ({ name, summary, drills: listed })))}\n`);
    return EXIT.ok;
  }
  const rows = drills.SYSTEMS.flatMap((system) => system.drills.map(({ name, summary }) => [system.name, name, summary]));
  context.stdout.write(table(["SYSTEM", "DRILL", "WHAT HAPPENS"], rows));
  context.stderr.write("stackfleet drill <system> runs all of a system; add names to run only those\n");
  return EXIT.ok;
}

/** One call of the command: its signals, and the promise that JSON output ends with `drill.finished`. */
class Session {
  private readonly interrupt = new AbortController();
  private readonly abandon = new AbortController();
  private finished = false;
  private running = false;

  constructor(private readonly drills: DrillsModule, private readonly options: DrillOptions, private readonly context: CliContext) {}

  /** The first signal ends the drill and puts everything back; the second leaves that to the next drill. */
  stop(signal: string): void {
    if (!this.interrupt.signal.aborted) {
      if (this.running) this.say(`${signal}: putting back what the drill broke; once more leaves that to the next drill`);
      this.interrupt.abort(new FleetError("interrupted", "interrupted", { source: "user", exitCode: 1 }));
    } else if (this.running) {
      this.abandon.abort(new FleetError("interrupted", "interrupted while putting back", { source: "user", exitCode: 1 }));
    }
  }

  /** Set once a signal came: what fails after it fails because of it. */
  get interruption(): FleetError | undefined {
    return this.interrupt.signal.aborted ? (this.interrupt.signal.reason as FleetError) : undefined;
  }

  async run(system: DrillSystem, names: readonly string[]): Promise<number> {
    const { drills, options, context } = this;
    drills.checkDrillNames(system, names);
    const layout = layoutAt(findRoot(context.cwd, context.env));
    const target = options.target ?? (options.docker ? "cloud" : "local");
    const stack = options.stack ?? system.defaultStack;
    const engine = await this.engine(layout);
    const stateDir = layout.target(target).drills;
    const unlock = takeDrillLock(stateDir, stack, layout.runLock);
    try {
      const outputs = await this.outputs(stack, target);
      const prepared = await system.prepare({ drills: names, stack, outputs, engine, realEngine: options.docker ?? false, stateDir, clock: drills.systemClock, signal: this.interrupt.signal });
      try {
        await this.confirm(system, prepared, engine);
        return await this.drill(prepared);
      } finally {
        await prepared.close();
      }
    } finally {
      unlock();
    }
  }

  /** Ends JSON output in order after an error that came before or between drills. */
  end(error: FleetError): void {
    if (this.finished || this.options.output !== "json") return;
    const { message, code, options: { fix } } = error;
    const listener = this.listener();
    listener({ type: "error", time: new Date(this.context.clock.now()).toISOString(), code, message: cleanLine(message), ...(fix !== undefined && { fix: cleanLine(fix) }) });
    listener({ type: "drill.finished", status: "failed", checks: [] });
  }

  private async drill(prepared: PreparedDrills): Promise<number> {
    this.running = true;
    const seed = this.options.seed ?? Math.floor(Math.random() * 2 ** 31);
    const { status } = await prepared.run({
      seed, strictTimes: this.options.strictTimes ?? false, listener: this.listener(), signal: this.interrupt.signal, abandon: this.abandon.signal,
    });
    this.running = false;
    const left = prepared.leftovers();
    for (const action of left) this.say(`still to put back: ${cleanLine(action)}; the next drill begins with it`);
    if (this.interrupt.signal.aborted) {
      this.say(left.length === 0 ? "interrupted; everything was put back" : "interrupted");
      return EXIT.interrupted;
    }
    if (status === "failed") this.say(`to repeat the same moments: --seed ${seed}`);
    return status === "succeeded" ? EXIT.ok : EXIT.failed;
  }

  private listener(): Listener {
    const { drills, options, context } = this;
    const write = (text: string): void => void context.stdout.write(text);
    const { colours, unicode } = terminalStyle(context.stdout, context.env);
    const show = options.output === "json" ? drills.jsonRenderer(write) : drills.textRenderer({ write, colours, unicode, live: context.stdout.isTTY === true, ...(context.stdout.isTTY === true && context.stdout.columns !== undefined && { columns: context.stdout.columns }) });
    return (event) => {
      this.finished ||= event.type === "drill.finished";
      show(event);
    };
  }

  private engine(layout: Layout): Promise<EngineHost> {
    return this.options.docker ? Promise.resolve(this.drills.engineHost(this.context.env)) : this.drills.localEngine(layout.localCloud);
  }

  private async outputs(stack: string, target: Target): Promise<Record<string, unknown>> {
    const { options, context } = this;
    const stacks = await (await context.commands()).readOutputs({
      cwd: context.cwd, target, stack, showSecrets: true, report: (line) => this.say(line), signal: this.interrupt.signal, ...(options.config !== undefined && { config: options.config }),
    });
    this.interrupt.signal.throwIfAborted();
    return Object.fromEntries(Object.entries(stacks[stack] ?? {}).map(([name, { value }]) => [name, value]));
  }

  /** On a real engine: says what will break, and asks. In the local cloud each drill says it when it starts. */
  private async confirm(system: DrillSystem, prepared: PreparedDrills, engine: EngineHost): Promise<void> {
    const { context, options } = this;
    this.interrupt.signal.throwIfAborted();
    if (!options.docker) return;
    announce(prepared.plan, prepared.leftovers(), this.drills.describeHost(engine), (line) => this.say(line));
    if (options.yes) return;
    if (!context.interactive) {
      throw new FleetError("confirmation-missing", `drills on a real Docker engine need a confirmation, and there is no terminal to ask on`, { source: "user", fix: "add --yes" });
    }
    const answer = await context.ask(`drill ${system.name} on ${this.drills.describeHost(engine)}? [y/N] `, this.interrupt.signal);
    this.interrupt.signal.throwIfAborted();
    if (!/^y(es)?$/i.test(answer?.trim() ?? "")) throw new FleetError("not-confirmed", "not confirmed; nothing was broken", { source: "user", exitCode: 1 });
  }

  private say(line: string): void {
    this.context.stderr.write(`${line}\n`);
  }
}

function announce(plan: readonly PlannedDrill[], leftovers: readonly string[], engine: string, say: (line: string) => void): void {
  say(`on the Docker engine at ${engine}:`);
  for (const action of leftovers) say(`  first, left by an earlier drill: ${cleanLine(action)}`);
  for (const { name, breaks, putsBack, skip } of plan) say(skip === undefined ? `  ${name}: ${cleanLine(breaks)}; then ${cleanLine(putsBack)}` : `  ${name}: left out; ${cleanLine(skip)}`);
}

/** What ended the command, as the command line reports errors. */
function asFleetError(error: unknown, drills: DrillsModule): FleetError {
  if (error instanceof FleetError) return error;
  if (error instanceof drills.DrillError) {
    const { usage = false, fix } = error.options;
    return new FleetError(error.code, error.message, { source: usage ? "user" : "tool", cause: error, ...(fix !== undefined && { fix }) });
  }
  const { code } = error as { code?: unknown };
  return new FleetError(typeof code === "string" ? code : "internal", drills.reasonOf(error), { source: "tool", cause: error });
}
