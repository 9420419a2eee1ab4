/** The aggregator's part in the start of a test: its region is recorded with the orchestrator, and stays so. */
import pRetry from "p-retry";
import { setTimeout as delay } from "node:timers/promises";
import type { Ask } from "./client";
import type { TaskLog } from "./task";

/** Waits between attempts: from 0.5 s, doubled, at most 15 s, each times 1 to 2 at random so that regions don't call in step. */
const RETRY = { minTimeout: 500, factor: 2, maxTimeout: 15_000, randomize: true, retries: Number.POSITIVE_INFINITY } as const;

/**
 * A region is recorded again so often: a test-reset forgets the regions that are ready, and an aggregator that runs on must
 * count in the next test too. Recording twice is harmless.
 */
export const RECORD_AGAIN_MS = 30_000;

/** Records the region until it has succeeded. Rejects only when the signal aborts. */
export async function recordRegion(ask: Ask, region: string, log: TaskLog, signal: AbortSignal, retry: Partial<typeof RETRY> = {}): Promise<unknown> {
  return pRetry(() => ask({ action: "agg-record", region }, signal), {
    ...RETRY, ...retry, signal,
    // Every failure is worth another attempt: the function may not be there yet, nor its role's permissions.
    shouldRetry: () => !signal.aborted,
    onFailedAttempt: ({ error, attemptNumber }) => log.warn({ region, attempt: attemptNumber, error: error.message }, "region not recorded yet"),
  });
}

/** Keeps the region recorded until the signal aborts; `recorded` is called after each success. */
export async function keepRecorded(options: {
  readonly ask: Ask; readonly region: string; readonly log: TaskLog; readonly signal: AbortSignal;
  readonly recorded: (answer: unknown) => void; readonly pauseMs?: number;
}): Promise<void> {
  const { ask, region, log, signal, recorded, pauseMs = RECORD_AGAIN_MS } = options;
  while (!signal.aborted) {
    recorded(await recordRegion(ask, region, log, signal));
    await delay(pauseMs, undefined, { signal });
  }
}
