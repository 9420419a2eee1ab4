/** The entry of the command line: arguments in, exit code out. */
import { CommanderError, type Command } from "commander";
import type { FleetError } from "../errors";
import { systemContext, type CliContext } from "./context";
import { EXIT, reportError, usageError } from "./errors";
import { buildProgram } from "./program";

/**
 * Runs one command. Never throws and never calls `process.exit`.
 * @param argv the arguments after the script's name
 * @param overrides parts of the world that a test replaces
 * @returns the exit code: 0, 1, 2 or 130
 */
export async function main(argv: readonly string[], overrides: Partial<CliContext> = {}): Promise<number> {
  const context: CliContext = { ...systemContext(), ...overrides };
  ignoreClosedPipes();
  let code: number = EXIT.ok;
  const program = buildProgram({ context, done: (result) => (code = result) });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, context);
    if (error.exitCode === 0) return EXIT.ok; // help and version were asked for
    return error.code === "commander.help" ? EXIT.usage : reportError(usage(error, program, argv), context);
  }
}

/** Commander's message, with its suggestion and the help to read, on one line. */
function usage(error: CommanderError, program: Command, argv: readonly string[]): FleetError {
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /Did you mean (?:one of )?(.+?)\?/.exec(more.join(" "))?.[1];
  const what = first.replace(/\.$/, "").replace(/\. (Allowed|Expected|expected)/, (_, word: string) => `; ${word.toLowerCase()}`);
  return usageError([what, ...(suggestion === undefined ? [] : [`did you mean ${suggestion}`]), `see ${helpOf(program, argv)}`].join("; "));
}

/** The help of the innermost command that was named. */
function helpOf(program: Command, argv: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (const word of argv) {
    const inner = command.commands.find((candidate) => candidate.name() === word);
    if (inner === undefined) break;
    command = inner;
    names.push(word);
  }
  return `${names.join(" ")} --help`;
}

/** A reader that went away (`stackfleet status | head`, a closed terminal) must stop neither a run nor its end. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Once for the life of the process: what a command left to write is still written after it has ended.
    if (!stream.listeners("error").includes(ignoreClosedPipe)) stream.on("error", ignoreClosedPipe);
  }
}

function ignoreClosedPipe(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (["EPIPE", "EIO", "ERR_STREAM_DESTROYED"].includes(error.code ?? "") || process.exitCode === EXIT.failed) return;
  process.exitCode = EXIT.failed;
  if (this === process.stdout) process.stderr.write(`error: the output can't be written; got ${error.message} [output-failed]\n  fix: free some space, or send it elsewhere\n`);
}
