/** A generator's part in the start of a test: it asks for the start state until it knows the time. */
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod/mini";
import type { Ask } from "./client";
import { startStateSchema, type StartState } from "./events";
import type { TaskLog } from "./task";

/** Pause between polls, times 1 to 1.5 at random: generators that started together must not ask together for ever. */
export const POLL_MS = 5_000;

/** Polls until the signal aborts. `changed` is called with each start state that differs from the one before. */
export async function pollStart(options: {
  readonly ask: Ask; readonly log: TaskLog; readonly signal: AbortSignal;
  readonly changed: (state: StartState) => void; readonly pauseMs?: number;
}): Promise<void> {
  const { ask, log, signal, changed, pauseMs = POLL_MS } = options;
  let known: StartState | undefined;
  // Not at once: at its start a fleet has better uses of the orchestrator, and the start buffer is longer than a poll.
  await delay(pauseMs * Math.random(), undefined, { signal });
  while (!signal.aborted) {
    try {
      const state = z.parse(startStateSchema, await ask({ action: "test-init" }, signal));
      if (known?.state !== state.state || known.timestamp !== state.timestamp) changed(state.timestamp === undefined ? { state: state.state } : { state: state.state, timestamp: state.timestamp });
      known = state;
    } catch (error) {
      // The next poll is the retry: a generator may well be there before the orchestrator.
      if (!signal.aborted) log.warn({ error: error instanceof Error ? error.message : String(error) }, "start state unknown");
    }
    await delay(pauseMs * (1 + Math.random() / 2), undefined, { signal });
  }
}
