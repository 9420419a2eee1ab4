/** Reads a request's body into buffers of given sizes, and gives up on clients that send nothing, or hardly anything while others wait. */
import type { Readable } from "node:stream";

/** Silence after which the client counts as gone. */
export const STALL_MS = 30_000;
/** How long a chunk may take to arrive while others wait for memory: 0.2 MB/s. */
export const SLOW_MS = 20_000;
const WATCH_MS = 1_000;

/** The client went away, or was given up on: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

interface Filling { readonly buffer: Buffer; at: number; readonly since: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }

export class BodyReader {
  readonly #stream: Readable;
  readonly #monotonic: () => number;
  readonly #watch: NodeJS.Timeout;
  #filling: Filling | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #lastByte = 0;
  #failure: Error | undefined;

  /** @param crowded whether others wait for the memory that this body holds */
  constructor(stream: Readable, monotonic: () => number, crowded: () => boolean) {
    this.#stream = stream;
    this.#monotonic = monotonic;
    stream.pause();
    stream.on("data", this.#onData).on("error", this.#onError).on("end", this.#onEnd).on("close", this.#onEnd);
    stream.pause(); // a listener for data has made it flow
    this.#watch = setInterval(() => this.#checkPace(crowded), WATCH_MS);
  }

  /** Fills the whole buffer; one call at a time. @throws {ClientGone} when the body ends or breaks before, or the reason of {@link cancel} */
  async fill(buffer: Buffer): Promise<void> {
    const now = this.#lastByte = this.#monotonic();
    await new Promise<void>((resolve, reject) => {
      this.#filling = { buffer, at: 0, since: now, resolve, reject };
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      if (rest.length > 0) this.#take(rest);
      if (this.#filling === undefined) return;
      if (this.#failure !== undefined) this.cancel(this.#failure);
      else if (this.#stream.readableEnded || this.#stream.destroyed) this.#onEnd();
      else this.#stream.resume();
    });
  }

  /** Makes the current and all later calls of {@link fill} fail; the stream stays as it is, paused. */
  cancel(reason: Error): void {
    this.#failure ??= reason;
    this.#stream.pause();
    const filling = this.#filling;
    this.#filling = undefined;
    filling?.reject(this.#failure);
  }

  /** Lets go of the stream. */
  close(): void {
    clearInterval(this.#watch);
    this.#stream.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onEnd);
    // The listener for errors stays: one that comes late must not end the process.
  }

  readonly #onData = (piece: Buffer): void => {
    this.#lastByte = this.#monotonic();
    this.#take(piece);
  };

  readonly #onError = (error: Error): void => this.cancel(new ClientGone(`the client's connection broke: ${error.message}`, { cause: error }));

  readonly #onEnd = (): void => {
    if (this.#filling !== undefined) this.cancel(new ClientGone("the body ended before its announced length"));
  };

  #take(piece: Buffer): void {
    const filling = this.#filling;
    const copied = filling === undefined ? 0 : piece.copy(filling.buffer, filling.at);
    if (copied < piece.length) this.#rest = Buffer.concat([this.#rest, piece.subarray(copied)]);
    if (filling === undefined) return;
    filling.at += copied;
    if (filling.at < filling.buffer.length) return;
    this.#stream.pause();
    this.#filling = undefined;
    filling.resolve();
  }

  #checkPace(crowded: () => boolean): void {
    if (this.#filling === undefined) return;
    const now = this.#monotonic();
    if (now - this.#lastByte > STALL_MS) this.cancel(new ClientGone(`the client sent nothing for ${STALL_MS / 1000} s`));
    else if (now - this.#filling.since > SLOW_MS && crowded()) this.cancel(new ClientGone(`the client took more than ${SLOW_MS / 1000} s for a chunk while others waited`));
  }
}
