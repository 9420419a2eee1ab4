/** Plain lines for logs and CI: a line when a stack starts, its whole story in one block when it ends; no escape codes. */
import type { FleetEvent } from "../events";
import { elapsedSeconds, EMPTY_VIEW, isTerminal, resourceName, type RunView, type StackView } from "../report";
import { stackLines, stoppingText } from "./frame";
import type { Renderer, TextSink } from "./renderer";
import { closingLines, tellsErrors, totalsLine } from "./summary";
import { cell, cleanLine, clock, plural } from "./text";
import { changesText, plainPaint } from "./words";

export interface PlainOptions {
  /** Lines while the run goes on, and its failures. */
  readonly progress: TextSink;
  /** The table at the end. */
  readonly result: TextSink;
}

/** Wide enough for every column; logs have no width of their own. */
const RESULT_COLUMNS = 140;
/** Type tokens of default providers: the engine makes them by itself, so nobody looks for them. */
const PROVIDERS = "pulumi:providers:";
const MARKS: Readonly<Record<string, string>> = {
  create: "+", "create-replacement": "+-", import: "+", update: "~", delete: "-", "delete-replaced": "-+", discard: "-",
};

export class PlainRenderer implements Renderer {
  private view: RunView = EMPTY_VIEW;
  private readonly told = new Set<string>();
  private readonly phases = new Map<string, string>();

  constructor(private readonly options: PlainOptions) {}

  event(event: FleetEvent, view: RunView): void {
    this.view = view;
    switch (event.type) {
      case "run.started":
        this.line(event, `${event.operation} ${event.project} (${event.target}): ${plural(event.stacks.length, "stack")}, ${event.parallel} at once, run ${event.run}`);
        break;
      case "run.stopping": this.line(event, `${event.signal}: ${stoppingText(event.mode)}`); break;
      case "stack.status": this.status(event, view); break;
      case "resource.progress": this.progress(event); break;
      case "stack.finished": this.block(event, view); break;
      default: break; // told in the stack's block
    }
  }

  finish(): void {
    const style = { paint: plainPaint, unicode: true };
    const table = stackLines(this.view, { now: this.view.updatedAt, columns: RESULT_COLUMNS, colours: false, unicode: true });
    const closing = closingLines(this.view, { ...style, notes: false });
    this.options.result.write(`${table.join("\n")}\n`);
    if (closing.length > 0) this.options.progress.write(`${closing.join("\n")}\n`);
    this.options.result.write(`${totalsLine(this.view, style)}\n`);
  }

  close(): void {
    // nothing is held
  }

  private status(event: Extract<FleetEvent, { type: "stack.status" }>, view: RunView): void {
    if (event.status === "running") this.line(event, `${event.stack}: running`);
    // A stack that never ran has no block of its own.
    if (isTerminal(event.status) && stackOf(view, event.stack)?.startedAt === undefined) {
      this.line(event, `${event.stack}: ${event.status}${event.cause ? ` because of ${event.cause}` : event.reason ? ` (${cleanLine(event.reason)})` : ""}`);
    }
  }

  /** A log gets a line a phase, not one a look. */
  private progress(event: Extract<FleetEvent, { type: "resource.progress" }>): void {
    if (this.phases.get(event.urn) === event.phase) return;
    this.phases.set(event.urn, event.phase);
    this.line(event, `${event.stack}: ${resourceName(event.urn)} ${event.phase}${event.detail === undefined ? "" : ` (${event.detail})`}`);
  }

  private block(event: Extract<FleetEvent, { type: "stack.finished" }>, view: RunView): void {
    const stack = stackOf(view, event.stack);
    if (stack?.startedAt === undefined || this.told.has(stack.name)) return;
    this.told.add(stack.name);
    const seconds = elapsedSeconds(stack, view.updatedAt) ?? 0;
    this.line(event, `${stack.name}: ${stack.status} in ${clock(seconds)}, ${changesText(stack.changes, view.operation)}`, [
      // A failed stack's errors are told once, at the end, where a reader of a long log looks first.
      ...stack.notes.filter((note) => note.severity !== "error" || tellsErrors(stack.status)).map((note) => ({ at: note.at, text: `${note.severity === "info" ? "" : `${note.severity}: `}${cleanLine(note.text)}` })),
      ...stack.changed.filter(({ resourceType }) => !resourceType.startsWith(PROVIDERS)).map((resource) => ({
        at: resource.at, text: `${(MARKS[resource.op] ?? " ").padEnd(2)} ${resource.resourceType} ${cleanLine(resourceName(resource.urn))}${resource.seconds === undefined ? "" : ` (${resource.seconds.toFixed(1)} s)`}`,
      })),
    ]);
  }

  /** A line, and the lines that belong to it, each with the time since the run's start. */
  private line(event: FleetEvent, text: string, details: readonly { readonly at: number; readonly text: string }[] = []): void {
    const stamp = (at: number): string => cell(clock((at - this.view.startedAt) / 1000), 7, "right");
    const lines = [...details].sort((a, b) => a.at - b.at).map((detail) => `${" ".repeat(10)}${stamp(detail.at)}  ${detail.text}`);
    this.options.progress.write(`${[`[${stamp(Date.parse(event.time))}] ${cleanLine(text)}`, ...lines].join("\n")}\n`);
  }
}

function stackOf(view: RunView, name: string): StackView | undefined {
  return view.stacks.find((stack) => stack.name === name);
}
