/** Work that is done again and again until the node stops. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "./ports";

/** A pause that can be cut short. */
export class Pause {
  #early = new AbortController();

  /** Ends the pause that is under way; without one, the next. */
  end(): void {
    this.#early.abort();
  }

  /** Never rejects. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal: AbortSignal.any([signal, this.#early.signal]) }).catch(() => undefined);
    if (this.#early.signal.aborted) this.#early = new AbortController();
  }
}

export interface Loop {
  readonly name: string;
  /** From the end of one run to the begin of the next; a tenth more or less at random, so that nodes don't act in step. */
  readonly intervalMs: number;
  readonly work: (signal: AbortSignal) => Promise<unknown>;
  readonly pause?: Pause;
}

/** The longest that a timer waits. */
const LONGEST_MS = 2 ** 31 - 1;

/** Runs the loop until the signal aborts. A run that fails is told and the next one comes all the same. */
export async function runLoop({ name, intervalMs, work, pause = new Pause() }: Loop, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, loop: name }, "a periodic task failed");
    }
    await pause.wait(Math.min(LONGEST_MS, intervalMs * (0.9 + Math.random() * 0.2)), signal);
  }
}
