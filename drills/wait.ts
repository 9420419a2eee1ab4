/** Waits for a condition with a deadline; the only way that drills wait. */
import { reasonOf } from "./errors";
import type { Clock, Probe } from "./model";

export interface Waited {
  /** From the start of the wait. */
  readonly seconds: number;
  /** What was still missing at the deadline; undefined when it came to be. */
  readonly missing?: string;
}

/** A probe that hangs must not outlast the deadline by more than this. */
const LAST_LOOK_MS = 2_000;

/**
 * Looks again and again until nothing is missing.
 * @throws the signal's reason when it aborts; nothing else
 */
export async function until(probe: Probe, options: { readonly deadlineSeconds: number; readonly intervalMs?: number; readonly clock: Clock; readonly signal: AbortSignal }): Promise<Waited> {
  const { clock, signal, deadlineSeconds, intervalMs = 100 } = options;
  const start = clock.now();
  const seconds = (): number => (clock.now() - start) / 1000;
  for (;;) {
    signal.throwIfAborted();
    const missing = await look(probe, Math.max(0, deadlineSeconds - seconds()) * 1000 + LAST_LOOK_MS, clock, signal);
    if (missing === undefined) return { seconds: seconds() };
    if (seconds() >= deadlineSeconds) return { seconds: seconds(), missing };
    await clock.sleep(intervalMs, signal);
  }
}

async function look(probe: Probe, atMostMs: number, clock: Clock, signal: AbortSignal): Promise<string | undefined> {
  const limit = clock.limit(atMostMs);
  const over = new Promise<string>((resolve) => {
    const told = (): void => resolve("no answer before the deadline");
    if (limit.aborted) told();
    limit.addEventListener("abort", told, { once: true });
  });
  try {
    const missing = await Promise.race([probe(AbortSignal.any([signal, limit])), over]);
    signal.throwIfAborted();
    return missing;
  } catch (error) {
    signal.throwIfAborted();
    return limit.aborted ? "no answer before the deadline" : reasonOf(error);
  }
}
