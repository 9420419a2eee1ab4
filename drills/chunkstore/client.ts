/** What the drills ask of the store, as its clients do. */
import type { ClusterStatus, FileEntry, FileLocations, Health } from "../../workloads/chunkstore/contract/clientApi";

/** One user's view of some controllers: tried in turn, the last good one first. */
export interface StoreClient {
  list(signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** Resolves when the store has acknowledged it. */
  upload(file: string, name: string, signal: AbortSignal): Promise<void>;
  /** To a new file; resolves when its checksum was verified. */
  download(name: string, file: string, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
  locations(name: string, signal: AbortSignal): Promise<FileLocations>;
  cluster(signal: AbortSignal): Promise<ClusterStatus>;
  health(signal: AbortSignal): Promise<Health>;
}

/** Makes a client of these controllers; all share one login. */
export type ClientFactory = (endpoints: readonly string[]) => StoreClient;
