/** What the end of a container's process means: its exit code, and whether and when its policy starts it again. */
import type { ContainerSpec } from "./port";

/** Restart delays, Docker's: 100 ms doubled each time; here at most 10 s (Docker: 60 s), and forgotten after 10 s of running. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;
export const STEADY_MS = 10_000;

/** Milliseconds before the `attempt`th restart in a row (from 0). */
export function backoffMs(attempt: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt);
}

/** Whether a policy restarts after this exit. An unknown code (the daemon was away when it ended) counts as a failure. */
export function restarts({ restart, maxRestarts }: Pick<ContainerSpec, "restart" | "maxRestarts">, exitCode: number | undefined, restartsBefore = 0): boolean {
  if (restart === "on-failure") return exitCode !== 0 && restartsBefore < (maxRestarts ?? Infinity);
  return restart === "always" || restart === "unless-stopped";
}

/** A shell's convention for a process that a signal ended: 128 + its number (SIGTERM 15, SIGKILL 9…). */
export function signalCode(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };
  return 128 + (signal === null ? 0 : (numbers[signal] ?? 0));
}
