/** A fixed number of chunk-sized buffers: what is read from disk waits for one, so that memory has a bound. */
import { CHUNK_BYTES } from "../contract/record";
import { FairSlots } from "./fairSlots";

/** 32 MiB; hashing is what takes time, and one core does it. */
const BUFFERS = 8;
/** Chunks up to here get memory of their own: they are too small to be counted, and many small files are read at once. */
const SMALL_BYTES = 64 * 1024;
/** Callers ask another chunkserver long before. */
const WAIT_MS = 10_000;

/** Memory for one chunk; give it back exactly when nothing refers to it any more. Giving back twice does nothing. */
export interface Lease {
  readonly buffer: Buffer;
  release(): void;
}

export class ChunkBuffers {
  readonly #free: Buffer[] = [];
  readonly #slots: FairSlots;

  constructor(total = BUFFERS, waitMs = WAIT_MS) {
    this.#slots = new FairSlots(total, waitMs);
  }

  /** Buffers in use. */
  get used(): number {
    return this.#slots.used;
  }

  /**
   * Waits for memory; nobody gets more than half of it.
   * @param holder whose request it is for
   * @param signal stops waiting
   * @throws {NodeRefusal} 503 after 10 s; the signal's reason
   */
  async acquire(bytes: number, holder: string, signal?: AbortSignal): Promise<Lease> {
    if (bytes <= SMALL_BYTES) return { buffer: Buffer.allocUnsafe(bytes), release: () => undefined };
    const slot = await this.#slots.acquire(holder, signal);
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let held = true;
    return {
      buffer,
      release: () => {
        if (!held) return;
        held = false;
        this.#free.push(buffer);
        slot.release();
      },
    };
  }
}
