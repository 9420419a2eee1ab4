/** `status`: the live run or the last one, once or until it ends. */
import { existsSync } from "node:fs";
import { findRoot, layoutAt, type Layout } from "../../layout";
import { followJournal } from "../../journal";
import { createRenderer, defaultOutput, guarded, terminalStyle, type Output, type Renderer } from "../../render";
import { drawFrame } from "../../render/frame";
import { closingLines } from "../../render/summary";
import { colourPaint, plainPaint } from "../../render/words";
import { EMPTY_VIEW, reduce } from "../../report";
import { readStatus, statusJson, type FleetStatus } from "../../status";
import type { CliContext } from "../context";
import { EXIT } from "../errors";

export interface StatusOptions { readonly watch?: boolean; readonly output?: "json" | "text" }

/** Columns where there is no terminal to ask. */
const COLUMNS_WITHOUT_TERMINAL = 140;
/** Between two looks at whether the driver still lives. */
const LIVENESS_MS = 1_000;

/** @returns the exit code */
export async function statusCommand(options: StatusOptions, context: CliContext): Promise<number> {
  const layout = layoutAt(findRoot(context.cwd, context.env));
  const status = readStatus(layout);
  if (options.watch && status?.live) return watch(layout, status, options, context);
  print(status, options, context);
  return EXIT.ok;
}

function print(status: FleetStatus | undefined, options: StatusOptions, context: CliContext): void {
  const now = context.clock.now();
  if (options.output === "json") return void context.stdout.write(`${JSON.stringify(statusJson(status, now))}\n`);
  if (status === undefined) return void context.stderr.write("no run yet; stackfleet up starts one\n");
  if (status.view.stacks.length === 0) {
    return void context.stdout.write(`run ${status.run}  ${status.live ? "preparing (toolchain, local cloud)" : "ended before its first stack"}\n`);
  }
  const style = terminalStyle(context.stdout, context.env);
  const columns = context.stdout.columns || COLUMNS_WITHOUT_TERMINAL;
  const closing = closingLines(status.view, { paint: style.colours ? colourPaint : plainPaint, unicode: style.unicode, notes: true });
  const end = status.view.status === "interrupted" && status.view.report === undefined
    ? [`the driver of run ${status.run} died; the table shows what each stack last was; run the same command again to go on`] : [];
  const frame = drawFrame(status.view, { now: status.view.status === "running" ? now : status.view.updatedAt, columns, ...style });
  context.stdout.write(`${[frame, ...(closing.length + end.length > 0 ? ["", ...closing, ...end] : [])].join("\n")}\n`);
}

/** Follows a live run until it ends, its driver dies, or a signal comes. */
async function watch(layout: Layout, status: FleetStatus, options: StatusOptions, context: CliContext): Promise<number> {
  const ended = new AbortController();
  let interrupted = false;
  const stopListening = context.onSignal(() => {
    interrupted = true;
    ended.abort();
  });
  const renderer = guarded(await watchRenderer(status.run, options, context), () => ended.abort());
  const alive = (): boolean => {
    const current = readStatus(layout);
    return current?.live === true && current.run === status.run;
  };
  try {
    if (!(await follow(status, ended, renderer, alive, context))) {
      renderer.close();
      if (!interrupted) print(readStatus(layout), options, context);
    }
    return interrupted ? EXIT.interrupted : EXIT.ok;
  } finally {
    stopListening();
    renderer.close();
  }
}

/** @returns true when the run finished and was shown to its end */
async function follow(status: FleetStatus, ended: AbortController, renderer: Renderer, alive: () => boolean, context: CliContext): Promise<boolean> {
  const stopChecking = every(LIVENESS_MS, () => !alive() && ended.abort(), context);
  try {
    // A run that still prepares has no journal yet.
    while (!existsSync(status.journal) && !ended.signal.aborted) await new Promise<void>((resolve) => void context.clock.after(LIVENESS_MS / 4, resolve));
    if (ended.signal.aborted) return false;
    let view = EMPTY_VIEW;
    for await (const event of followJournal(status.journal, { signal: ended.signal })) {
      view = reduce(view, event);
      renderer.event(event, view);
    }
    if (view.report === undefined) return false;
    await renderer.finish(view.report);
    return true;
  } finally {
    stopChecking();
  }
}

function every(ms: number, call: () => void, context: CliContext): () => void {
  let cancel = context.clock.after(ms, function tick() {
    call();
    cancel = context.clock.after(ms, tick);
  });
  return () => cancel();
}

async function watchRenderer(run: string, options: StatusOptions, context: CliContext): Promise<Renderer> {
  if (options.output !== "json") {
    const output: Output = defaultOutput(context.stdout, context.env);
    return createRenderer(output, context);
  }
  const line = (view: FleetStatus["view"], now: number): void => void context.stdout.write(`${JSON.stringify(statusJson({ run, view }, now))}\n`);
  return { event: (event, view) => line(view, Date.parse(event.time)), finish: () => undefined, close: () => undefined };
}
