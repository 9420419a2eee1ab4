/** Real time for drills. */
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./model";

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted(); // the signal's own reason says more than the timer's
      throw error;
    }
  },
  limit: (ms) => AbortSignal.timeout(Math.ceil(ms)),
};
