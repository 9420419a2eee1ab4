/** Costly work, a few at a time; the rest waits in order, a bounded number of it if so wished. */

export class QueueFull extends Error {
  override readonly name = "QueueFull";
}

export class WorkQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param concurrency pieces of work at a time
   * @param limit most that may wait
   */
  constructor(readonly concurrency: number, readonly limit = Number.POSITIVE_INFINITY) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs the work when its turn comes.
   * @throws {QueueFull} at once, when too many wait; the signal's reason when it aborts before the turn
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.concurrency) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // The slot goes to the next one directly, so that nobody who comes just now takes it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Resolves with the slot of the one that ends. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.limit) throw new QueueFull(`${this.#waiting.length} wait already`);
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      const turn = (): void => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(turn);
    });
  }
}
