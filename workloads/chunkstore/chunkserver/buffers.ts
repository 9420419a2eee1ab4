/** A fixed number of chunk-sized buffers: what is read from disk waits for one, so that memory has a bound. */
import { CHUNK_BYTES } from "../contract/record";
import { NodeRefusal } from "../transport";

/** 48 MiB. */
const BUFFERS = 12;
/** Chunks up to here get memory of their own: they are too small to be counted, and many small files are read at once. */
const SMALL_BYTES = 64 * 1024;
/** Another replica is quicker than a longer wait. */
const WAIT_MS = 2_000;

/** Memory for one chunk; give it back exactly when nothing refers to it any more. Giving back twice does nothing. */
export interface Lease {
  readonly buffer: Buffer;
  release(): void;
}

interface Waiting {
  readonly holder: string;
  readonly grant: (lease: Lease) => void;
}

export class ChunkBuffers {
  readonly #free: Buffer[] = [];
  readonly #held = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #made = 0;

  constructor(private readonly total = BUFFERS, private readonly waitMs = WAIT_MS) {}

  /** Buffers in use. */
  get used(): number {
    return this.#made - this.#free.length;
  }

  /**
   * Waits for memory, first come, first served; but no holder has more than half of it, or one that vanished behind a
   * partition with its requests half answered would keep all others waiting.
   * @param holder whose request it is for
   * @throws {NodeRefusal} 503 after 2 s
   */
  async acquire(bytes: number, holder: string): Promise<Lease> {
    if (bytes <= SMALL_BYTES) return { buffer: Buffer.allocUnsafe(bytes), release: () => undefined };
    if (this.#fits(holder)) return this.#take(holder);
    return new Promise<Lease>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(new NodeRefusal(503, "busy", "too many chunks are being read; ask again, or another chunkserver"));
      }, this.waitMs);
      const entry: Waiting = {
        holder,
        grant: (lease) => {
          clearTimeout(timer);
          resolve(lease);
        },
      };
      this.#waiting.push(entry);
    });
  }

  #fits(holder: string): boolean {
    return this.used < this.total && (this.#held.get(holder) ?? 0) < Math.max(1, this.total / 2);
  }

  #take(holder: string): Lease {
    const buffer = this.#free.pop() ?? this.#make();
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1);
    let held = true;
    return {
      buffer,
      release: () => {
        if (!held) return;
        held = false;
        this.#free.push(buffer);
        const left = (this.#held.get(holder) ?? 1) - 1;
        if (left === 0) this.#held.delete(holder);
        else this.#held.set(holder, left);
        this.#grant();
      },
    };
  }

  #make(): Buffer {
    this.#made += 1;
    return Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  #grant(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const next = this.#waiting[at];
      if (next === undefined || this.used >= this.total) return;
      if (!this.#fits(next.holder)) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      next.grant(this.#take(next.holder));
    }
  }
}
