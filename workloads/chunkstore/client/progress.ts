/** One line on a terminal that says how far a transfer is; gone when it ends. */
import { duration, safe, size } from "./text";

export interface Screen {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly isTTY?: boolean | undefined;
}

/** Milliseconds; may start anywhere. */
export type Monotonic = () => number;

/** Short transfers show nothing. */
const FIRST_AFTER_MS = 500;
const EVERY_MS = 200;
/** The rate is that of so many of the last milliseconds. */
const RATE_WINDOW_MS = 3_000;

const ERASE_LINE = "\r\u001b[K";

export class Progress {
  private readonly began: number;
  private shownAt = -Infinity;
  private visible = false;
  private samples: { readonly at: number; readonly done: number }[] = [];

  constructor(private readonly what: string, private readonly screen: Screen, private readonly now: Monotonic = () => performance.now()) {
    this.began = now();
  }

  /** To be called as often as anything happens. */
  update(done: number, total: number): void {
    if (this.screen.isTTY !== true) return;
    const at = this.now();
    const last = this.samples.at(-1);
    if (last !== undefined && done < last.done) this.samples = []; // it began again
    if (last === undefined || at - last.at >= EVERY_MS / 2) this.samples.push({ at, done });
    while (this.samples.length > 2 && at - (this.samples[0]?.at ?? at) > RATE_WINDOW_MS) this.samples.shift();
    if (at - this.began < FIRST_AFTER_MS || at - this.shownAt < EVERY_MS) return;
    this.shownAt = at;
    this.visible = true;
    this.screen.write(`${ERASE_LINE}${this.line(at, done, total)}`);
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (!this.visible) return;
    this.visible = false;
    this.screen.write(ERASE_LINE);
  }

  private line(at: number, done: number, total: number): string {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    const [first] = this.samples;
    const rate = first === undefined || at <= first.at ? 0 : ((done - first.done) / (at - first.at)) * 1000;
    const left = done === total ? "finishing" : rate > 0 ? `${duration((total - done) / rate)} left` : "stalled";
    const figures = `${String(percent).padStart(3)}%  ${size(done)} of ${size(total)}  ${size(Math.round(rate))}/s  ${left}`;
    const room = (this.screen.columns ?? 80) - figures.length - 3;
    const what = safe(this.what);
    return `${room < 8 ? "" : `${what.length > room ? `${what.slice(0, room - 1)}…` : what}  `}${figures}`;
  }
}
