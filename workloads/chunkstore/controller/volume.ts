/** The health of the controller's own volume: a full disk is told, and reads go on. */
import { statfs } from "node:fs/promises";
import { isFull } from "./refusalReply";
import type { Log } from "./ports";

/** Below this the volume counts as full: a record of the largest file takes 6 MB, twice with the write-ahead log. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;
/** After a write that found no room, the volume counts as full for so long. */
const FULL_MS = 5_000;

export class VolumeHealth {
  #low = false;
  #failedAt = Number.NEGATIVE_INFINITY;
  #told = false;

  constructor(private readonly dataDir: string, private readonly log: Log, private readonly monotonic: () => number) {}

  get full(): boolean {
    return this.#low || this.monotonic() - this.#failedAt < FULL_MS;
  }

  /** A write failed; told for every error, kept if it was for want of room. Returns whether it was. */
  failed(error: unknown): boolean {
    if (!isFull(error)) return false;
    this.#failedAt = this.monotonic();
    this.#tell();
    return true;
  }

  /** Looks how much room there is; call it every few seconds. */
  async check(): Promise<void> {
    const { bavail, bsize } = await statfs(this.dataDir);
    this.#low = bavail * bsize < LEAST_FREE_BYTES;
    this.#tell();
  }

  #tell(): void {
    if (this.full === this.#told) return;
    this.#told = this.full;
    if (this.full) this.log.error({ dataDir: this.dataDir }, "this controller's volume is full: it takes no uploads and no deletions, reads go on");
    else this.log.info({ dataDir: this.dataDir }, "this controller's volume has room again");
  }
}
