/** Downloads: the chunks of a range, one after the other and the next one on its way, written as fast as the client takes them. */
import type { Writable } from "node:stream";
import { CHUNK_BYTES, type FileState } from "../contract/record";
import type { ChunkReader } from "./chunkReader";
import type { BufferPool, ByteBudget, Lease, SharedBuffer } from "./memory";
import type { ChunkRef } from "./ports";
import type { ByteRange } from "./range";

export interface DownloadOptions {
  readonly reader: Pick<ChunkReader, "read">;
  readonly memory: ByteBudget;
  readonly pool: Pick<BufferPool, "costOf">;
}

/** A chunk's part of a range. */
interface Piece { readonly chunk: ChunkRef; readonly from: number; readonly to: number }
interface Held { readonly chunk: SharedBuffer; readonly lease: Lease }

/** The content of a range. Get the first piece before the answer's head goes out: what fails until then can be told cleanly. */
export class Download {
  readonly #options: DownloadOptions;
  readonly #pieces: readonly Piece[];
  readonly #signal: AbortSignal;
  #first: Held | undefined;

  constructor(state: FileState, range: ByteRange, signal: AbortSignal, options: DownloadOptions) {
    this.#options = options;
    this.#signal = signal;
    this.#pieces = piecesOf(state, range);
  }

  /** Fetches the first chunk. @throws {RequestRefused} `chunk-unavailable` */
  async prepare(): Promise<void> {
    const [first] = this.#pieces;
    if (first !== undefined) this.#first = await this.#hold(first);
  }

  /**
   * Writes the range, and doesn't end the stream.
   * @throws when a chunk can't be had, or the signal aborts because the client has gone or takes nothing
   */
  async write(to: Writable, wrote: (bytes: number) => void): Promise<void> {
    let current = this.#first;
    let ahead: Promise<Held | undefined> = Promise.resolve(undefined);
    this.#first = undefined;
    try {
      for (const [index, piece] of this.#pieces.entries()) {
        current ??= await this.#hold(piece);
        const next = this.#pieces[index + 1];
        ahead = next === undefined ? Promise.resolve(undefined) : this.#holdAhead(next);
        const part = current.chunk.data.subarray(piece.from, piece.to);
        await writeAll(to, part, this.#signal);
        wrote(part.length);
        letGo(current);
        current = undefined;
        current = await ahead;
      }
    } catch (error) {
      // The connection may still refer to what it was given.
      letGo(current, false);
      void ahead.then((held) => letGo(held));
      throw error;
    }
  }

  /** Lets go of what {@link prepare} fetched, when it isn't written. */
  discard(): void {
    letGo(this.#first);
    this.#first = undefined;
  }

  async #hold({ chunk }: Piece): Promise<Held> {
    return this.#fill(chunk, await this.#options.memory.acquire(this.#options.pool.costOf(chunk.size), this.#signal));
  }

  /** The next chunk if there is memory to spare for it; a failure is left to the read that needs it. */
  async #holdAhead({ chunk }: Piece): Promise<Held | undefined> {
    const lease = this.#options.memory.tryAcquire(this.#options.pool.costOf(chunk.size));
    return lease && this.#fill(chunk, lease).catch(() => undefined);
  }

  async #fill(chunk: ChunkRef, lease: Lease): Promise<Held> {
    try {
      return { chunk: await this.#options.reader.read(chunk), lease };
    } catch (error) {
      lease.release();
      throw error;
    }
  }
}

function letGo(held: Held | undefined, clean = true): void {
  held?.chunk.release(clean);
  held?.lease.release();
}

function piecesOf({ upload, chunks }: FileState, { start, end }: ByteRange): Piece[] {
  const pieces: Piece[] = [];
  for (let index = Math.floor(start / CHUNK_BYTES); index * CHUNK_BYTES <= end; index += 1) {
    const info = chunks[index];
    if (info === undefined) break;
    const offset = index * CHUNK_BYTES;
    pieces.push({ chunk: { upload, index, ...info }, from: Math.max(0, start - offset), to: Math.min(info.size, end - offset + 1) });
  }
  return pieces;
}

/** Resolves when the bytes have left this process. */
function writeAll(to: Writable, data: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      signal.removeEventListener("abort", aborted);
      if (error) reject(error);
      else resolve();
    };
    const aborted = (): void => settle(signal.reason as Error);
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    to.write(data, settle);
  });
}
