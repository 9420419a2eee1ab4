/** The chunks that this chunkserver has, in memory, with the log of their changes. */
import type { Cursor, InventoryPage } from "../contract/nodeApi";
import type { FileState } from "../contract/record";
import { ChangeLog, type Slot } from "./changeLog";
import type { ChunkName } from "./layout";

/** An entry of the inventory. */
export interface ChunkEntry extends ChunkName {
  readonly present: boolean;
}

/** Stands for one appearance of a chunk: another one, if it went and came back. */
export type ChunkSlot = Slot<ChunkEntry>;

/** Changes of one page; each is some 70 bytes of JSON. */
const PAGE = 5_000;
/** Chunks that are gone and still told to readers. One that was away for longer than so many removals reads the whole inventory. */
const GONE_KEPT = 100_000;

interface Upload {
  readonly chunks: Map<number, ChunkSlot>;
  present: number;
}

export class Inventory {
  readonly #log = new ChangeLog<ChunkEntry>();
  readonly #uploads = new Map<string, Upload>();
  #gone: ChunkSlot[] = [];
  #chunks = 0;

  /** @param goneKept for tests */
  constructor(private readonly goneKept = GONE_KEPT) {}

  /** Chunks that are present. */
  get chunks(): number {
    return this.#chunks;
  }

  get head(): Cursor {
    return this.#log.head;
  }

  /** The chunk's entry if it is present. */
  get(upload: string, index: number): ChunkSlot | undefined {
    const slot = this.#uploads.get(upload)?.chunks.get(index);
    return slot?.value.present === true ? slot : undefined;
  }

  /** Whether this appearance of the chunk is the current one. */
  isCurrent(slot: ChunkSlot): boolean {
    return this.get(slot.value.upload, slot.value.index) === slot;
  }

  /** Uploads of which any chunk is present. */
  uploads(): string[] {
    return [...this.#uploads].flatMap(([upload, { present }]) => (present > 0 ? [upload] : []));
  }

  /** Whether every chunk of the file is present. */
  holds({ upload, chunks }: Pick<FileState, "upload" | "chunks">): boolean {
    return chunks.every(({ sha256 }, index) => this.get(upload, index)?.value.sha256 === sha256);
  }

  /** Whether any chunk of the upload is present. */
  has(upload: string): boolean {
    return (this.#uploads.get(upload)?.present ?? 0) > 0;
  }

  /** Chunks of an upload that are present, by index. */
  of(upload: string): ChunkSlot[] {
    return [...(this.#uploads.get(upload)?.chunks.values() ?? [])].filter(({ value }) => value.present).sort((a, b) => a.value.index - b.value.index);
  }

  /** Notes a chunk that is there, durable. Does nothing when it is known. */
  add(chunk: ChunkName): void {
    const { upload, index, sha256 } = chunk;
    const known = this.#uploads.get(upload) ?? { chunks: new Map<number, ChunkSlot>(), present: 0 };
    this.#uploads.set(upload, known);
    const before = known.chunks.get(index);
    if (before?.value.present === true) return;
    known.chunks.set(index, this.#log.append({ upload, index, sha256, present: true }, before));
    known.present += 1;
    this.#chunks += 1;
  }

  /** Notes that a chunk is gone. */
  remove(slot: ChunkSlot): void {
    if (!this.isCurrent(slot)) return;
    const known = this.#uploads.get(slot.value.upload);
    if (known === undefined) return;
    const gone = this.#log.append({ ...slot.value, present: false }, slot);
    known.chunks.set(slot.value.index, gone);
    known.present -= 1;
    this.#chunks -= 1;
    this.#gone.push(gone);
    if (this.#gone.length > 2 * this.goneKept) this.#forgetOldest();
  }

  page(after: Cursor | undefined): InventoryPage {
    const { values, ...page } = this.#log.page(after, PAGE);
    return { ...page, changes: values.map(({ upload, index, present }) => ({ upload, index, present })) };
  }

  #forgetOldest(): void {
    const kept = this.#gone.filter(({ stale }) => !stale);
    const forgotten = kept.splice(0, Math.max(0, kept.length - this.goneKept));
    for (const slot of forgotten) {
      this.#log.forget(slot);
      const known = this.#uploads.get(slot.value.upload);
      if (known?.chunks.get(slot.value.index) !== slot) continue;
      known.chunks.delete(slot.value.index);
      if (known.chunks.size === 0) this.#uploads.delete(slot.value.upload);
    }
    this.#gone = kept;
  }
}
