/** Removes uploads that no record names any more, at once or after a grace for downloads that are under way. */
import type { Log } from "../transport";
import type { ChunkDisk } from "./chunkDisk";
import type { ManifestDisk } from "./manifestDisk";

/** Longest time that one timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export interface ReaperParts {
  readonly disk: Pick<ChunkDisk, "removeUpload" | "inventory">;
  readonly manifests: () => Pick<ManifestDisk, "names">;
  readonly log: Log;
  /** `REPLACED_GRACE` in milliseconds. */
  readonly replacedGraceMs: number;
}

/** What a restart forgets is found again by controllers, as orphans. */
export class Reaper {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly parts: ReaperParts) {}

  superseded(upload: string, by: "deletion" | "upload"): void {
    if (by === "deletion") {
      this.#cancel(upload);
      void this.#remove(upload);
      return;
    }
    if (this.#timers.has(upload) || !this.parts.disk.inventory.has(upload)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(upload);
      void this.#remove(upload);
    }, Math.min(LONGEST_MS, this.parts.replacedGraceMs));
    timer.unref();
    this.#timers.set(upload, timer);
  }

  close(): void {
    for (const upload of [...this.#timers.keys()]) this.#cancel(upload);
  }

  #cancel(upload: string): void {
    clearTimeout(this.#timers.get(upload));
    this.#timers.delete(upload);
  }

  async #remove(upload: string): Promise<void> {
    const { disk, manifests, log } = this.parts;
    if (manifests().names(upload)) return;
    try {
      if (await disk.removeUpload(upload, true)) log.info({ upload }, "removed the chunks of a file that was deleted or replaced");
    } catch (error) {
      log.error({ err: error, upload }, "the chunks of a file that was deleted or replaced can't be removed; they are orphans now");
    }
  }
}
