/** Drills for people: a line when a step or a check is done, with its seconds; on a terminal also what is under way. */
import { stripVTControlCharacters } from "node:util";
import type { DrillEvent, DrillsFinished, Listener } from "../model";

export interface TextOptions {
  readonly write: (text: string) => void;
  /** A terminal: what is under way is shown, and replaced when it is done. @default false */
  readonly live?: boolean;
  /** @default false */
  readonly colours?: boolean;
  /** @default true */
  readonly unicode?: boolean;
  /** Width at which lines are broken. @default none */
  readonly columns?: number;
}

type Colour = "green" | "red" | "yellow" | "dim" | "bold";
const CODES: Readonly<Record<Colour, readonly [number, number]>> = { green: [32, 39], red: [31, 39], yellow: [33, 39], dim: [2, 22], bold: [1, 22] };
const ERASE_LINE = "\r\u001b[2K";

interface Counts { passed: number; failed: number; skipped: number; within: number; over: number }

export function textRenderer(options: TextOptions): Listener {
  const renderer = new TextRenderer(options);
  return (event) => renderer.event(event);
}

class TextRenderer {
  private readonly counts: Counts = { passed: 0, failed: 0, skipped: 0, within: 0, over: 0 };
  private underWay = false;

  constructor(private readonly options: TextOptions) {}

  event(event: DrillEvent): void {
    if (this.underWay) this.options.write(ERASE_LINE);
    this.underWay = false;
    switch (event.type) {
      case "drill.started": return this.started(event);
      case "drill.skipped":
        this.counts.skipped++;
        return this.line(`${this.paint(event.drill, "bold")}  ${this.paint("skipped", "yellow")}: ${clean(event.reason)}`);
      case "step.started": return this.pending(event.step);
      case "check.started": return this.pending(words(event.check));
      case "step.finished": return this.row(event.ok ? this.paint(this.mark("·", "-"), "dim") : this.bad(), event.seconds, event.error === undefined ? event.step : `${event.step}: ${event.error}`);
      case "check.finished": return this.checked(event);
      case "drill.ended":
        this.counts[event.ok ? "passed" : "failed"]++;
        return this.line(`  ${event.ok ? this.paint("passed", "green") : this.paint("failed", "red")} in ${time(event.seconds)}\n`);
      case "error": return this.line(`${this.paint("error", "red")}: ${clean(event.message)} [${event.code}]${event.fix === undefined ? "" : `; ${clean(event.fix)}`}`);
      case "drill.finished": return this.finished(event);
    }
  }

  private started(event: Extract<DrillEvent, { type: "drill.started" }>): void {
    this.line(`${this.paint(`${event.number}/${event.of}  ${event.drill}`, "bold")}  ${event.summary}`);
    this.line(`  ${this.paint("breaks   ", "dim")} ${clean(event.breaks)}`);
    this.line(`  ${this.paint("puts back", "dim")} ${clean(event.putsBack)} (its files: ${event.tag}-…)`);
  }

  private checked({ check, ok, seconds, detail, target }: Extract<DrillEvent, { type: "check.finished" }>): void {
    if (target) this.counts[target.time]++;
    const timing = target === undefined || detail === undefined ? detail : target.time === "over" ? this.paint(clean(detail), "yellow") : clean(detail);
    const text = `${this.paint(words(check), ok ? undefined : "red")}${timing === undefined ? "" : `  ${target ? timing : this.paint(clean(timing), ok ? "dim" : undefined)}`}`;
    this.row(ok ? this.paint(this.mark("✓", "+"), "green") : this.bad(), seconds, text, true);
  }

  private finished({ status, checks }: DrillsFinished): void {
    const { passed, failed, skipped, within, over } = this.counts;
    const good = checks.filter(({ ok }) => ok).length;
    const parts = [`${passed} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])];
    const times = within + over === 0 ? "" : `; times: ${within} within their targets, ${over} over`;
    this.line(`${this.paint(status, status === "succeeded" ? "green" : "red")}: drills ${parts.join(", ")}; checks ${good} of ${checks.length} ok${times}`);
    for (const { drill, check, detail } of checks.filter(({ ok }) => !ok)) this.line(`  ${this.bad()} ${drill}  ${words(check)}${detail === undefined ? "" : `: ${clean(detail)}`}`);
  }

  private pending(text: string): void {
    if (!this.options.live) return;
    this.underWay = true;
    // One short line: a wrapped one could not be erased.
    this.options.write(this.paint(`  ${this.mark("…", ".")}           ${clean(text).slice(0, 50)}`, "dim"));
  }

  private row(mark: string, seconds: number, text: string, painted = false): void {
    this.line(`  ${mark} ${time(seconds).padStart(9)}  ${painted ? text : clean(text)}`);
  }

  private line(text: string): void {
    this.options.write(`${wrapped(text, this.options.columns)}\n`);
  }

  private bad(): string {
    return this.paint(this.mark("✗", "x"), "red");
  }

  private mark(symbol: string, ascii: string): string {
    return this.options.unicode === false ? ascii : symbol;
  }

  private paint(text: string, colour: Colour | undefined): string {
    if (colour === undefined || !this.options.colours) return text;
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }
}

/** Below the text of a step or a check. */
const INDENT = " ".repeat(15);

/** Broken between words, and indented from the second line on. Colours take no width. */
function wrapped(text: string, columns: number | undefined): string {
  if (columns === undefined || columns < 2 * INDENT.length) return text;
  let width = 0;
  return text.split(/(?<=\S) (?=\S)/).map((word, index) => {
    const length = stripVTControlCharacters(word).length;
    const breaks = index > 0 && width + 1 + length > columns;
    width = breaks ? INDENT.length + length : width + length + (index > 0 ? 1 : 0);
    return index === 0 ? word : breaks ? `\n${INDENT}${word}` : ` ${word}`;
  }).join("");
}

/** `no-failed-reads` → `no failed reads` */
function words(check: string): string {
  return clean(check).replaceAll("-", " ");
}

function time(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(2)} s` : `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")} min`;
}

/** What comes from elsewhere must not steer the terminal. */
function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/\s*\n\s*/g, " ").replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}
