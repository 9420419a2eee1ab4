/** Runs work on one key one after the other; work on different keys runs at once. */

export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    // Its own caller hears of the earlier work's failure; the next in line only waits for its end.
    const job = before.then(work, work);
    this.#tails.set(key, job);
    const tidy = () => {
      if (this.#tails.get(key) === job) this.#tails.delete(key);
    };
    job.then(tidy, tidy);
    return job;
  }
}
