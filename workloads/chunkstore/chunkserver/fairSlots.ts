/** A number of places that are shared fairly: whoever is first comes first, but nobody has more than half of them. */
import { NodeRefusal } from "../transport";

/** A place; give it back exactly when its work is done. Giving back twice does nothing. */
export interface Slot { release(): void }

interface Waiting {
  readonly holder: string;
  readonly grant: (slot: Slot) => void;
}

/**
 * One who vanished behind a partition with its requests half done keeps its places until they time out; the others go on with the rest.
 * Who waits for long is refused: another chunkserver is quicker then.
 */
export class FairSlots {
  #used = 0;
  readonly #held = new Map<string, number>();
  readonly #waiting: Waiting[] = [];

  /** @param waitMs longest wait */
  constructor(readonly total: number, private readonly waitMs: number) {}

  get used(): number {
    return this.#used;
  }

  /**
   * @param holder who asks
   * @param signal stops waiting
   * @throws {NodeRefusal} 503 after `waitMs`; the signal's reason
   */
  async acquire(holder: string, signal?: AbortSignal): Promise<Slot> {
    signal?.throwIfAborted();
    if (this.#fits(holder)) return this.#take(holder);
    return new Promise<Slot>((resolve, reject) => {
      const leave = (reason: Error): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        stop();
        reject(reason);
      };
      const timer = setTimeout(() => leave(new NodeRefusal(503, "busy", "too many chunks are being read or written; ask again, or another chunkserver")), this.waitMs);
      const aborted = (): void => leave(signal?.reason as Error);
      const stop = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      const entry: Waiting = {
        holder,
        grant: (slot) => {
          stop();
          resolve(slot);
        },
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(entry);
    });
  }

  #fits(holder: string): boolean {
    return this.#used < this.total && (this.#held.get(holder) ?? 0) < Math.max(1, this.total / 2);
  }

  #take(holder: string): Slot {
    this.#used += 1;
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1);
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#used -= 1;
        const left = (this.#held.get(holder) ?? 1) - 1;
        if (left === 0) this.#held.delete(holder);
        else this.#held.set(holder, left);
        this.#grant();
      },
    };
  }

  #grant(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const next = this.#waiting[at];
      if (next === undefined || this.#used >= this.total) return;
      if (!this.#fits(next.holder)) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      next.grant(this.#take(next.holder));
    }
  }
}
