/** The live table on a terminal: redrawn in place while the run goes on, left complete on stdout at its end. */
import { createLogUpdate } from "log-update";
import type { FleetEvent } from "../events";
import { EMPTY_VIEW, type RunView } from "../report";
import { drawFrame } from "./frame";
import type { RenderClock, Renderer, Terminal, TextSink } from "./renderer";
import { closingLines, totalsLine } from "./summary";
import { colourPaint, plainPaint } from "./words";

export interface TtyOptions {
  /** Where the table lives while the run goes on; failures and warnings go there too. */
  readonly live: Terminal;
  /** Where the final table goes. */
  readonly result: TextSink;
  readonly clock: RenderClock;
  readonly colours: boolean;
  readonly unicode: boolean;
}

/** At most ten redraws a second, and one a second while nothing happens, for the clocks in the table. */
const SHORTEST_REDRAW_MS = 100;
const IDLE_REDRAW_MS = 1_000;
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";

/** A terminal that does not tell its size has the size of the oldest ones. */
const sizeOf = (terminal: Terminal): { columns: number; rows: number } => ({ columns: terminal.columns || 80, rows: terminal.rows || 24 });

/** A table in place that gives the terminal back, also when the process ends without a word. */
export class LiveTable {
  private readonly update: ReturnType<typeof createLogUpdate>;
  private hidden = false;
  private readonly restore = (): void => this.showCursor();

  constructor(private readonly terminal: Terminal) {
    // The cursor is handled here: the library's own handling writes to stderr, whichever stream the table is on.
    this.update = createLogUpdate(terminal as unknown as NodeJS.WritableStream, { showCursor: true });
  }

  draw(frame: (size: { columns: number; rows: number }) => string): void {
    if (!this.hidden) {
      this.hidden = true;
      process.once("exit", this.restore);
      this.terminal.write(HIDE_CURSOR);
    }
    const { columns, rows } = sizeOf(this.terminal);
    this.update(frame({ columns, rows: rows - 1 })); // the cursor stands on a line of its own below
  }

  /** Takes the table away. */
  erase(): void {
    if (this.hidden) this.update.clear();
    this.showCursor();
  }

  private showCursor(): void {
    process.removeListener("exit", this.restore);
    if (!this.hidden) return;
    this.hidden = false;
    this.terminal.write(SHOW_CURSOR);
  }
}

export class TtyRenderer implements Renderer {
  private readonly table: LiveTable;
  private view: RunView = EMPTY_VIEW;
  private drawnAt = -Infinity;
  private cancelTimer: (() => void) | undefined;
  private timerAt = Infinity;
  private ended = false;

  constructor(private readonly options: TtyOptions) {
    this.table = new LiveTable(options.live);
  }

  event(_event: FleetEvent, view: RunView): void {
    this.view = view;
    if (!this.ended) this.schedule(Math.max(0, this.drawnAt + SHORTEST_REDRAW_MS - this.options.clock.now()));
  }

  finish(): void {
    this.close();
    const style = { paint: this.options.colours ? colourPaint : plainPaint, unicode: this.options.unicode };
    const frame = drawFrame(this.view, { now: this.options.clock.now(), columns: sizeOf(this.options.live).columns, colours: this.options.colours, unicode: this.options.unicode });
    const closing = closingLines(this.view, { ...style, notes: true });
    this.options.result.write(`${frame}\n\n`);
    if (closing.length > 0) this.options.live.write(`${closing.join("\n")}\n\n`);
    this.options.result.write(`${totalsLine(this.view, style)}\n`);
  }

  close(): void {
    this.ended = true;
    this.cancelTimer?.();
    this.table.erase();
  }

  /** One timer; the earliest wish wins. */
  private schedule(ms: number): void {
    const at = this.options.clock.now() + ms;
    if (at >= this.timerAt) return;
    this.cancelTimer?.();
    this.timerAt = at;
    if (ms === 0) return this.draw();
    this.cancelTimer = this.options.clock.after(ms, () => this.draw());
  }

  private draw(): void {
    this.cancelTimer = undefined;
    this.timerAt = Infinity;
    const { colours, unicode, clock } = this.options;
    this.drawnAt = clock.now();
    try {
      this.table.draw((size) => drawFrame(this.view, { now: this.drawnAt, ...size, colours, unicode }));
    } catch {
      this.ended = true; // drawn by a timer, so nobody could catch it: the terminal is gone
      return;
    }
    this.schedule(IDLE_REDRAW_MS);
  }
}
