/** The repair service: every few seconds, what is missing is made again, and what nobody needs is removed. */
import { RECORDS_PER_MESSAGE } from "../contract/nodeApi";
import type { RecordStore } from "../contract/ports";
import type { FileState } from "../contract/record";
import type { Chunkservers } from "./chunkservers";
import type { FileIndex, IndexedRecord } from "./fileIndex";
import type { InventorySync } from "./inventorySync";
import type { Locations } from "./locations";
import { Orphans } from "./orphans";
import { desiredReplicas, type ReplicationFactor } from "./placement";
import type { ChunkserverApi, Log, NodeAddress } from "./ports";
import { planRepair, type RepairPlan, type ReplicateTask } from "./repairPlan";

/** Chunks of one replicate request: 32 MiB. What it pulled is kept when the request itself takes too long. */
const BATCH_CHUNKS = 8;
const BATCH_TIMEOUT_MS = 15_000;
/** A cycle that has more to do ends all the same and plans anew: meanwhile nodes come and go. */
const CYCLE_MS = 20_000;

export interface RepairOptions {
  readonly self: string;
  readonly replicationFactor: ReplicationFactor;
  readonly chunkservers: Pick<Chunkservers, "living" | "get">;
  readonly locations: Locations;
  readonly index: FileIndex;
  readonly store: Pick<RecordStore, "get">;
  readonly sync: Pick<InventorySync, "isSynced">;
  readonly api: ChunkserverApi;
  /** Living controllers, this one included. */
  readonly controllers: () => readonly string[];
  /** Start of the last exchange in which every known controller took part, and so told all it knew; monotonic milliseconds. */
  readonly lastFullContact: () => number;
  readonly orphanGraceMs: number;
  readonly log: Log;
  readonly monotonic: () => number;
}

export interface RepairReport {
  /** Uploads with fewer whole replicas than there should be, before the cycle. */
  readonly lacking: number;
  /** Chunks that were copied. */
  readonly replicated: number;
  readonly manifests: number;
  /** Uploads that were removed from some chunkserver, because no record names them. */
  readonly orphans: number;
  readonly failed: number;
  readonly seconds: number;
}

export class Repair {
  readonly #options: RepairOptions;
  readonly #orphans: Orphans;
  #failed = 0;
  #last = "";

  constructor(options: RepairOptions) {
    this.#options = options;
    this.#orphans = new Orphans(options);
  }

  /** Chunks with fewer living replicas than there should be. */
  underReplicated(): number {
    const living = this.#options.chunkservers.living().map(({ id }) => id);
    return this.#plan().lacking.reduce((sum, record) => sum + this.#chunksLacking(record, living), 0);
  }

