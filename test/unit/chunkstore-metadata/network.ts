/** A simulated network in virtual time: latency, loss, doubling, reordering, cuts; deterministic for a seed. */

/** Small seeded generator (mulberry32): a case that fails is the same when it runs again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: events in order of time, then of their making. */
export class Timeline {
  now = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, delayMs), order: (this.#order += 1), run });
  }

  /** Runs all that happens until then; between two events every promise that can settle does. */
  async runUntil(time: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#pop();
      this.now = next.at;
      next.run();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.now = time;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(last, child)) break;
      heap[index] = child;
      index = child === left ? 2 * index + 1 : 2 * index + 2;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** What a node answers to a request; throws to refuse it. */
export type Handler = (path: string, body: unknown, from: string) => unknown;

const TIMEOUT_MS = 2_000;

export class Network {
  /** Share of messages that are lost, and that arrive twice. */
  loss = 0;
  doubled = 0;
  /** Milliseconds. */
  latency = { least: 1, most: 20 };
  readonly #requests = new Map<string, number>();
  readonly #handlers = new Map<string, Handler>();
  readonly #side = new Map<string, number>();

  constructor(readonly timeline: Timeline, private readonly random: () => number) {}

  /** Who answers at an address; undefined: nobody. */
  listen(address: string, handler: Handler | undefined): void {
    if (handler) this.#handlers.set(address, handler);
    else this.#handlers.delete(address);
  }

  /** Only those on one side reach each other; 0 for those that are not named. */
  partition(sides: Readonly<Record<string, number>>): void {
    this.#side.clear();
    for (const [address, side] of Object.entries(sides)) this.#side.set(address, side);
  }

  /** Requests that were sent to a path. */
  requestsTo(path: string): number {
    return this.#requests.get(path) ?? 0;
  }

  /** Sends a request as JSON; rejects after two seconds without an answer. */
  request(from: string, to: string, path: string, body: unknown): Promise<unknown> {
    this.#requests.set(path, this.requestsTo(path) + 1);
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      this.timeline.after(TIMEOUT_MS, () => reject(new Error(`no answer from ${to}`)));
      const arrive = (): void => this.#travel(from, to, () => {
        const handler = this.#handlers.get(to);
        if (handler === undefined) return;
        let reply: string;
        try {
          reply = JSON.stringify(handler(path, JSON.parse(text), from));
        } catch (error) {
          this.#travel(to, from, () => reject(error));
          return;
        }
        this.#travel(to, from, () => resolve(JSON.parse(reply)));
      });
      arrive();
      if (this.random() < this.doubled) arrive();
    });
  }

  #travel(from: string, to: string, arrived: () => void): void {
    if (this.random() < this.loss) return;
    const { least, most } = this.latency;
    // What is under way when the network is cut is lost as well.
    this.timeline.after(least + this.random() * (most - least), () => {
      if ((this.#side.get(from) ?? 0) === (this.#side.get(to) ?? 0)) arrived();
    });
  }
}
