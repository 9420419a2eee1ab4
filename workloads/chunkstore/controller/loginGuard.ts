/** Slows guessing down: after some failures a user's name and address must wait, longer with each further failure. */
import { LRUCache } from "lru-cache";

/** Failures that are free, for typing errors. */
const FREE_FAILURES = 5;
/** First wait, doubled with each further failure. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Failures are forgotten so long after the last one. */
const FORGET_MS = 15 * 60_000;
/** A bound for memory. Who makes more pairs than this is stopped by the queue of hashes. */
const MAX_PAIRS = 10_000;

interface Failures { count: number; until: number; last: number }

export class LoginGuard {
  readonly #failures = new LRUCache<string, Failures>({ max: MAX_PAIRS });

  /** @param monotonic milliseconds that never go back */
  constructor(private readonly monotonic: () => number) {}

  /** Milliseconds that this user must wait at this address before the next attempt; 0 for none. */
  waitMs(user: string, address: string): number {
    const failures = this.#current(user, address);
    return failures === undefined ? 0 : Math.max(0, failures.until - this.monotonic());
  }

  failed(user: string, address: string): void {
    const now = this.monotonic();
    const count = (this.#current(user, address)?.count ?? 0) + 1;
    const wait = count < FREE_FAILURES ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(16, count - FREE_FAILURES));
    this.#failures.set(key(user, address), { count, until: now + wait, last: now });
  }

  succeeded(user: string, address: string): void {
    this.#failures.delete(key(user, address));
  }

  #current(user: string, address: string): Failures | undefined {
    const failures = this.#failures.get(key(user, address));
    return failures !== undefined && this.monotonic() - failures.last > FORGET_MS ? undefined : failures;
  }
}

function key(user: string, address: string): string {
  return `${address} ${user}`;
}
