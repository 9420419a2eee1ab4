/** Waits for what no event tells. */
import { setTimeout as delay } from "node:timers/promises";

const INTERVAL_MS = 25;

/** True as soon as `done` is; false after `timeoutMs`. Rejects when the signal aborts. */
export async function pollUntil(done: () => boolean | Promise<boolean>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await done())) {
    if (performance.now() >= deadline) return false;
    await delay(INTERVAL_MS, undefined, signal ? { signal } : {});
  }
  return true;
}
