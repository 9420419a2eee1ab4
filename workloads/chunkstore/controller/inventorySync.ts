/**
 * Keeps up with what chunkservers have: pulls the changes of their chunks and manifests whenever a heartbeat tells of some. It
 * is also how a controller that lost its volume learns all files again, and how a record survives the controller that wrote it.
 */
import type { Cursor } from "../contract/nodeApi";
import type { MergeResult } from "../contract/ports";
import type { FileRecord } from "../contract/record";
import type { Chunkserver, Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import type { ChunkserverApi, Log } from "./ports";

export interface InventorySyncOptions {
  readonly chunkservers: Pick<Chunkservers, "get">;
  readonly locations: Pick<Locations, "cursor" | "applyInventory" | "applyManifests">;
  readonly api: Pick<ChunkserverApi, "inventory" | "manifests">;
  readonly merge: (records: readonly FileRecord[]) => MergeResult;
  readonly log: Log;
  /** Writing failed; such as for want of room on this controller's volume. */
  readonly onError?: (error: unknown) => void;
}

export class InventorySync {
  readonly #options: InventorySyncOptions;
  readonly #running = new Map<string, { readonly done: Promise<void>; again: boolean }>();
  /** Epochs of the logs that were read to their ends by this process. */
  readonly #synced = new Map<string, { inventory?: string; manifests?: string }>();
  readonly #failing = new Set<string>();

  constructor(options: InventorySyncOptions) {
    this.#options = options;
  }

  /** Whether all that the chunkserver has is known, but for the last second or so. */
  isSynced(id: string): boolean {
    const report = this.#options.chunkservers.get(id)?.report;
    const synced = this.#synced.get(id);
    return report !== undefined && synced?.inventory === report.inventory.epoch && synced.manifests === report.manifests.epoch;
  }

  /** Pulls what is new there; at once, or after the pull that is under way. Never rejects. */
  async sync(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const state = { done: Promise.resolve(), again: true };
    this.#running.set(id, state);
    state.done = this.#run(id, state).finally(() => this.#running.delete(id));
    return state.done;
  }

  forget(id: string): void {
    this.#synced.delete(id);
    this.#failing.delete(id);
  }

  async #run(id: string, state: { again: boolean }): Promise<void> {
    while (state.again) {
      state.again = false;
      const chunkserver = this.#options.chunkservers.get(id);
      if (chunkserver?.report === undefined || !chunkserver.alive) return;
      try {
        await this.#pull(chunkserver, chunkserver.report);
        this.#failing.delete(id);
      } catch (error) {
        this.#failed(id, error);
        return; // the next heartbeat tries again
      }
    }
  }

  async #pull(chunkserver: Chunkserver, report: NonNullable<Chunkserver["report"]>): Promise<void> {
    const synced = this.#synced.get(chunkserver.id) ?? {};
    this.#synced.set(chunkserver.id, synced);
    if (this.#isBehind(chunkserver.id, "manifests", report.manifests, synced.manifests)) synced.manifests = await this.#pullManifests(chunkserver);
    if (this.#isBehind(chunkserver.id, "inventory", report.inventory, synced.inventory)) synced.inventory = await this.#pullInventory(chunkserver);
  }

  /** A log that was read to its end by a former process is asked once more, so that a restart trusts nothing unseen. */
  #isBehind(id: string, log: "inventory" | "manifests", told: Cursor, synced: string | undefined): boolean {
    const heard = this.#options.locations.cursor(id, log);
    return synced === undefined || heard?.epoch !== told.epoch || heard.seq < told.seq;
  }

  async #pullInventory(chunkserver: Chunkserver): Promise<string> {
    const { api, locations } = this.#options;
    for (let cursor = locations.cursor(chunkserver.id, "inventory"); ;) {
      const page = await api.inventory(chunkserver, cursor);
      const moved = hasMoved(cursor, page.cursor);
      // Another epoch is another log: nothing of the former one can be relied on.
      locations.applyInventory(chunkserver.id, { ...page, reset: page.reset || (cursor !== undefined && cursor.epoch !== page.cursor.epoch) });
      if (!page.more) return page.cursor.epoch;
      if (!moved) throw new Error("says that there is more of its inventory and gives the same cursor again");
      cursor = page.cursor;
    }
  }

  async #pullManifests(chunkserver: Chunkserver): Promise<string> {
    const { api, locations, merge, log } = this.#options;
    let learned = 0;
    for (let cursor = locations.cursor(chunkserver.id, "manifests"); ;) {
      const page = await api.manifests(chunkserver, cursor);
      const moved = hasMoved(cursor, page.cursor);
      learned += merge(page.records).changed.length;
      locations.applyManifests(chunkserver.id, page.records, page.cursor, cursor?.epoch !== page.cursor.epoch);
      if (!page.more) {
        if (learned > 0) log.info({ chunkserver: chunkserver.id, records: learned }, "learned files from a chunkserver's manifests");
        return page.cursor.epoch;
      }
      if (!moved) throw new Error("says that there are more manifests and gives the same cursor again");
      cursor = page.cursor;
    }
  }

  #failed(id: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log[this.#failing.has(id) ? "debug" : "warn"]({ chunkserver: id, reason }, "chunkserver's inventory could not be read");
    this.#failing.add(id);
    this.#options.onError?.(error);
  }
}

function hasMoved(before: Cursor | undefined, after: Cursor): boolean {
  return before === undefined || before.epoch !== after.epoch || after.seq > before.seq;
}
