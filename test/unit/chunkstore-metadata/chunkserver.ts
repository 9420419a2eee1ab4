/** A simulated chunkserver: merges manifests by the real function, and removes what a merge supersedes at once. */
import type { FileRecord, FileState } from "../../../workloads/chunkstore/contract/record";
import { compareWrites, mergeRecords } from "../../../workloads/chunkstore/metadata";
import type { Network } from "./network";

/** Keeps chunks and manifests; a manifest that loses takes its chunks with it. */
export class Chunkserver {
  manifests = new Map<string, { record: FileRecord; seq: number }>();
  chunks = new Map<string, Set<number>>();
  up = false;
  #epoch = 0;
  #seq = 0;

  constructor(readonly id: string, private readonly network: Network) {}

  start(): void {
    this.up = true;
    this.#epoch += 1;
    this.network.listen(this.id, (path, body) => this.#answer(path, body));
  }

  crash(): void {
    this.up = false;
    this.network.listen(this.id, undefined);
  }

  loseVolume(): void {
    this.crash();
    this.manifests = new Map();
    this.chunks = new Map();
  }

  /** Has every chunk, and a manifest that includes the upload. */
  keeps(record: FileRecord): boolean {
    const manifest = this.manifests.get(record.name)?.record;
    return manifest !== undefined && compareWrites(manifest, record) === 0 && this.has(record.state as FileState);
  }

  has(state: FileState): boolean {
    return state.chunks.every((_, index) => this.chunks.get(state.upload)?.has(index) === true);
  }

  #answer(path: string, body: unknown): unknown {
    if (path === "/v1/chunks") {
      const { upload, index } = body as { upload: string; index: number };
      this.chunks.set(upload, (this.chunks.get(upload) ?? new Set()).add(index));
      return {};
    }
    if (path === "/v1/manifests/put") return this.#merge(body as FileRecord);
    const after = body as { epoch: string; seq: number };
    const from = after.epoch === String(this.#epoch) ? after.seq : 0;
    const newer = [...this.manifests.values()].filter(({ seq }) => seq > from).sort((a, b) => a.seq - b.seq);
    const page = newer.slice(0, 3);
    return { cursor: { epoch: String(this.#epoch), seq: page.at(-1)?.seq ?? from }, more: newer.length > page.length, records: page.map(({ record }) => record) };
  }

  #merge(record: FileRecord): unknown {
    const held = this.manifests.get(record.name)?.record;
    const merged = held ? mergeRecords(held, record).record : record;
    this.#seq += 1;
    this.manifests.set(record.name, { record: merged, seq: this.#seq });
    for (const other of [held, record]) if (other?.state.kind === "file" && compareWrites(other, merged) !== 0) this.chunks.delete(other.state.upload);
    return {};
  }
}
