/** The interactive session: a prompt whose commands are those of the shell; an error does not end it. */
import { Command, CommanderError } from "commander";
import type { Readable } from "node:stream";
import type { ChunksCommands, ChunksWorld } from "./commands";
import { complete } from "./completion";
import { interrupted } from "./errors";
import { LineReader, type TerminalOutput } from "./line-reader";
import { addChunkCommands, type Invocation } from "./program";
import type { Screen } from "./progress";
import { table } from "./text";
import { unknownCommand, usageFault } from "./usage";
import { splitWords, wordsOf } from "./words";

export interface SessionOptions {
  readonly input: Readable;
  readonly output: TerminalOutput;
  readonly stdout: Screen;
  readonly cwd: string;
  /** Makes the commands, which ask through the session. */
  readonly commands: (asking: Pick<ChunksWorld, "ask" | "askHidden">) => ChunksCommands;
  /** Prints an error. */
  readonly report: (error: unknown) => void;
  /** @returns a function that stops listening */
  readonly onSignal: (listener: (signal: string) => void) => () => void;
}

const PROMPT = "chunks> ";
const OWN = [["help [command]", "show this, or the help of a command"], ["exit", "leave, as Ctrl+D does"]] as const;

/** @returns true when it was left in the usual way, false when a signal ended it */
export async function runSession(options: SessionOptions): Promise<boolean> {
  const session = new InteractiveSession(options);
  const stopListening = options.onSignal((signal) => session.signal(signal));
  try {
    return await session.run();
  } finally {
    stopListening();
    await session.close();
  }
}

class InteractiveSession {
  private readonly reader: LineReader;
  private readonly commands: ChunksCommands;
  private running: AbortController | undefined;
  /** Whether the last key was Ctrl+C, at an empty prompt. */
  private warned = false;
  private leaving = false;
  private killed = false;

  constructor(private readonly options: SessionOptions) {
    this.reader = new LineReader({
      input: options.input, output: options.output,
      completer: (line) => complete(line, { commands: this.names(), cwd: options.cwd, files: () => this.commands.files(AbortSignal.timeout(COMPLETION_MS)) }),
      onInterrupt: (discarded) => this.interrupt(discarded),
      onKey: () => { this.warned = false; },
      keep: (line) => !(wordsOf(line)[0]?.value === "login" && wordsOf(line).length > 2), // a password in it must not be recalled
    });
    this.commands = options.commands({
      ask: (question, signal) => this.reader.next(question, { signal, remember: false }),
      askHidden: (question, signal) => this.reader.next(question, { signal, hidden: true }),
    });
  }

  async run(): Promise<boolean> {
    this.options.output.write("help lists the commands; Tab completes; Ctrl+D leaves\n");
    while (!this.leaving) {
      const line = await this.reader.next(PROMPT);
      if (line === undefined) {
        if (this.reader.closed) break;
        continue;
      }
      await this.execute(line);
    }
    return !this.killed;
  }

  signal(signal: string): void {
    if (signal === "SIGINT") return this.reader.interrupt();
    this.killed = true;
    this.leave();
  }

  async close(): Promise<void> {
    this.reader.close();
    await this.commands.close();
  }

  private interrupt(discarded: boolean): void {
    if (this.running !== undefined) return this.running.abort(interrupted());
    if (discarded) return;
    if (this.warned) return this.leave();
    this.warned = true;
    this.options.output.write(`\n(Ctrl+C again leaves)\n${PROMPT}`);
  }

  private leave(): void {
    this.leaving = true;
    this.running?.abort(interrupted());
    this.reader.close();
  }

  private async execute(line: string): Promise<void> {
    const running = (this.running = new AbortController());
    try {
      const words = splitWords(line);
      if (words.length > 0) await this.parser((invocation) => this.commands.run(invocation, running.signal)).parseAsync(words, { from: "user" });
    } catch (error) {
      if (error instanceof CommanderError && error.code === "commander.unknownCommand") this.options.report(unknownCommand(wordsOf(line)[0]?.value ?? "", this.names(), "help"));
      else if (!(error instanceof CommanderError)) this.options.report(error);
      else if (error.exitCode !== 0) this.options.report(usageFault(error, "help"));
    } finally {
      this.running = undefined;
    }
  }

  private parser(invoke: (invocation: Invocation) => Promise<void>): Command {
    const { stdout } = this.options;
    const write = (text: string): void => void stdout.write(text);
    const parser = new Command().exitOverride().configureOutput({ writeOut: write, writeErr: write, outputError: () => undefined }).helpOption(false).helpCommand(false)
      .configureHelp({ commandUsage: (command) => `${command.name()} ${command.usage()}`.trim() }); // there is no program's name to begin with
    addChunkCommands(parser, invoke);
    for (const command of parser.commands) command.helpOption("-h, --help", "show this help");
    parser.command("help", { hidden: true }).argument("[command]").helpOption(false).action((name: string | undefined) => this.help(parser, name));
    for (const word of ["exit", "quit"]) parser.command(word, { hidden: true }).helpOption(false).action(() => this.leave());
    return parser;
  }

  private help(parser: Command, name: string | undefined): void {
    const found = parser.commands.find((command) => command.name() === name && !OWN_NAMES.includes(command.name()));
    if (found !== undefined) return void found.outputHelp();
    const help = parser.createHelp();
    const rows = parser.commands.filter((command) => !OWN_NAMES.includes(command.name())).map((command) => [help.subcommandTerm(command), command.summary() || command.description()]);
    this.options.stdout.write(table(["COMMAND", ""], [...rows, ...OWN]));
  }

  private names(): string[] {
    return [...this.parser(() => Promise.resolve()).commands.map((command) => command.name()).filter((name) => name !== "quit")];
  }
}

const OWN_NAMES: readonly string[] = ["help", "exit", "quit"];
/** A listing that takes longer is not worth the wait of a Tab. */
const COMPLETION_MS = 2_000;
