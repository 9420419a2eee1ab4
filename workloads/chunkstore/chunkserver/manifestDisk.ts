/** Every file's record on every chunkserver's disk: what controllers that lost everything learn their metadata from. */
import { basename } from "node:path";
import { RECORDS_PER_MESSAGE, type Cursor, type ManifestPage } from "../contract/nodeApi";
import type { FileRecord } from "../contract/record";
import { mergeRecords } from "../metadata";
import type { Log } from "../transport";
import { ChangeLog, type Slot } from "./changeLog";
import type { DiskHealth } from "./diskHealth";
import { systemCode, type DurableFiles } from "./files";
import { eachLimited, KeyedLocks } from "./keyedLocks";
import type { Layout } from "./layout";
import { decodeManifest, encodeManifest, UnreadableManifest } from "./manifestFile";
import type { Quarantine } from "./quarantine";

export interface ManifestDiskParts {
  readonly layout: Layout;
  readonly files: DurableFiles;
  readonly quarantine: Quarantine;
  readonly health: DiskHealth;
  readonly log: Log;
  /** Called when no record of the name will ever name the upload again: it was deleted, or another one won. */
  readonly superseded: (upload: string, by: "deletion" | "upload") => void;
}

/** What is kept in memory of a record. */
interface Entry {
  readonly name: string;
  /** Of a live file. */
  readonly upload: string | undefined;
  /** Stamp's time, for deleted names. */
  readonly time: number;
}

/** Files that are read or written at once. */
const PARALLEL = 16;
/** A page ends once its records have so many characters of JSON; one larger record goes alone. */
const PAGE_CHARACTERS = 1024 * 1024;

export class ManifestDisk {
  readonly #parts: ManifestDiskParts;
  readonly #log = new ChangeLog<Entry>();
  readonly #entries = new Map<string, Slot<Entry>>();
  /** Name of the live file of each upload. */
  readonly #names = new Map<string, string>();
  readonly #locks = new KeyedLocks();

  constructor(parts: ManifestDiskParts) {
    this.#parts = parts;
  }

  get head(): Cursor {
    return this.#log.head;
  }

  /** Records, deleted names included. */
  get count(): number {
    return this.#entries.size;
  }

  /** Whether a live file has this upload. */
  names(upload: string): boolean {
    return this.#names.has(upload);
  }

  /** Notes a record that was found at start. */
  found(record: FileRecord): void {
    this.#note(record);
  }

  /**
   * Merges records as controllers do; durable on return.
   * @returns how many were new here
   * @throws {NodeRefusal} 507 no room; some may be stored then, and merging all of them again does no harm
   */
  async merge(records: readonly FileRecord[]): Promise<number> {
    const byName = new Map<string, FileRecord[]>();
    for (const record of records) byName.set(record.name, [...(byName.get(record.name) ?? []), record]);
    let changed = 0;
    await eachLimited(byName, PARALLEL, async ([name, arrived]) => {
      if (await this.#locks.run(name, () => this.#mergeOne(name, arrived))) changed += 1;
    });
    return changed;
  }

  /** Records after the cursor, oldest change first. */
  async page(after: Cursor | undefined): Promise<ManifestPage> {
    const from = after ?? { epoch: "", seq: 0 };
    const { epoch, seq: end } = this.head;
    const slots = this.#log.slots(from, RECORDS_PER_MESSAGE);
    const records: FileRecord[] = [];
    let characters = 0;
    let through = from.epoch === epoch ? from.seq : 0;
    for (const slot of slots) {
      const record = await this.#read(slot.value.name);
      const size = record === undefined ? 0 : JSON.stringify(record).length;
      if (records.length > 0 && characters + size > PAGE_CHARACTERS) return { cursor: { epoch, seq: through }, more: true, records };
      if (record !== undefined) records.push(record);
      characters += size;
      through = slot.seq;
    }
    const more = slots.length === RECORDS_PER_MESSAGE;
    return { cursor: { epoch, seq: more ? through : end }, more, records };
  }

  /**
   * Forgets names that were deleted before `time`, by the stamp.
   * @returns how many
   */
  async prune(time: number): Promise<number> {
    const old = [...this.#entries.values()].filter(({ value }) => value.upload === undefined && value.time < time);
    await eachLimited(old, PARALLEL, ({ value: { name } }) => this.#locks.run(name, async () => {
      const slot = this.#entries.get(name);
      if (slot === undefined || slot.value.upload !== undefined || slot.value.time >= time) return;
      await this.#parts.files.discard(this.#parts.layout.manifest(name));
      this.#forget(slot);
    }));
    return old.length;
  }

