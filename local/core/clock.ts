/** Simulated time: waits that the time scale shortens, and that follow a change of the scale while they last. */
import type { SimulatedClock } from "../model";

/** Simulated seconds a real second, unless told otherwise. */
export const DEFAULT_TIME_SCALE = 60;
/** Node's timers hold 31 bits of milliseconds; longer waits are made of several. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Sleeper {
  /** Simulated seconds left at `since`. */
  left: number;
  since: number;
  timer?: NodeJS.Timeout;
  readonly wake: () => void;
}

export class ScaledClock implements SimulatedClock {
  readonly #sleepers = new Set<Sleeper>();
  #scale: number;

  /** @param monotonic real milliseconds that never go back */
  constructor(timeScale: number = DEFAULT_TIME_SCALE, private readonly monotonic: () => number = () => performance.now()) {
    this.#scale = timeScale;
  }

  get timeScale(): number {
    return this.#scale;
  }

  /** Changes the scale for running waits too: what is left of them passes at the new speed. */
  setTimeScale(timeScale: number): void {
    const now = this.monotonic();
    for (const sleeper of this.#sleepers) {
      sleeper.left -= ((now - sleeper.since) / 1000) * this.#scale;
      sleeper.since = now;
    }
    this.#scale = timeScale;
    for (const sleeper of this.#sleepers) this.#arm(sleeper);
  }

  sleep(simulatedSeconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (simulatedSeconds <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(sleeper.timer);
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", aborted);
        settle();
      };
      const aborted = () => end(() => reject(signal?.reason));
      const sleeper: Sleeper = { left: simulatedSeconds, since: this.monotonic(), wake: () => end(resolve) };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#sleepers.add(sleeper);
      this.#arm(sleeper);
    });
  }

  toRealMs(simulatedSeconds: number): number {
    return (simulatedSeconds * 1000) / this.#scale;
  }

  now(): Date {
    return new Date();
  }

  #arm(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer);
    const ms = this.toRealMs(sleeper.left);
    if (ms <= MAX_TIMER_MS) sleeper.timer = setTimeout(sleeper.wake, Math.max(0, ms));
    else sleeper.timer = setTimeout(() => this.setTimeScale(this.#scale), MAX_TIMER_MS);
  }
}
