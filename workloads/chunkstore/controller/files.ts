/** Files as clients see them: listings, where their chunks are, deletion. */
import type { FileEntry, FileLocations } from "../contract/clientApi";
import type { RecordStore } from "../contract/ports";
import type { FileRecord, FileState } from "../contract/record";
import type { Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import type { NameLocks } from "./nameLocks";
import { desiredReplicas, type ReplicationFactor } from "./placement";
import type { ChunkserverApi, Log } from "./ports";
import { RequestRefused } from "./refusal";

/** How long a deletion waits for chunkservers; it is durable here already, and repair tells those that didn't hear of it. */
const TELL_MS = 1_000;

export interface FilesOptions {
  readonly store: Pick<RecordStore, "get" | "files" | "write">;
  readonly locations: Pick<Locations, "counts" | "uploadHolders">;
  readonly chunkservers: Pick<Chunkservers, "living">;
  readonly api: Pick<ChunkserverApi, "pushManifests">;
  readonly replicationFactor: ReplicationFactor;
  readonly names: NameLocks;
  /** Tells the other controllers what changed here. */
  readonly push: () => Promise<void>;
  /** Cluster time, milliseconds since 1970. */
  readonly now: () => number;
  readonly delay: (ms: number) => Promise<void>;
  readonly log: Log;
}

export interface LiveFile { readonly record: FileRecord; readonly state: FileState }

export class Files {
  constructor(private readonly options: FilesOptions) {}

  /** @throws {RequestRefused} `file-not-found` */
  get(name: string): LiveFile {
    const record = this.options.store.get(name);
    if (record?.state.kind === "file") return { record, state: record.state };
    throw new RequestRefused("file-not-found", `no file is named ${JSON.stringify(name)}`, { fix: "list the files to see the names" });
  }

  /** Files that have all the tags, sorted by name. */
  list(tags: readonly string[]): FileEntry[] {
    const living = this.#living();
    return this.options.store.files(tags).flatMap((record) => (record.state.kind === "file" ? [this.#entry(record.name, record.state, living)] : []));
  }

  entry({ record, state }: LiveFile): FileEntry {
    return this.#entry(record.name, state, this.#living());
  }

  /** @throws {RequestRefused} `file-not-found` */
  locations(name: string): FileLocations {
    const { state } = this.get(name);
    const living = this.#living();
    const holders = [...this.options.locations.uploadHolders(state.upload)].filter(([id]) => living.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
    const chunks = state.chunks.map(({ sha256, size }, index) => ({ index, sha256, size, chunkservers: holders.filter(([, indexes]) => indexes.has(index)).map(([id]) => id) }));
    return { name, upload: state.upload, chunks };
  }

  /** Deletes the file: durable here on return, and known to all who could be reached. @throws {RequestRefused} `file-not-found` */
  async delete(name: string, owner: string): Promise<void> {
    await this.options.names.run(name, async () => {
      const { state } = this.get(name);
      const { store, push, delay, now, log } = this.options;
      const record = store.write(name, { kind: "deleted", owner, modifiedAt: new Date(now()).toISOString() });
      log.info({ name, upload: state.upload, user: owner }, "file deleted");
      await Promise.race([Promise.all([push(), this.#tellChunkservers(record)]), delay(TELL_MS)]);
    });
  }

  async #tellChunkservers(record: FileRecord): Promise<void> {
    const { chunkservers, api, log } = this.options;
    await Promise.all(chunkservers.living().map(async (chunkserver) => {
      try {
        await api.pushManifests(chunkserver, [record]);
      } catch (error) {
        log.debug({ name: record.name, chunkserver: chunkserver.id, reason: error instanceof Error ? error.message : String(error) }, "chunkserver not told of a deletion yet");
      }
    }));
  }

  #living(): ReadonlySet<string> {
    return new Set(this.options.chunkservers.living().map(({ id }) => id));
  }

  #entry(name: string, state: FileState, living: ReadonlySet<string>): FileEntry {
    const { size, sha256, tags, owner, modifiedAt, chunks, upload } = state;
    const whole = (): number => [...this.options.locations.counts(upload)].filter(([id, count]) => living.has(id) && count >= chunks.length).length;
    // An empty file has no chunks: its manifest is all there is, and goes to everyone.
    const replicas = chunks.length === 0 ? desiredReplicas(this.options.replicationFactor, living.size) : whole();
    return { name, size, sha256, tags, owner, modifiedAt, replicas };
  }
}
