/** Process groups of the runtime: who a pid really is, whether a group still lives, and how a group is ended for sure. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process as a later daemon can recognise it: pids are reused, start times are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and start time as the system tells them; see {@link startOf}. */
  readonly start: string;
}

/** Environment variable that every process of a runtime carries; its value is the runtime's data folder. */
export const RUNTIME_MARKER = "STACKFLEET_RUNTIME";

const linux = process.platform === "linux";
let bootId: string | undefined;

/** Token of the process's boot and start time; `undefined` when no live process has this pid (a zombie is not live). */
export function startOf(pid: number): string | undefined {
  return linux ? linuxStart(pid) : portableStart(pid);
}

/** True while exactly this process, and not a later one with its pid, is alive. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.start;
}

/** False when the machine was restarted since the process was seen; where the system doesn't tell boots apart, true. */
export function isThisBoot(identity: ProcessIdentity): boolean {
  return !linux || identity.start.split(":")[0] === startOf(process.pid)?.split(":")[0];
}

function linuxStart(pid: number): string | undefined {
  const stat = statOf(pid);
  if (stat === undefined || stat.state === "Z" || stat.state === "X") return undefined;
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${bootId}:${stat.startTicks}`;
}

function portableStart(pid: number): string | undefined {
  const line = ps(["-o", "stat=,lstart=", "-p", String(pid)]).trim();
  return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
}

/** `ps` exits 1 when nothing matches, which is an answer and not a failure. */
function ps(args: readonly string[]): string {
  try {
    return execFileSync("ps", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    if (error instanceof Error && "status" in error && error.status === 1) return "";
    throw error;
  }
}

interface Stat { readonly state: string; readonly group: number; readonly startTicks: string }

/** Fields 3, 5 and 22 of `/proc/<pid>/stat` (proc_pid_stat(5)); the name in field 2 may hold spaces and brackets. */
function statOf(pid: number): Stat | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "X", group: Number(fields[2]), startTicks: fields[19] ?? "" };
}

/** A process may end between two reads, and another user's is not ours to read: both mean "not one of ours". */
function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

function pids(): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Live members (zombies left out) of a process group. */
export function groupMembers(group: number): number[] {
  if (!groupExists(group)) return [];
  if (linux) {
    return pids().filter((pid) => {
      const stat = statOf(pid);
      return stat !== undefined && stat.group === group && stat.state !== "Z" && stat.state !== "X";
    });
  }
  return ps(["-axo", "pid=,pgid=,stat="]).split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, stat]) => Number(pgid) === group && stat !== undefined && !stat.startsWith("Z")).map(([pid]) => Number(pid));
}

function groupExists(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** Sends a signal to a whole group. False when the group is gone. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
    throw error;
  }
}

/**
 * Ends the group that `identity` leads and proves it: `signal`, SIGKILL after `graceMs`, then a check that no member is left.
 * Never signals a stranger: when another process has taken the pid, the group is long gone.
 * @throws when members outlive SIGKILL by five seconds
 */
export async function endGroup(identity: ProcessIdentity, graceMs: number, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const now = startOf(identity.pid);
  if (now !== undefined && now !== identity.start) return;
  if (graceMs > 0) {
    signalGroup(identity.pid, signal);
    if (await emptyWithin(identity.pid, graceMs)) return;
  }
  await killGroup(identity.pid);
}

/**
 * SIGKILL to a group that is known to be ours, with proof that no member is left.
 * @throws when members outlive SIGKILL by five seconds
 */
export async function killGroup(group: number): Promise<void> {
  signalGroup(group, "SIGKILL");
  if (await emptyWithin(group, 5_000)) return;
  throw new Error(`process group ${group}: still alive 5 s after SIGKILL; got members ${groupMembers(group).join(", ")}; end them by hand`);
}

async function emptyWithin(group: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (let wait = 5; ; wait = Math.min(wait * 2, 50)) {
    if (groupMembers(group).length === 0) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await delay(Math.min(wait, left));
  }
}

/** A process that carries a runtime's marker, with its group. */
export interface MarkedProcess extends ProcessIdentity { readonly group: number }

/**
 * Live processes that carry `marker` as {@link RUNTIME_MARKER}: finds what a daemon had started when it died before it could
 * write that down. Linux only (elsewhere another process's environment can't be read): returns none.
 */
export function markedProcesses(marker: string): MarkedProcess[] {
  if (!linux) return [];
  const wanted = `${RUNTIME_MARKER}=${marker}`;
  return pids().flatMap((pid) => {
    if (pid === process.pid || readProc(`/proc/${pid}/environ`)?.split("\0").includes(wanted) !== true) return [];
    const start = startOf(pid);
    const group = statOf(pid)?.group;
    return start === undefined || group === undefined ? [] : [{ pid, start, group }];
  });
}

/** The `code` of a system error, if it is one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
