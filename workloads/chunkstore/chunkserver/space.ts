/** How much room there is for chunks: of the disk, of the operator's limit, and less what is being written. */
import type { Clock } from "../contract/ports";
import { CHUNK_BYTES } from "../contract/record";
import { NodeRefusal } from "../transport";
import type { FileSystem } from "./files";

/** Part of the disk that chunks leave free, and the least of it: manifests and deletions need room when nothing else has any. */
const RESERVE_SHARE = 0.01;
const RESERVE_LEAST = 64 * 1024 * 1024;
/** The disk is asked again after so long, in milliseconds. */
const FRESH_MS = 1_000;
/** After a write that found no room the disk counts as full for so long: a quota doesn't show in the disk's free space. */
const FULL_MS = 5_000;

export interface SpaceOptions {
  readonly folder: string;
  readonly fs: Pick<FileSystem, "statfs">;
  readonly clock: Pick<Clock, "monotonic">;
  /** Bytes. @default the larger one of 1% of the disk and 64 MiB */
  readonly reserveBytes?: number | undefined;
  /** Most bytes that chunks may take. @default what the disk has */
  readonly capacityBytes?: number | undefined;
}

export class Space {
  #total = 0;
  #available = 0;
  #asked = Number.NEGATIVE_INFINITY;
  #fullUntil = Number.NEGATIVE_INFINITY;
  /** Bytes of chunks on disk. */
  #used = 0;
  /** Bytes that are being written. */
  #promised = 0;
  #pending: Promise<void> | undefined;

  constructor(private readonly options: SpaceOptions) {}

  /** Bytes of chunks on disk. */
  get usedBytes(): number {
    return this.#used;
  }

  get capacityBytes(): number {
    return Math.min(this.options.capacityBytes ?? Number.POSITIVE_INFINITY, this.#total);
  }

  /** Bytes that chunks may still take. */
  get freeBytes(): number {
    if (this.options.clock.monotonic() < this.#fullUntil) return 0;
    const reserve = this.options.reserveBytes ?? Math.max(RESERVE_LEAST, this.#total * RESERVE_SHARE);
    const ofDisk = this.#available - reserve;
    const ofLimit = (this.options.capacityBytes ?? Number.POSITIVE_INFINITY) - this.#used;
    return Math.max(0, Math.floor(Math.min(ofDisk, ofLimit) - this.#promised));
  }

  /** No room for a whole chunk. */
  get full(): boolean {
    return this.freeBytes < CHUNK_BYTES;
  }

  /** Asks the disk, unless it was asked just now. */
  async refresh(): Promise<void> {
    if (this.options.clock.monotonic() - this.#asked < FRESH_MS) return;
    this.#pending ??= this.#ask().finally(() => { this.#pending = undefined; });
    await this.#pending;
  }

  /**
   * Sets room aside for a chunk that is about to be written. Call the function it gives when the chunk is there or was given up.
   * @throws {NodeRefusal} 507
   */
  async reserve(bytes: number): Promise<() => void> {
    await this.refresh();
    if (this.freeBytes < bytes) throw noRoom();
    this.#promised += bytes;
    let held = true;
    return () => {
      if (held) this.#promised -= bytes;
      held = false;
    };
  }

  /** A write found no room. */
  markFull(): void {
    this.#fullUntil = this.options.clock.monotonic() + FULL_MS;
    this.#asked = Number.NEGATIVE_INFINITY;
  }

  /** Chunks came, or went. */
  add(bytes: number): void {
    this.#used = Math.max(0, this.#used + bytes);
    // What was written since the disk was asked is not in its answer.
    this.#available -= bytes;
  }

  async #ask(): Promise<void> {
    const { blocks, bavail, bsize } = await this.options.fs.statfs(this.options.folder);
    this.#total = blocks * bsize;
    this.#available = bavail * bsize;
    this.#asked = this.options.clock.monotonic();
  }
}

export function noRoom(cause?: unknown): NodeRefusal {
  return new NodeRefusal(507, "disk-full", "no room for another chunk", cause === undefined ? undefined : { cause });
}
