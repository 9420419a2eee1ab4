/**
 * Reads everything on disk now and then, so that damage is found before the last good replica is gone too.
 *
 * The first pass begins a minute after the start, or after the interval if that is shorter: a disk may have rotted while the
 * node was away, but the node is needed for other things in its first moments.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../transport";
import type { ChunkDisk } from "./chunkDisk";
import type { ManifestDisk } from "./manifestDisk";
import type { ChunkserverMetrics } from "./metrics";

/** Bytes a second: some percent of what a disk and a core give. */
const RATE = 32 * 1024 * 1024;
const FIRST_MS = 60_000;
/** Longest time that one timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export interface ScrubberParts {
  readonly disk: Pick<ChunkDisk, "inventory" | "read">;
  readonly manifests: Pick<ManifestDisk, "verify">;
  readonly metrics: Pick<ChunkserverMetrics, "scrubbed">;
  readonly log: Log;
  readonly intervalMs: number;
  /** Waits; for tests. @throws when the signal aborts */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface ScrubReport {
  readonly chunks: number;
  readonly manifests: number;
  /** Chunks that were gone, damaged, or could not be read. */
  readonly bad: number;
}

export class Scrubber {
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<void>;

  constructor(private readonly parts: ScrubberParts) {
    this.#wait = parts.wait ?? (async (ms, signal) => { await pause(ms, undefined, { signal, ref: false }); });
  }

  /** Passes, with pauses, until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#wait(Math.min(FIRST_MS, this.parts.intervalMs), signal);
      while (!signal.aborted) {
        await this.pass(signal);
        await this.#wait(Math.min(LONGEST_MS, this.parts.intervalMs), signal);
      }
    } catch (error) {
      if (!signal.aborted) this.parts.log.error({ err: error }, "verification of the disk has stopped");
    }
  }

  /** Verifies all that is there now, once. */
  async pass(signal: AbortSignal): Promise<ScrubReport> {
    const { disk, manifests, log } = this.parts;
    const report = { chunks: 0, manifests: 0, bad: 0 };
    for (const upload of disk.inventory.uploads()) {
      for (const { value: { index } } of disk.inventory.of(upload)) {
        signal.throwIfAborted();
        report.chunks += 1;
        if (!(await this.#verify(upload, index, signal))) report.bad += 1;
      }
    }
    for await (const _ of manifests.verify()) {
      signal.throwIfAborted();
      report.manifests += 1;
    }
    log.info(report, "verified all chunks on disk");
    return report;
  }

  async #verify(upload: string, index: number, signal: AbortSignal): Promise<boolean> {
    const started = performance.now();
    let bytes = 0;
    try {
      const { data, release } = await this.parts.disk.read(upload, index, " scrub");
      bytes = data.length;
      release();
      this.parts.metrics.scrubbed();
    } catch (error) {
      this.parts.log.debug({ err: error, upload, index }, "a chunk could not be verified"); // what it means has been logged where it was found
      return false;
    } finally {
      await this.#wait(Math.max(0, (bytes / RATE) * 1000 - (performance.now() - started)), signal);
    }
    return true;
  }
}
