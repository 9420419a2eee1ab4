/** Starts Pulumi CLI processes apart from the terminal and ends them in the order a user's stop asks for. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { procStat } from "../system/proc";

/** How a CLI process ended: exit code, or the signal that ended it. */
export interface Exit { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export interface CliProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Sends one signal to the CLI alone; false when it is gone. */
  signal(signal: NodeJS.Signals): boolean;
  /** SIGKILL to the CLI and to everything it started (plugins make process groups of their own but stay in its session). */
  killSession(): void;
}

export interface CliOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** stdout and stderr are appended here: a CLI whose output is a pipe dies with the reader, one that writes to a file finishes and saves. */
  readonly logFile: string;
}

/**
 * Spawns a CLI in a session of its own, so that the terminal's Ctrl+C does not reach it: it gets exactly the signals that the
 * driver sends. Rejects when the program can't be started.
 */
export async function startCli(options: CliOptions): Promise<CliProcess> {
  mkdirSync(path.dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, "a");
  let child: ChildProcess;
  try {
    child = spawn(options.command, [...options.args], {
      cwd: options.cwd, env: options.env, detached: true, stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<Exit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", reject);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} started without a process id`);
  return { pid, exited, signal: (signal) => child.exitCode === null && child.signalCode === null && child.kill(signal), killSession: () => killSession(pid) };
}

/** SIGKILL to every process of a session. On systems without /proc: to the leader's process group. */
export function killSession(leader: number): void {
  for (const pid of sessionMembers(leader)) sendQuietly(pid, "SIGKILL");
  sendQuietly(-leader, "SIGKILL");
}

function sessionMembers(leader: number): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return []; // no /proc on this system: the process group must do
  }
  return names.filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => sessionOf(pid) === leader);
}

/** Session id of a process; NaN when it is gone. */
function sessionOf(pid: number): number {
  return Number(procStat(pid)?.field(6));
}

function sendQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // ESRCH: already gone, which is what was wanted
  }
}
