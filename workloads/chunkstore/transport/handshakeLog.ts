/** Tells of failed handshakes at a bounded rate: whoever may connect may also fail as often as they like. */
import { LRUCache } from "lru-cache";
import type { Log } from "./log";

/** One line an address and so many milliseconds. */
const PAUSE_MS = 30_000;
/** Lines of all addresses together in one such pause. */
const LINES = 20;
const ADDRESSES = 1_000;

interface Seen { logged: number; silent: number }

export class HandshakeLog {
  readonly #seen = new LRUCache<string, Seen>({ max: ADDRESSES });
  #lines = 0;
  #since = Number.NEGATIVE_INFINITY;

  /** @param monotonic milliseconds that never go back */
  constructor(private readonly log: Pick<Log, "warn">, private readonly monotonic: () => number = () => performance.now()) {}

  failed(address: string, reason: string): void {
    const now = this.monotonic();
    if (now - this.#since >= PAUSE_MS) [this.#since, this.#lines] = [now, 0];
    const seen = this.#seen.get(address) ?? { logged: Number.NEGATIVE_INFINITY, silent: 0 };
    if (now - seen.logged < PAUSE_MS || this.#lines >= LINES) {
      this.#seen.set(address, { ...seen, silent: seen.silent + 1 });
      return;
    }
    this.#lines += 1;
    this.#seen.set(address, { logged: now, silent: 0 });
    this.log.warn({ address, reason, ...(seen.silent > 0 && { before: seen.silent }) }, "refused a connection: it did not prove the cluster's key");
  }
}
