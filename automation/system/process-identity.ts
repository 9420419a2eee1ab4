/** Tells whether a process that wrote something down is still the same living process: host, boot, pid, start time. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { procStat, TICKS_PER_SECOND } from "./proc";

/** Who holds something. */
export interface ProcessIdentity {
  readonly host: string;
  /** Changes at every boot; undefined where the system does not tell. */
  readonly bootId?: string;
  readonly pid: number;
  /** The system's own text for the start time; the same text means the same process. */
  readonly startedAt?: string;
}

export function ownIdentity(): ProcessIdentity {
  const boot = bootId();
  const started = startOf(process.pid);
  return { host: hostname(), pid: process.pid, ...(boot && { bootId: boot }), ...(started && { startedAt: started }) };
}

/** `dead` only when it is proven; `unknown` for a process of another host. */
export function lifeOf(holder: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (holder.host !== hostname()) return "unknown";
  const boot = bootId();
  if (holder.bootId !== undefined && boot !== undefined && holder.bootId !== boot) return "dead";
  if (!isRunning(holder.pid)) return "dead";
  const started = startOf(holder.pid);
  if (holder.startedAt !== undefined && started !== undefined && holder.startedAt !== started) return "dead";
  return "alive";
}

/**
 * The same for a holder of whom only the host, pid and the time of writing are known (Pulumi's lock files): a process that
 * started after the lock was written did not write it.
 */
export function lifeOfWriter(writer: { readonly host: string; readonly pid: number; readonly writtenAt: Date }): "alive" | "dead" | "unknown" {
  const life = lifeOf({ host: writer.host, pid: writer.pid });
  if (life !== "alive") return life;
  if (writer.writtenAt.getTime() < bootTimeMs() - CLOCK_SLACK_MS) return "dead";
  const age = ageSeconds(writer.pid);
  if (age === undefined) return "alive";
  return Date.now() - age * 1000 > writer.writtenAt.getTime() + CLOCK_SLACK_MS ? "dead" : "alive";
}

/** Start times are known to 10 ms at best and the wall clock may step a little. */
const CLOCK_SLACK_MS = 2_000;

function bootTimeMs(): number {
  return Date.now() - uptime() * 1000;
}

function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined; // no /proc: pid and start time must do
  }
}

function startOf(pid: number): string | undefined {
  return procStartTicks(pid) ?? psField(pid, "lstart");
}

/** Seconds since the process started. */
function ageSeconds(pid: number): number | undefined {
  const ticks = procStartTicks(pid);
  if (ticks !== undefined) return uptime() - Number(ticks) / TICKS_PER_SECOND;
  const elapsed = psField(pid, "etime"); // [[dd-]hh:]mm:ss
  const match = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$/.exec(elapsed ?? "");
  if (!match) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
}

function procStartTicks(pid: number): string | undefined {
  return procStat(pid)?.field(22);
}

function psField(pid: number, field: "lstart" | "etime"): string | undefined {
  if (process.platform === "linux") return undefined;
  try {
    return execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined; // ps exits 1 when there is no such process
  }
}

/** True for a process that still does something: not for one that is gone, or ended and not yet reaped. */
export function isRunning(pid: number): boolean {
  if (isZombie(pid)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A killed process whose parent has not reaped it holds nothing any more. */
function isZombie(pid: number): boolean {
  return procStat(pid)?.field(3) === "Z";
}
