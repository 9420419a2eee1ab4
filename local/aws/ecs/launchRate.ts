/** Fargate's launch throttle: a bucket of tokens for each account and region, in simulated time. */
import type { SimulatedClock } from "../../model";
import { FARGATE } from "../latencies";

/** Hands out launches in order: a burst at once, then so many a second. */
export class LaunchRate {
  readonly #clock: SimulatedClock;
  #tokens: number = FARGATE.burst;
  /** Real milliseconds: the time scale may change between two launches. */
  #at: number;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
    this.#at = clock.now().getTime();
  }

  /** Simulated seconds to wait before the next launch may go; takes its token. */
  take(): number {
    const now = this.#clock.now().getTime();
    this.#tokens = Math.min(FARGATE.burst, this.#tokens + ((now - this.#at) / 1000) * this.#clock.timeScale * FARGATE.ratePerSecond);
    this.#at = now;
    this.#tokens -= 1;
    // A negative balance is the queue before this launch.
    return this.#tokens >= 0 ? 0 : -this.#tokens / FARGATE.ratePerSecond;
  }
}
