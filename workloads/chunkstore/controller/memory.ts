/** A bounded amount of memory for content in transit, handed out in the order of asking. */

/** A share of the budget; give it back exactly when nothing refers to the memory any more. Giving back twice does nothing. */
export interface Lease { release(): void }

interface Waiting { readonly bytes: number; readonly grant: (lease: Lease) => void }

export class ByteBudget {
  #used = 0;
  readonly #waiting: Waiting[] = [];

  /**
   * @param total bytes
   * @param taken called after each share that is handed out
   */
  constructor(readonly total: number, private readonly taken: () => void = () => undefined) {}

  get used(): number {
    return this.#used;
  }

  /** How many wait for memory. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for the bytes. First come, first served: each user asks for one share at a time, so that all of them go on at one pace.
   * @throws the signal's reason when it aborts
   */
  async acquire(bytes: number, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    const atOnce = this.tryAcquire(bytes);
    if (atOnce !== undefined) return atOnce;
    return new Promise<Lease>((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
        this.#grant(); // a smaller one behind it may fit now
      };
      const entry: Waiting = {
        bytes,
        grant: (lease) => {
          signal.removeEventListener("abort", aborted);
          resolve(lease);
        },
      };
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(entry);
    });
  }

  /** The bytes if they are free and nobody waits. */
  tryAcquire(bytes: number): Lease | undefined {
    return this.#waiting.length === 0 && this.#fits(bytes) ? this.#take(bytes) : undefined;
  }

  /** One share larger than the budget goes alone. */
  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.total;
  }

  #take(bytes: number): Lease {
    this.#used += bytes;
    this.taken();
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#used -= bytes;
        this.#grant();
      },
    };
  }

  #grant(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift();
      first.grant(this.#take(first.bytes));
    }
  }
}

/** Buffers that are used again: what is allocated and freed at line rate makes a process grow beyond what it uses. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /**
   * @param bytes of a buffer
   * @param kept most that are kept for later
   */
  constructor(readonly bytes: number, readonly kept: number) {}

  /** What a content of so many bytes takes in memory. */
  costOf(bytes: number): number {
    return this.#isPooled(bytes) ? this.bytes : bytes;
  }

  /** Exactly so many bytes, with anything in them. */
  take(bytes: number): Buffer {
    return this.#isPooled(bytes) ? (this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes)).subarray(0, bytes) : Buffer.allocUnsafeSlow(bytes);
  }

  /** Only for buffers that nothing else refers to any more. */
  give(buffer: Buffer): void {
    if (buffer.buffer.byteLength === this.bytes && this.#free.length < this.kept) this.#free.push(Buffer.from(buffer.buffer, 0, this.bytes));
  }

  /** Small contents would waste most of a large buffer. */
  #isPooled(bytes: number): boolean {
    return bytes <= this.bytes && bytes >= this.bytes / 4;
  }
}

/** A buffer that several use at once; it goes back to its pool when the last one has let go. */
export class SharedBuffer {
  #users = 1;
  #spoilt = false;

  constructor(readonly data: Buffer, private readonly pool: BufferPool) {}

  /** One more user. */
  share(): this {
    if (this.#users === 0) throw new Error("the buffer was given back already");
    this.#users += 1;
    return this;
  }

  /** @param clean false when something else may still refer to the data, such as a connection that broke: then it isn't used again */
  release(clean = true): void {
    if (!clean) this.#spoilt = true;
    this.#users -= 1;
    if (this.#users === 0 && !this.#spoilt) this.pool.give(this.data);
  }
}
