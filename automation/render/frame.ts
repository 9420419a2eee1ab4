/** The table of a run as text: one line a stack, cut to the terminal's size. Pure. */
import { elapsedSeconds, etaSecondsByStack, rootFailures, runElapsedSeconds, runEtaSeconds, succeededCount, type RunView, type StackView } from "../report";
import { cell, clock, columnsOf, fit, plural } from "./text";
import { colourOf, colourPaint, countText, failureLine, phaseOf, plainPaint, symbolOf, type Colour, type Paint } from "./words";

/** Where a frame is drawn. */
export interface FrameOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly columns: number;
  /** Lines it may take; undefined: as many as it needs. */
  readonly rows?: number;
  readonly colours: boolean;
  /** False where the terminal's font has ASCII only. */
  readonly unicode: boolean;
}

/** Header, stacks, and one line a failure; at most `rows` lines of at most `columns` columns. */
export function drawFrame(view: RunView, options: FrameOptions): string {
  const paint = options.colours ? colourPaint : plainPaint;
  const header = paint(fit(headerText(view, options.now), options.columns), "bold");
  const failures = options.rows === undefined ? [] : failureLines(view, options, paint);
  const room = options.rows === undefined ? undefined : Math.max(1, options.rows - 2 - failures.length);
  // On a line of its own: this one must not be cut.
  const stopping = view.stopping && view.status === "running" ? paint(fit(stoppingText(view.stopping.mode), options.columns), "yellow") : "";
  return [header, stopping, ...stackLines(view, { ...options, ...(room !== undefined && { rows: room }) }), ...failures].join("\n");
}

/** One line a stack, without the header; finished ones collapse first when there are more than `rows`. */
export function stackLines(view: RunView, options: FrameOptions): readonly string[] {
  const paint = options.colours ? colourPaint : plainPaint;
  const etas = view.status === "running" ? etaSecondsByStack(view, options.now) : new Map<string, number>();
  const rows = view.stacks.map((stack) => rowOf(stack, view, options, etas.get(stack.name)));
  const widths = widthsOf(rows, options.columns);
  const shown = collapse(view.stacks, options.rows ?? Infinity);
  return shown.map((entry) => {
    if (typeof entry === "string") return paint(fit(`  ${entry}`, options.columns), "dim");
    const row = rows[view.stacks.indexOf(entry)];
    return row === undefined ? "" : drawRow(row, widths, paint);
  });
}

function headerText(view: RunView, now: number): string {
  const elapsed = runElapsedSeconds(view, now);
  const eta = view.status === "running" ? runEtaSeconds(view, now) : undefined;
  return [
    [view.operation, view.project, view.only && `only ${view.only}`].filter(Boolean).join(" ") + (view.target ? ` (${view.target})` : ""),
    countText(succeededCount(view), view.stacks.length),
    ...(view.status === "running" ? [] : [view.status]),
    clock(elapsed),
    ...(eta === undefined ? [] : [`about ${clock(eta)} left`]),
  ].join("  ");
}

/** Said above the table, and by the command line when the signal comes. */
export function stoppingText(mode: "graceful" | "cancel"): string {
  return mode === "graceful" ? "stopping: running stacks finish what is in flight; Ctrl+C again terminates" : "terminating";
}

interface Row {
  readonly symbol: string; readonly name: string; readonly region: string; readonly status: string; readonly progress: string;
  readonly phase: string; readonly elapsed: string; readonly eta: string; readonly colour: Colour | undefined;
}

function rowOf(stack: StackView, view: RunView, options: FrameOptions, eta: number | undefined): Row {
  const elapsed = elapsedSeconds(stack, view.status === "running" ? options.now : view.updatedAt);
  const begun = stack.done > 0 || stack.status === "running";
  return {
    symbol: symbolOf(stack.status, options.unicode), name: stack.name, region: stack.region ?? "", status: stack.status,
    progress: begun || stack.expected !== undefined ? `${stack.done}/${stack.expected ?? "?"}` : "",
    phase: phaseOf(stack, view.operation), elapsed: elapsed === undefined ? "" : clock(elapsed),
    eta: eta === undefined ? "" : `~${clock(eta)}`, colour: colourOf(stack.status),
  };
}

