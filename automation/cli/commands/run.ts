/** `up`, `preview`, `refresh`, `destroy`: one operation over the fleet, shown while it goes on, stopped by signals. */
import { FleetError } from "../../errors";
import type { FleetEvent, Operation, RunReport } from "../../events";
import { createRenderer, defaultOutput, guarded, type Output, type Renderer } from "../../render";
import { stoppingText } from "../../render/frame";
import { EMPTY_VIEW, reduce } from "../../report";
import type { PreparedRun, RunHandle } from "../../run";
import type { CliContext } from "../context";
import { EXIT } from "../errors";
import { nextSteps } from "../hints";
import type { FleetOptions } from "../options";

export interface RunCommandOptions extends FleetOptions {
  readonly parallel?: number | "auto";
  readonly failFast?: boolean;
  readonly output?: Output;
  readonly yes?: boolean;
  readonly removed?: boolean;
  readonly only?: string;
}

/** @returns the exit code */
export async function runCommand(operation: Operation, selectors: readonly string[], options: RunCommandOptions, context: CliContext): Promise<number> {
  const output = options.output ?? defaultOutput(context.stdout, context.env);
  const say = (line: string): void => void context.stderr.write(`${line}\n`);
  const stopper = new Stopper(output, say);
  const stopListening = context.onSignal((signal) => stopper.signal(signal));
  try {
    const prepared = await (await context.run()).prepareRun({
      operation, select: selectors, target: options.target, cwd: context.cwd, report: say, signal: stopper.preparing,
      parallel: options.parallel ?? "auto", failFast: options.failFast ?? false, removed: options.removed ?? false,
      ...(options.config !== undefined && { config: options.config }), ...(options.only !== undefined && { only: options.only }),
    });
    stopper.throwIfStopped();
    warnOfLostResults(prepared, say);
    await confirm(prepared, options, context, stopper, say);
    const report = await show(prepared, output, context, stopper, say);
    nextSteps({ operation, report, options, env: context.env }).forEach(say);
    return report.status === "succeeded" ? EXIT.ok : report.status === "failed" ? EXIT.failed : EXIT.interrupted;
  } finally {
    stopListening();
  }
}

/** The first signal, whichever it is, stops gracefully; the second terminates. Before the run has started the first one ends all. */
class Stopper {
  private readonly controller = new AbortController();
  private handle: RunHandle | undefined;
  private count = 0;
  private hungUp = false;

  constructor(private readonly output: Output, private readonly say: (line: string) => void) {}

  /** Aborts when a signal comes before the run has started. */
  get preparing(): AbortSignal {
    return this.controller.signal;
  }

  signal(signal: string): void {
    // A terminal that closes says so more than once: the kernel to the whole group, then the shell to its jobs.
    if (signal === "SIGHUP" && this.hungUp) return;
    this.hungUp ||= signal === "SIGHUP";
    this.count++;
    if (this.handle === undefined) return this.controller.abort(interrupted());
    const mode = this.count === 1 ? "graceful" : "cancel";
    // The other renderers say it themselves, when the run confirms it.
    if (this.output === "json") this.say(`${signal}: ${stoppingText(mode)}`);
    this.handle.stop(mode, signal);
  }

  attach(handle: RunHandle): void {
    this.handle = handle;
  }

  throwIfStopped(): void {
    if (this.count > 0) throw interrupted();
  }
}

function interrupted(): FleetError {
  return new FleetError("interrupted", "interrupted before the run started; nothing was changed", { source: "user", exitCode: 1 });
}

async function show(prepared: PreparedRun, output: Output, context: CliContext, stopper: Stopper, say: (line: string) => void): Promise<RunReport> {
  const renderer: Renderer = guarded(await createRenderer(output, context), (error) => {
    say(`the display failed (${error instanceof Error ? error.message : String(error)}); the run goes on: see stackfleet status`);
  });
  let view = EMPTY_VIEW;
  try {
    const handle = prepared.execute((event: FleetEvent) => {
      view = reduce(view, event);
      renderer.event(event, view);
    });
    stopper.attach(handle);
    const report = await handle.done;
    await renderer.finish(report);
    return report;
  } finally {
    renderer.close();
  }
}

/** The results of a load test live in its home stack. */
function warnOfLostResults(prepared: PreparedRun, say: (line: string) => void): void {
  if (prepared.operation !== "destroy") return;
  const homes = prepared.topology.stacks.filter((stack) => stack.program === "constellation-home" && prepared.selected.includes(stack.name));
  for (const { name } of homes) say(`warning: destroying ${name} deletes the results of the load tests that it holds`);
}

/** Cloud only: a preview changes nothing, and the local cloud is for rehearsals. */
async function confirm(prepared: PreparedRun, options: RunCommandOptions, context: CliContext, stopper: Stopper, say: (line: string) => void): Promise<void> {
  if (prepared.target === "local") return;
  const { account, regions } = await prepared.describeTarget();
  stopper.throwIfStopped();
  const place = account === undefined ? "no AWS account" : `account ${account}, regions ${regions.join(", ")}`;
  say(`${prepared.operation} in the cloud: ${place}, stacks ${prepared.selected.join(", ")}`);
  if (options.yes || prepared.operation === "preview") return;
  if (!context.interactive) {
    throw new FleetError("confirmation-missing", `${prepared.operation} in the cloud needs a confirmation, and there is no terminal to ask on`, { source: "user", fix: "add --yes" });
  }
  const answer = await context.ask(`${prepared.operation} ${prepared.selected.length} stacks in ${account === undefined ? "the cloud" : `account ${account}`}? [y/N] `, stopper.preparing);
  stopper.throwIfStopped();
  if (!/^y(es)?$/i.test(answer?.trim() ?? "")) throw new FleetError("not-confirmed", "not confirmed; nothing was changed", { source: "user", exitCode: 1 });
}
