/** Runs a command in a process group of its own that ends with an abort, with a stall, and with this process. */
import { spawn, type ChildProcess } from "node:child_process";
import * as path from "node:path";
import { FleetError } from "../errors";

export interface GuardedCommand {
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Ends the command when `progress` returns the same number for this long. */
  readonly stall?: { readonly milliseconds: number; readonly progress: () => number };
}

export interface GuardedResult {
  /** Exit code; undefined when the group was killed. */
  readonly code: number | undefined;
  readonly stalled: boolean;
  readonly stdout: string;
  /** The last 64 KiB. */
  readonly stderr: string;
}

const STDERR_KEPT = 64 * 1024;
/** How often progress is looked at. */
const LOOK_MS = 500;

/**
 * Resolves when the command and everything it started has ended.
 * @throws FleetError `interrupted` when `signal` aborts
 */
export async function runGuarded(given: GuardedCommand): Promise<GuardedResult> {
  throwIfAborted(given.signal);
  const child = spawn(process.execPath, [guardScript(), ...given.command], {
    env: given.env, cwd: given.cwd, detached: true, stdio: ["pipe", "pipe", "pipe"],
  });
  const kill = (): void => killGroup(child);
  given.signal?.addEventListener("abort", kill, { once: true });
  const stall = given.stall && watchStall(given.stall, kill);
  try {
    const result = await outcome(child);
    throwIfAborted(given.signal);
    return { ...result, stalled: stall?.stalled() ?? false };
  } finally {
    given.signal?.removeEventListener("abort", kill);
    stall?.stop();
  }
}

/** @throws FleetError `interrupted` when the signal has aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new FleetError("interrupted", "interrupted while the Pulumi CLI was set up", { source: "user", exitCode: 1 });
}

/** Beside this file: compiled when this is compiled. */
function guardScript(): string {
  return path.join(__dirname, `guard${path.extname(__filename)}`);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // The group ended by itself in this moment.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function watchStall(stall: NonNullable<GuardedCommand["stall"]>, kill: () => void): { stalled(): boolean; stop(): void } {
  let last = stall.progress();
  let since = Date.now();
  let stalled = false;
  const timer = setInterval(() => {
    const now = stall.progress();
    if (now !== last) [last, since] = [now, Date.now()];
    if (Date.now() - since < stall.milliseconds) return;
    stalled = true;
    clearInterval(timer);
    kill();
  }, Math.min(LOOK_MS, stall.milliseconds));
  return { stalled: () => stalled, stop: () => clearInterval(timer) };
}

/** Waits for `close`, not `exit`: the pipes close only when the last process that inherited them has ended. */
function outcome(child: ChildProcess): Promise<Omit<GuardedResult, "stalled">> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => { stderr = (stderr + text).slice(-STDERR_KEPT); });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? undefined, stdout, stderr }));
  });
}
