/** What the drills ask of the store, as its clients do. */
import type { ClusterStatus, FileEntry, FileLocations, Health } from "../../workloads/chunkstore/contract/clientApi";

/** One user's view of some controllers: tried in turn, the last good one first. */
export interface StoreClient {
  list(signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** Resolves when the store has acknowledged the file. `onProgress` is told how many bytes were sent; fewer again when it begins anew at another controller. */
  upload(file: string, name: string, signal: AbortSignal, onProgress?: (done: number) => void): Promise<void>;
  /** Reads all of it. @returns the SHA-256 of what came, which is not necessarily what was announced */
  read(name: string, signal: AbortSignal): Promise<string>;
  /** Nothing happens when there is none. */
  remove(name: string, signal: AbortSignal): Promise<void>;
  locations(name: string, signal: AbortSignal): Promise<FileLocations>;
  cluster(signal: AbortSignal): Promise<ClusterStatus>;
  health(signal: AbortSignal): Promise<Health>;
}

/** Makes a client of these controllers, the first one first; all share one login. */
export type ClientFactory = (endpoints: readonly string[]) => StoreClient;
