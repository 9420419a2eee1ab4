/** Costly work, a few at a time, with a bounded number waiting. */

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
  constructor(readonly concurrency: number, readonly limit: number) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs the work when its turn comes. @throws {QueueFull} at once, when too many wait */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.concurrency) {
      if (this.#waiting.length >= this.limit) throw new QueueFull(`${this.#waiting.length} wait already`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // takes over the slot of the one that ends
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