type Widths = Readonly<Record<"name" | "region" | "status" | "progress" | "phase" | "elapsed" | "eta", number>>;
const MAX_NAME = 28;
const MIN_PHASE = 12;

/** The phase takes what is left; where that is too little, the region goes first, then the remaining time, then the phase. */
function widthsOf(rows: readonly Row[], columns: number): Widths {
  const widest = (key: keyof Widths): number => Math.max(0, ...rows.map((row) => columnsOf(row[key])));
  const wanted = { name: Math.min(MAX_NAME, widest("name")), region: widest("region"), status: widest("status"), progress: widest("progress"), elapsed: widest("elapsed"), eta: widest("eta") };
  const room = (without: readonly string[]): number =>
    columns - SYMBOL - Object.entries(wanted).filter(([key, width]) => width > 0 && !without.includes(key)).reduce((sum, [, width]) => sum + width + GAP, 0) - GAP;
  const dropped = [[], ["region"], ["region", "eta"]].find((without) => room(without) >= Math.min(MIN_PHASE, widest("phase"))) ?? ["region", "eta"];
  const left = room(dropped);
  return {
    ...wanted, phase: Math.max(0, Math.min(left, widest("phase"))),
    ...(dropped.includes("region") && { region: 0 }), ...(dropped.includes("eta") && { eta: 0 }),
    ...(left < 0 && { name: Math.max(1, wanted.name + left) }),
  };
}
const SYMBOL = 2;
const GAP = 2;

function drawRow(row: Row, widths: Widths, paint: Paint): string {
  const columns = [
    widths.name > 0 && cell(row.name, widths.name),
    widths.region > 0 && paint(cell(row.region, widths.region), "dim"),
    widths.status > 0 && paint(cell(row.status, widths.status), row.colour),
    widths.progress > 0 && cell(row.progress, widths.progress, "right"),
    widths.phase > 0 && cell(row.phase, widths.phase),
    widths.elapsed > 0 && cell(row.elapsed, widths.elapsed, "right"),
    widths.eta > 0 && paint(cell(row.eta, widths.eta, "right"), "dim"),
  ].filter((text) => text !== false);
  return `${paint(row.symbol, row.colour)} ${columns.join(" ".repeat(GAP))}`.trimEnd();
}

/** Groups that give way when there is no room, in this order; failed stacks are never among them. */
const COLLAPSING = [
  { statuses: ["succeeded", "unchanged"], word: "finished" },
  { statuses: ["pending"], word: "pending" },
  { statuses: ["skipped", "cancelled"], word: "not run" },
  { statuses: ["ready"], word: "ready" },
] as const;

function collapse(stacks: readonly StackView[], rows: number): readonly (StackView | string)[] {
  let shown = stacks;
  const notes: string[] = [];
  for (const group of COLLAPSING) {
    if (shown.length + notes.length <= rows) break;
    const hidden = shown.filter((stack) => (group.statuses as readonly string[]).includes(stack.status));
    if (hidden.length < 2) continue;
    shown = shown.filter((stack) => !hidden.includes(stack));
    notes.push(`${plural(hidden.length, "stack")} ${group.word}`);
  }
  const room = Math.max(0, rows - notes.length);
  if (shown.length <= room) return [...shown, ...notes];
  const kept = shown.slice(0, Math.max(0, room - 1));
  return [...kept, `${shown.length - kept.length} more`, ...notes].slice(0, Math.max(1, rows));
}

function failureLines(view: RunView, options: FrameOptions, paint: Paint): readonly string[] {
  const failures = rootFailures(view);
  const limit = Math.max(1, Math.floor((options.rows ?? Infinity) / 3) - 2);
  if (failures.length === 0) return [];
  const lines = failures.slice(0, limit).map(({ stack, error }) =>
    paint(fit(`${symbolOf("failed", options.unicode)} ${failureLine(stack, error)}`, options.columns), "red"));
  const more = failures.length > limit ? [paint(`  ${plural(failures.length - limit, "more failure")}`, "red")] : [];
  return ["", ...lines, ...more];
}
