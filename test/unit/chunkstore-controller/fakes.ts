/** Chunkservers in memory, for tests of what a controller does with them. */
import type { ManifestPushReply, ReplicateReply, ReplicateRequest } from "../../../workloads/chunkstore/contract/nodeApi";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import { ChunkserverFailure, type ChunkRef, type ChunkserverApi, type FailureKind, type Log, type NodeAddress } from "../../../workloads/chunkstore/controller/ports";
import { Chunkservers } from "../../../workloads/chunkstore/controller/chunkservers";

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export type Trouble = FailureKind | "hangs";

export class FakeFleet implements ChunkserverApi {
  /** `<upload>/<index>` → content, by chunkserver. */
  readonly chunks = new Map<string, Map<string, Buffer>>();
  readonly manifestsAt = new Map<string, FileRecord[]>();
  /** Asked before each request: what goes wrong with it. */
  trouble: (chunkserver: string, request: "put" | "get" | "manifest" | "replicate", index: number) => Trouble | undefined = () => undefined;
  readonly requests: string[] = [];
  readonly removed: string[] = [];
  readonly servers: Chunkservers;

  constructor(readonly ids: readonly string[], now: () => number = () => 0, heartbeatTimeoutMs = 6_000) {
    this.servers = new Chunkservers({ clock: { now, monotonic: now }, heartbeatTimeoutMs, log: silent });
    for (const id of ids) this.beat(id);
  }

  beat(id: string, over: { readonly full?: boolean; readonly epoch?: string } = {}): void {
    const cursor = { epoch: over.epoch ?? "e", seq: 0 };
    this.servers.heartbeat({ id, port: 50_051, capacityBytes: 1e9, freeBytes: 1e9, chunks: 0, full: over.full ?? false, inventory: cursor, manifests: cursor, now: 0 }, `10.0.0.${this.ids.indexOf(id) + 1}`);
  }

  /** Sorted IDs of those that have the chunk. */
  holders(upload: string, index: number): string[] {
    return this.ids.filter((id) => this.chunks.get(id)?.has(`${upload}/${index}`) === true);
  }

  async putChunk(to: NodeAddress, { upload, index }: ChunkRef, data: Buffer, signal: AbortSignal): Promise<void> {
    await this.#meet(to.id, "put", index, signal);
    this.#of(to.id).set(`${upload}/${index}`, Buffer.from(data));
  }

  async getChunk(from: NodeAddress, { upload, index }: ChunkRef, into: Buffer, signal: AbortSignal): Promise<void> {
    await this.#meet(from.id, "get", index, signal);
    const data = this.#of(from.id).get(`${upload}/${index}`);
    if (data === undefined) throw new ChunkserverFailure(from.id, "absent", "absent");
    data.copy(into);
  }

  async deleteUpload(at: NodeAddress, upload: string): Promise<void> {
    this.removed.push(`${at.id} ${upload}`);
    for (const key of this.#of(at.id).keys()) if (key.startsWith(`${upload}/`)) this.#of(at.id).delete(key);
  }

  async replicate(to: NodeAddress, upload: string, { chunks, sources }: ReplicateRequest): Promise<ReplicateReply> {
    await this.#meet(to.id, "replicate", -1);
    const stored: number[] = [];
    const failed: { index: number; reason: string }[] = [];
    for (const { index } of chunks) {
      const data = [to, ...sources].map(({ id }) => this.#of(id).get(`${upload}/${index}`)).find((one) => one !== undefined);
      if (data === undefined) failed.push({ index, reason: "no source has it" });
      else {
        this.#of(to.id).set(`${upload}/${index}`, data);
        stored.push(index);
      }
    }
    return { stored, failed };
  }

  async pushManifests(to: NodeAddress, records: readonly FileRecord[]): Promise<ManifestPushReply> {
    await this.#meet(to.id, "manifest", -1);
    this.manifestsAt.set(to.id, [...(this.manifestsAt.get(to.id) ?? []), ...records]);
    return { changed: records.length, incomplete: records.flatMap(({ state }) => (state.kind === "file" && !state.chunks.every((_, index) => this.#of(to.id).has(`${state.upload}/${index}`)) ? [state.upload] : [])) };
  }

  async removeOrphans(at: NodeAddress, uploads: readonly string[]): Promise<readonly string[]> {
    for (const upload of uploads) await this.deleteUpload(at, upload);
    return uploads;
  }

  manifests(): never {
    throw new Error("not part of this fake");
  }

  inventory(): never {
    throw new Error("not part of this fake");
  }

  #of(id: string): Map<string, Buffer> {
    const held = this.chunks.get(id) ?? new Map<string, Buffer>();
    this.chunks.set(id, held);
    return held;
  }

  async #meet(id: string, request: "put" | "get" | "manifest" | "replicate", index: number, signal?: AbortSignal): Promise<void> {
    this.requests.push(`${request} ${id} ${index}`);
    const trouble = this.trouble(id, request, index);
    await new Promise((resolve) => setImmediate(resolve));
    if (trouble === "hangs") await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    else if (trouble !== undefined) throw new ChunkserverFailure(id, trouble, `${id} is ${trouble}`);
  }
}

/** A record of a file with so many chunks. */
export function recordOf(name: string, upload: string, chunks: readonly { readonly sha256: string; readonly size: number }[], time = 1): FileRecord {
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  return {
    name, version: { c1: time }, stamp: { time, node: "c1" },
    state: { kind: "file", upload, size, sha256: "0".repeat(64), chunks: [...chunks], tags: [], owner: "ada", modifiedAt: "2030-01-01T00:00:00.000Z" },
  };
}
