/** Removes chunks that no record names: what interrupted uploads left behind. */
import type { ChunkserverApi, Log } from "./ports";
import type { Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import { responsible } from "./placement";

/** Most uploads of one request, by the protocol. */
const UPLOADS_PER_REQUEST = 10_000;
/** They are asked for at most so often; the chunkserver decides when an upload has been idle for long enough. */
const LONGEST_PAUSE_MS = 60_000;

export interface OrphansOptions {
  readonly self: string;
  readonly chunkservers: Pick<Chunkservers, "living">;
  readonly locations: Pick<Locations, "counts" | "removeUpload">;
  readonly api: Pick<ChunkserverApi, "removeOrphans">;
  readonly controllers: () => readonly string[];
  readonly lastFullContact: () => number;
  readonly orphanGraceMs: number;
  readonly log: Log;
  readonly monotonic: () => number;
}

/**
 * An upload without a record may be under way, or its record may be one that this controller hasn't heard of. So it is an orphan only
 * - after every known controller has told all it knew, in an exchange that began after the upload was first noticed here,
 * - if no chunkserver that has its chunks has a manifest that names it, which the chunkserver itself checks,
 * - and if no chunk of it has arrived for the grace period, by the chunkserver's clock.
 */
export class Orphans {
  readonly #options: OrphansOptions;
  readonly #noticed = new Map<string, number>();
  #asked = Number.NEGATIVE_INFINITY;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** @param unnamed uploads that no record names. Resolves with how many were removed from some chunkserver. */
  async remove(unnamed: readonly string[]): Promise<number> {
    const { monotonic, lastFullContact, orphanGraceMs, self, controllers } = this.#options;
    const now = monotonic();
    this.#note(unnamed, now);
    if (now - this.#asked < Math.min(LONGEST_PAUSE_MS, orphanGraceMs / 4)) return 0;
    const contact = lastFullContact();
    const orphans = [...this.#noticed].filter(([upload, noticed]) => noticed < contact && now - noticed >= orphanGraceMs / 4 && responsible(upload, controllers()) === self).map(([upload]) => upload);
    if (orphans.length === 0) return 0;
    this.#asked = now;
    return this.#ask(orphans);
  }

  #note(unnamed: readonly string[], now: number): void {
    const current = new Set(unnamed);
    for (const upload of this.#noticed.keys()) if (!current.has(upload)) this.#noticed.delete(upload);
    for (const upload of unnamed) if (!this.#noticed.has(upload)) this.#noticed.set(upload, now);
  }

  async #ask(orphans: readonly string[]): Promise<number> {
    const { chunkservers, locations, api, orphanGraceMs, log } = this.#options;
    const holders = new Map(orphans.map((upload) => [upload, locations.counts(upload)]));
    const removed = new Set<string>();
    await Promise.all(chunkservers.living().map(async (chunkserver) => {
      const there = orphans.filter((upload) => holders.get(upload)?.has(chunkserver.id) === true).slice(0, UPLOADS_PER_REQUEST);
      if (there.length === 0) return;
      try {
        const gone = await api.removeOrphans(chunkserver, there, orphanGraceMs / 1000);
        for (const upload of gone) {
          locations.removeUpload(chunkserver.id, upload);
          removed.add(upload);
        }
        if (gone.length > 0) log.info({ chunkserver: chunkserver.id, uploads: gone.length }, "removed what interrupted uploads left behind");
      } catch (error) {
        log.warn({ chunkserver: chunkserver.id, reason: error instanceof Error ? error.message : String(error) }, "orphans could not be removed");
      }
    }));
    return removed.size;
  }
}