  /** Reads every manifest again, and puts aside what can't be read. Gives way to the caller after each. */
  async *verify(): AsyncGenerator<string> {
    for (const name of [...this.#entries.keys()]) {
      await this.#read(name);
      yield name;
    }
  }

  async #mergeOne(name: string, arrived: readonly FileRecord[]): Promise<boolean> {
    const { layout, files, health } = this.#parts;
    const held = await this.#read(name);
    const merged = arrived.reduce<FileRecord | undefined>((known, record) => (known === undefined ? record : mergeRecords(known, record).record), held);
    if (merged === undefined) return false;
    const changed = merged !== held;
    if (changed) {
      try {
        await files.replaceFile(layout.manifest(name), encodeManifest(merged), layout.temporary);
      } catch (error) {
        throw health.seen(error, "writing a manifest");
      }
      this.#note(merged);
    }
    this.#tellSuperseded(merged, held === undefined ? arrived : [held, ...arrived]);
    return changed;
  }

  #tellSuperseded(winner: FileRecord, others: readonly FileRecord[]): void {
    const kept = winner.state.kind === "file" ? winner.state.upload : undefined;
    const lost = new Set(others.flatMap(({ state }) => (state.kind === "file" && state.upload !== kept ? [state.upload] : [])));
    for (const upload of lost) if (!this.names(upload)) this.#parts.superseded(upload, kept === undefined ? "deletion" : "upload");
  }

  #note({ name, state, stamp }: FileRecord): void {
    const before = this.#entries.get(name);
    this.#unname(before);
    const upload = state.kind === "file" ? state.upload : undefined;
    this.#entries.set(name, this.#log.append({ name, upload, time: stamp.time }, before));
    if (upload !== undefined) this.#names.set(upload, name);
  }

  #forget(slot: Slot<Entry>): void {
    this.#unname(slot);
    this.#log.drop(slot);
    this.#entries.delete(slot.value.name);
  }

  #unname(slot: Slot<Entry> | undefined): void {
    const upload = slot?.value.upload;
    if (upload !== undefined && this.#names.get(upload) === slot?.value.name) this.#names.delete(upload);
  }

  /** A record from disk; undefined when there is none, or none that can be read: then it is put aside. */
  async #read(name: string): Promise<FileRecord | undefined> {
    const { layout, files, health } = this.#parts;
    const slot = this.#entries.get(name);
    if (slot === undefined) return undefined;
    try {
      const record = decodeManifest(await files.fs.readFile(layout.manifest(name), "utf8"));
      if (record.name !== name) throw new UnreadableManifest("holds the record of another name");
      return record;
    } catch (error) {
      if (!(error instanceof UnreadableManifest) && systemCode(error) !== "ENOENT" && systemCode(error) !== "EIO") throw health.seen(error, "reading a manifest");
      if (this.#entries.get(name) === slot) await this.#lose(slot, error);
      return undefined;
    }
  }

  /** A manifest is lost: controllers that read all of them again see which one is missing here. */
  async #lose(slot: Slot<Entry>, error: unknown): Promise<void> {
    const { layout, quarantine, health, log } = this.#parts;
    const file = layout.manifest(slot.value.name);
    const seen = health.seen(error, "reading a manifest");
    log.error({ file: basename(file), why: seen instanceof Error ? seen.message : String(seen) }, "a manifest can't be read; it is put aside, and controllers will send it again");
    this.#forget(slot);
    this.#log.restart();
    await quarantine.take(file, basename(file));
  }
}
