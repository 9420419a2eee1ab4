/** One piece of work on a name at a time, in the order of arrival. */
export class NameLocks {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    const mine = (async () => {
      await before;
      return work();
    })();
    // What waits behind needn't know how this one ended.
    const tail = mine.then(() => undefined, () => undefined);
    this.#tails.set(name, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }
}
