/** What repair and status need of all records, in memory: reading thousands of records every few seconds would be slow. */
import type { RecordStore } from "../contract/ports";
import type { FileRecord } from "../contract/record";
import { versionText } from "./locations";

export interface IndexedRecord {
  readonly name: string;
  /** Undefined for a deleted name. */
  readonly upload: string | undefined;
  /** Number of chunks. */
  readonly chunks: number;
  /** See {@link versionText}. */
  readonly version: string;
  /** When this node learned of this version; milliseconds, monotonic. */
  readonly since: number;
}

export class FileIndex {
  readonly #byName = new Map<string, IndexedRecord>();
  readonly #byUpload = new Map<string, IndexedRecord>();
  readonly #unsubscribe: () => void;

  constructor(private readonly store: Pick<RecordStore, "all" | "onChange" | "counts">, private readonly monotonic: () => number) {
    this.#add(store.all());
    this.#unsubscribe = store.onChange((records) => this.#add(records));
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Every record, deleted names included. */
  records(): IterableIterator<IndexedRecord> {
    return this.#byName.values();
  }

  /** The live file with this upload. */
  ofUpload(upload: string): IndexedRecord | undefined {
    return this.#byUpload.get(upload);
  }

  get files(): number {
    return this.#byUpload.size;
  }

  /** Drops names that the store no longer remembers; it doesn't tell of them. Returns their names. */
  reconcile(): string[] {
    const { files, deletedNames } = this.store.counts;
    if (this.#byName.size === files + deletedNames) return [];
    const kept = new Set(this.store.all().map(({ name }) => name));
    const gone = [...this.#byName.keys()].filter((name) => !kept.has(name));
    for (const name of gone) this.#remove(name);
    return gone;
  }

  #add(records: readonly FileRecord[]): void {
    for (const record of records) {
      this.#remove(record.name);
      const { state } = record;
      const entry = { name: record.name, version: versionText(record), since: this.monotonic(), ...(state.kind === "file" ? { upload: state.upload, chunks: state.chunks.length } : { upload: undefined, chunks: 0 }) };
      this.#byName.set(record.name, entry);
      if (entry.upload !== undefined) this.#byUpload.set(entry.upload, entry);
    }
  }

  #remove(name: string): void {
    const entry = this.#byName.get(name);
    this.#byName.delete(name);
    // Another name may have taken the upload meanwhile only by a forged record; then its entry stays.
    if (entry?.upload !== undefined && this.#byUpload.get(entry.upload) === entry) this.#byUpload.delete(entry.upload);
  }
}
