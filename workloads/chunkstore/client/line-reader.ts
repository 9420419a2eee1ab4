/** Lines of a terminal, with history and completion. Keys are read while a command runs too, so that Ctrl+C reaches it. */
import { createInterface, type Interface, type Key } from "node:readline";
import { Writable, type Readable } from "node:stream";

export interface TerminalOutput extends NodeJS.WritableStream { readonly columns?: number }

export type Completer = (line: string) => Promise<[matches: string[], word: string]>;

export interface LineReaderOptions {
  readonly input: Readable;
  readonly output: TerminalOutput;
  readonly completer: Completer;
  /** Ctrl+C; what stood in the line is gone, and `discarded` tells whether there was anything. */
  readonly onInterrupt: (discarded: boolean) => void;
  /** Any other key. */
  readonly onKey: () => void;
  /** False for lines that must not be recalled. */
  readonly keep: (line: string) => boolean;
}

const HISTORY_LINES = 500;

export class LineReader {
  private readonly lines: Interface;
  private readonly gate: Gate;
  /** Typed while a command ran. */
  private readonly early: string[] = [];
  private waiting: ((line: string | undefined) => void) | undefined;
  private hidden = false;
  private remember = true;
  private ended = false;

  constructor(private readonly options: LineReaderOptions) {
    this.gate = new Gate(options.output);
    this.lines = createInterface({
      input: options.input, output: this.gate, terminal: true, historySize: HISTORY_LINES, removeHistoryDuplicates: true,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        if (!this.gate.open) return done(null, [[], line]); // neither while a command runs nor in a password
        options.completer(line).then((result) => done(null, result), () => done(null, [[], line]));
      },
    });
    this.lines.on("history", (history: string[]) => {
      if (!this.remember || !options.keep(history[0] ?? "")) history.shift();
    });
    this.lines.on("line", (line) => this.take(line));
    this.lines.on("SIGINT", () => this.interrupt());
    const pressed = (_text: unknown, key: Key): void => {
      if (key.ctrl !== true || key.name !== "c") options.onKey();
    };
    options.input.on("keypress", pressed);
    this.lines.on("close", () => {
      options.input.off("keypress", pressed);
      this.ended = true;
      this.settle(undefined);
    });
  }

  /** True once the input has ended. */
  get closed(): boolean {
    return this.ended;
  }

  /**
   * The next line; undefined at the end of input, or when the signal aborts.
   * @param options hidden: without echo; remember: false for answers, which are no commands
   */
  next(prompt: string, { hidden = false, remember = !hidden, signal }: { readonly hidden?: boolean; readonly remember?: boolean; readonly signal?: AbortSignal } = {}): Promise<string | undefined> {
    const early = this.early.shift();
    if (early !== undefined) {
      this.options.output.write(`${prompt}${hidden ? "" : early}\n`);
      return Promise.resolve(early);
    }
    if (this.ended || signal?.aborted === true) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const abort = (): void => this.settle(undefined);
      signal?.addEventListener("abort", abort, { once: true });
      this.waiting = (line) => {
        signal?.removeEventListener("abort", abort);
        resolve(line);
      };
      this.remember = remember;
      this.show(prompt, hidden);
    });
  }

  /** A signal, as if it were the key. */
  interrupt(): void {
    if (this.ended) return;
    const discarded = this.lines.line !== "";
    this.lines.write(null, { ctrl: true, name: "e" });
    this.lines.write(null, { ctrl: true, name: "u" });
    this.options.onInterrupt(discarded);
  }

  close(): void {
    this.gate.open = false;
    this.lines.close();
  }

  private show(prompt: string, hidden: boolean): void {
    this.hidden = hidden;
    this.gate.open = !hidden;
    this.lines.setPrompt(prompt);
    if (hidden) this.options.output.write(prompt);
    else this.lines.prompt(true);
  }

  private take(line: string): void {
    if (this.waiting === undefined) this.early.push(line);
    else this.settle(line);
  }

  private settle(line: string | undefined): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    this.waiting = undefined;
    if (this.hidden || line === undefined) this.options.output.write("\n");
    this.hidden = false;
    this.gate.open = false;
    waiting(line);
  }
}

/** Passes on what the line editor draws, while it is open. */
class Gate extends Writable {
  open = false;

  constructor(private readonly target: TerminalOutput) {
    super({ decodeStrings: false });
    target.on("resize", () => this.emit("resize"));
  }

  get columns(): number | undefined {
    return this.target.columns;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.open) this.target.write(chunk);
    done();
  }
}
