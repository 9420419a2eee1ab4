/** Removes replicas beyond the replication factor, such as those that were made while a chunkserver was away. */
import type { RecordStore } from "../contract/ports";
import type { Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import type { ChunkserverApi, Log } from "./ports";
import type { TrimTask } from "./repairPlan";

/** A surplus must have stood so long: a chunkserver that comes and goes would otherwise cause copying back and forth. */
const STEADY_MS = 60_000;
/** Removals of one cycle. */
const TRIMS_PER_CYCLE = 20;
const VERIFY_CHUNKS = 8;
const VERIFY_TIMEOUT_MS = 15_000;

export interface TrimmerOptions {
  readonly chunkservers: Pick<Chunkservers, "get" | "living">;
  readonly locations: Pick<Locations, "removeUpload">;
  readonly store: Pick<RecordStore, "get">;
  readonly api: Pick<ChunkserverApi, "replicate" | "deleteUpload">;
  readonly lastFullContact: () => number;
  readonly log: Log;
  readonly monotonic: () => number;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  readonly #noticed = new Map<string, number>();

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /** Resolves with the number of replicas that were removed. */
  async trim(tasks: readonly TrimTask[]): Promise<number> {
    const now = this.#options.monotonic();
    const keys = new Set(tasks.map(keyOf));
    for (const key of this.#noticed.keys()) if (!keys.has(key)) this.#noticed.delete(key);
    for (const key of keys) if (!this.#noticed.has(key)) this.#noticed.set(key, now);
    const contact = this.#options.lastFullContact();
    const due = tasks.filter((task) => {
      const noticed = this.#noticed.get(keyOf(task)) ?? now;
      // All controllers agree on who lives, so that only one of them acts.
      return now - noticed >= STEADY_MS && noticed < contact;
    });
    let removed = 0;
    for (const task of due.slice(0, TRIMS_PER_CYCLE)) removed += await this.#trimOne(task);
    return removed;
  }

  async #trimOne(task: TrimTask): Promise<number> {
    const { api, chunkservers, locations, log } = this.#options;
    let removed = 0;
    try {
      if (!(await this.#areVerified(task))) return 0;
      for (const id of task.drop) {
        const chunkserver = chunkservers.get(id);
        if (chunkserver?.alive !== true) continue;
        await api.deleteUpload(chunkserver, task.upload);
        locations.removeUpload(id, task.upload);
        removed += 1;
      }
      log.info({ name: task.name, upload: task.upload, removedFrom: task.drop, kept: task.keep }, "removed surplus replicas");
    } catch (error) {
      log.warn({ name: task.name, upload: task.upload, reason: error instanceof Error ? error.message : String(error) }, "surplus replicas could not be removed");
    }
    return removed;
  }

  /** Whether all replicas to keep are there and good: each chunkserver reads its own again. */
  async #areVerified({ name, upload, keep }: TrimTask): Promise<boolean> {
    const state = this.#options.store.get(name)?.state;
    if (state?.kind !== "file" || state.upload !== upload) return false;
    for (const id of keep) {
      for (let at = 0; at < state.chunks.length; at += VERIFY_CHUNKS) {
        const chunkserver = this.#options.chunkservers.get(id);
        if (chunkserver?.alive !== true || chunkserver.suspect) return false;
        const chunks = state.chunks.slice(at, at + VERIFY_CHUNKS).map((chunk, offset) => ({ ...chunk, index: at + offset }));
        const { stored } = await this.#options.api.replicate(chunkserver, upload, { chunks, sources: [] }, VERIFY_TIMEOUT_MS);
        if (stored.length < chunks.length) return false;
      }
    }
    return true;
  }
}

function keyOf({ upload, keep, drop }: TrimTask): string {
  return [upload, ...keep, "/", ...drop].join(" ");
}
