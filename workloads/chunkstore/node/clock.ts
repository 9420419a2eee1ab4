/** The machine's clocks. */
import type { Clock } from "../contract/ports";

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