  /** One cycle. Rejects only when this node's own database fails. */
  async cycle(signal: AbortSignal): Promise<RepairReport> {
    const { monotonic, locations, index, log } = this.#options;
    const started = monotonic();
    this.#failed = 0;
    locations.pruneManifests(index.reconcile());
    const plan = this.#plan();
    const goesOn = (): boolean => !signal.aborted && monotonic() - started < CYCLE_MS;
    const manifests = await this.#pushManifests(plan);
    const replicated = await this.#replicate(plan.replicate, goesOn);
    const orphans = goesOn() ? await this.#orphans.remove(plan.unnamed) : 0;
    const report = { lacking: plan.lacking.length, replicated, manifests, orphans, failed: this.#failed, seconds: (monotonic() - started) / 1000 };
    const { seconds: _, ...counts } = report;
    const text = JSON.stringify(counts);
    log[text === this.#last ? "debug" : "info"](report, "repair cycle complete");
    this.#last = text;
    return report;
  }

  #plan(): RepairPlan {
    const { self, controllers, chunkservers, replicationFactor, index, locations, sync, monotonic } = this.#options;
    return planRepair({
      self, controllers: controllers(), replicationFactor, records: index.records(), counts: locations.allCounts(), now: monotonic(),
      chunkservers: chunkservers.living().map(({ id, report }) => ({ id, full: report?.full === true, synced: sync.isSynced(id), manifests: locations.manifests(id) })),
    });
  }

  #chunksLacking({ upload, chunks }: IndexedRecord, living: readonly string[]): number {
    if (upload === undefined) return 0;
    const wanted = desiredReplicas(this.#options.replicationFactor, living.length);
    const holders = this.#options.locations.uploadHolders(upload);
    const sets = living.map((id) => holders.get(id)).filter((set) => set !== undefined);
    let lacking = 0;
    for (let index = 0; index < chunks; index += 1) if (sets.filter((set) => set.has(index)).length < wanted) lacking += 1;
    return lacking;
  }

  /** Each chunkserver at its own pace. */
  async #replicate(tasks: readonly ReplicateTask[], goesOn: () => boolean): Promise<number> {
    const byTarget = Map.groupBy(tasks, ({ target }) => target);
    const counts = await Promise.all([...byTarget.values()].map(async (queue) => {
      let copied = 0;
      for (const task of queue) {
        if (!goesOn()) break;
        const result = await this.#replicateOne(task, goesOn);
        copied += result.copied;
        if (result.targetFailed) break; // it may be down; the next cycle knows
      }
      return copied;
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #replicateOne({ name, upload, target }: ReplicateTask, goesOn: () => boolean): Promise<{ copied: number; targetFailed: boolean }> {
    const { api, chunkservers, locations, log } = this.#options;
    const holders = locations.uploadHolders(upload);
    const sources = this.#sources(holders, target);
    const lacking = this.#chunksOf(name, upload).filter(({ index }) => holders.get(target)?.has(index) !== true);
    let copied = 0;
    for (let at = 0; at < lacking.length && goesOn(); at += BATCH_CHUNKS) {
      const chunkserver = chunkservers.get(target);
      // It may have been deleted or replaced meanwhile.
      if (chunkserver?.alive !== true || this.#chunksOf(name, upload).length === 0) break;
      if (sources.length === 0) {
        this.#fail({ name, upload, chunks: lacking.length }, "no living chunkserver has a replica");
        break;
      }
      try {
        const { stored, failed } = await api.replicate(chunkserver, upload, { chunks: lacking.slice(at, at + BATCH_CHUNKS), sources }, BATCH_TIMEOUT_MS);
        locations.addChunks(target, upload, stored);
        copied += stored.length;
        if (failed.length > 0) this.#fail({ name, upload, chunkserver: target, chunks: failed.length, reason: failed[0]?.reason }, "chunks could not be replicated");
      } catch (error) {
        this.#fail({ name, upload, chunkserver: target, reason: error instanceof Error ? error.message : String(error) }, "chunks could not be replicated");
        return { copied, targetFailed: true };
      }
    }
    if (copied > 0) log.info({ name, upload, chunkserver: target, chunks: copied }, "replicated");
    return { copied, targetFailed: false };
  }

  #chunksOf(name: string, upload: string): (FileState["chunks"][number] & { index: number })[] {
    const state = this.#options.store.get(name)?.state;
    return state?.kind === "file" && state.upload === upload ? state.chunks.map((chunk, index) => ({ ...chunk, index })) : [];
  }

  /** Living chunkservers with a part of the upload, those with the most of it first. */
  #sources(holders: ReadonlyMap<string, ReadonlySet<number>>, target: string): NodeAddress[] {
    return this.#options.chunkservers.living().filter(({ id }) => id !== target && (holders.get(id)?.size ?? 0) > 0)
      .sort((a, b) => Number(a.suspect) - Number(b.suspect) || (holders.get(b.id)?.size ?? 0) - (holders.get(a.id)?.size ?? 0))
      .map(({ id, address, port }) => ({ id, address, port }));
  }

  async #pushManifests({ manifests }: RepairPlan): Promise<number> {
    const { api, chunkservers, locations, store } = this.#options;
    const counts = await Promise.all([...manifests].map(async ([id, names]) => {
      let pushed = 0;
      for (let at = 0; at < names.length; at += RECORDS_PER_MESSAGE) {
        const chunkserver = chunkservers.get(id);
        const records = names.slice(at, at + RECORDS_PER_MESSAGE).flatMap((name) => store.get(name) ?? []);
        if (chunkserver?.alive !== true) break;
        try {
          for (const page of pages(records)) {
            await api.pushManifests(chunkserver, page);
            locations.applyManifests(id, page, undefined);
            pushed += page.length;
          }
        } catch (error) {
          this.#fail({ chunkserver: id, reason: error instanceof Error ? error.message : String(error) }, "manifests could not be stored");
          break;
        }
      }
      return pushed;
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #fail(fields: object, message: string): void {
    this.#failed += 1;
    this.#options.log.warn(fields, message);
  }
}

/** A message's records have together at most so many chunks; one record may have more. 100,000 chunks are about 10 MB. */
const PAGE_CHUNKS = 20_000;

function* pages<R extends { readonly state: { readonly kind: string; readonly chunks?: readonly unknown[] } }>(records: readonly R[]): Generator<R[]> {
  let page: R[] = [];
  let chunks = 0;
  for (const record of records) {
    const count = record.state.chunks?.length ?? 0;
    if (page.length > 0 && chunks + count > PAGE_CHUNKS) {
      yield page;
      [page, chunks] = [[], 0];
    }
    page.push(record);
    chunks += count;
  }
  if (page.length > 0) yield page;
}
