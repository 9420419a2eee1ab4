/**
 * The command runner that the Automation API gets. `stack.up()` would start six CLI processes one after the other; with the
 * bookkeeping ones answered here, one is left: the update itself.
 */
import type { PulumiCommand } from "@pulumi/pulumi/automation";
import { SemVer } from "semver";
import { startCli, type CliProcess, type Exit } from "./processes";

/** Settings of one update's runner. */
export interface CommandOptions {
  readonly command: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** When true, `stack select` and `stack init` are answered without a process: the driver has made the stack. */
  readonly stackExists: boolean;
  readonly onStart: (process: CliProcess) => void;
}

/** The CLI ended other than with exit code 0. */
export class CliFailed extends Error {
  constructor(readonly args: readonly string[], readonly exit: Exit) {
    super(`pulumi ${args[0] ?? ""} ended with ${exit.signal ?? `exit code ${exit.code}`}`);
    this.name = "CliFailed";
  }
}

const OPERATIONS = new Set(["up", "preview", "refresh", "destroy"]);

/**
 * Makes a runner for one update. After an operation the Automation API asks for `stack output` and `stack history`; this
 * adapter reads results from the event stream and the checkpoint instead, so those get an empty answer.
 */
export function updateCommand(options: CommandOptions): PulumiCommand {
  const run = async (args: string[], cwd: string, additionalEnv: Record<string, string>): Promise<unknown> => {
    const answer = answerWithoutProcess(args, options.stackExists);
    if (answer !== undefined) return { stdout: answer, stderr: "", code: 0 };
    const full = [...args, ...(isSelect(args) ? ["--create"] : []), "--non-interactive"];
    const child = await startCli({
      command: options.command, args: full, cwd, env: { ...options.env, ...additionalEnv, PULUMI_AUTOMATION_API: "true" }, logFile: options.logFile,
    });
    options.onStart(child);
    const exit = await child.exited;
    if (exit.code !== 0) throw new CliFailed(full, exit);
    return { stdout: "", stderr: "", code: 0 };
  };
  // `PulumiCommand` is a class with a private surface; the workspace uses `run`, `command` and `version` only.
  return { command: options.command, version: new SemVer(options.version), run } as unknown as PulumiCommand;
}

/** On a backend whose stacks the driver does not make itself, selecting one makes it when it is not there. */
function isSelect([first, second]: readonly string[]): boolean {
  return first === "stack" && second === "select";
}

function answerWithoutProcess(args: readonly string[], stackExists: boolean): string | undefined {
  const [first, second] = args;
  if (first === undefined || OPERATIONS.has(first)) return undefined;
  if (first === "stack" && (second === "select" || second === "init")) return stackExists ? "" : undefined;
  if (first === "stack" && second === "output") return "{}";
  if (first === "stack" && second === "history") return "[]";
  return undefined;
}
