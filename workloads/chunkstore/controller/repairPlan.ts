/** What is to be repaired, from what a controller knows: pure rules. */
import type { IndexedRecord } from "./fileIndex";
import { desiredReplicas, rank, responsible, type ReplicationFactor } from "./placement";

/** News of a new version is on its way to all for so long; nothing is missing yet. Milliseconds. */
export const SETTLE_MS = 3_000;

/** A living chunkserver. */
export interface RepairTarget {
  readonly id: string;
  readonly full: boolean;
  /** Whether this controller knows all that is there; if not, what seems to be missing may be there. */
  readonly synced: boolean;
  /** Version by name, of the manifests there. */
  readonly manifests: ReadonlyMap<string, string>;
}

export interface RepairView {
  readonly self: string;
  /** Living controllers, this one included. */
  readonly controllers: readonly string[];
  readonly chunkservers: readonly RepairTarget[];
  readonly replicationFactor: ReplicationFactor;
  readonly records: Iterable<IndexedRecord>;
  /** Chunks by chunkserver, of every upload, dead chunkservers included. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** One chunkserver is to have every chunk of an upload. */
export interface ReplicateTask { readonly name: string; readonly upload: string; readonly target: string }

export interface RepairPlan {
  /** The uploads with the fewest whole replicas first. */
  readonly replicate: readonly ReplicateTask[];
  /** Names whose manifest a chunkserver lacks or has in another version, by chunkserver. */
  readonly manifests: ReadonlyMap<string, readonly string[]>;
  /** Uploads with too few whole replicas, whoever is responsible for them. */
  readonly lacking: readonly IndexedRecord[];
  /** Uploads that have chunks somewhere and that no record names. */
  readonly unnamed: readonly string[];
}

export function planRepair(view: RepairView): RepairPlan {
  const { counts, self, controllers, now } = view;
  const replicate: (ReplicateTask & { readonly whole: number })[] = [];
  const lacking: IndexedRecord[] = [];
  const manifests = new Map<string, string[]>();
  const named = new Set<string>();
  for (const record of view.records) {
    const settled = now - record.since >= SETTLE_MS;
    const mine = settled && responsible(record.name, controllers) === self;
    if (mine) for (const id of lackingManifest(view, record)) manifests.set(id, [...(manifests.get(id) ?? []), record.name]);
    if (record.upload === undefined) continue;
    named.add(record.upload);
    const has = counts.get(record.upload) ?? new Map<string, number>();
    const { whole, targets } = planUpload(view, record, record.upload, has);
    if (whole < desiredReplicas(view.replicationFactor, view.chunkservers.length)) lacking.push(record);
    if (!mine) continue;
    for (const target of targets) replicate.push({ name: record.name, upload: record.upload, target, whole });
  }
  replicate.sort((a, b) => a.whole - b.whole);
  return { replicate: replicate.map(({ name, upload, target }) => ({ name, upload, target })), manifests, lacking, unnamed: [...counts.keys()].filter((upload) => !named.has(upload)) };
}

function lackingManifest({ chunkservers }: RepairView, { name, version }: IndexedRecord): string[] {
  return chunkservers.filter(({ synced, manifests }) => synced && manifests.get(name) !== version).map(({ id }) => id);
}

/** `whole`: living chunkservers that have every chunk. `targets`: those that should get what they lack. */
function planUpload({ chunkservers, replicationFactor }: RepairView, { chunks }: IndexedRecord, upload: string, has: ReadonlyMap<string, number>): { whole: number; targets: string[] } {
  const isWhole = ({ id }: RepairTarget): boolean => (has.get(id) ?? 0) >= chunks;
  const whole = chunkservers.filter(isWhole).length;
  const missing = desiredReplicas(replicationFactor, chunkservers.length) - whole;
  if (missing <= 0) return { whole, targets: [] };
  const order = new Map(rank(upload, chunkservers.map(({ id }) => id)).map((id, place) => [id, place]));
  // One that isn't known well yet may be whole already: it keeps its place, and gets nothing.
  const able = chunkservers.filter((one) => !isWhole(one) && !one.full)
    .sort((a, b) => (has.get(b.id) ?? 0) - (has.get(a.id) ?? 0) || (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  return { whole, targets: able.slice(0, missing).filter(({ synced }) => synced).map(({ id }) => id) };
}
