/** The chunks on disk: what is written is durable, what is read is verified. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import type { Clock } from "../contract/ports";
import { CHUNK_BYTES } from "../contract/record";
import { NodeRefusal, type Log } from "../transport";
import { Activity } from "./activity";
import type { ChunkBuffers, Lease } from "./buffers";
import type { DiskHealth } from "./diskHealth";
import { FairSlots } from "./fairSlots";
import { isDiskFailure, systemCode, type DurableFiles, type FileSystem } from "./files";
import { Inventory, type ChunkSlot } from "./inventory";
import type { ChunkName, Layout } from "./layout";
import type { ChunkserverMetrics } from "./metrics";
import type { Quarantine } from "./quarantine";
import { Damaged, readVerified } from "./readVerified";
import { batches, receive } from "./receive";
import type { Space } from "./space";

export interface ChunkDiskParts {
  readonly layout: Layout;
  readonly files: DurableFiles;
  readonly space: Space;
  readonly buffers: ChunkBuffers;
  readonly quarantine: Quarantine;
  readonly health: DiskHealth;
  readonly metrics: ChunkserverMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** A chunk to write. */
export interface NewChunk extends ChunkName {
  /** Bytes, from 1 to 4 MiB. */
  readonly size: number;
}

/** Chunks that are written at once. Each has up to half a MiB in memory; one disk gets no faster by more. */
const WRITES = 16;
/** Callers bring in another chunkserver about then. */
const WRITE_WAIT_MS = 10_000;
/** Uploads that were removed for good; a chunk that comes late would be an orphan. Older ones are found as orphans. */
const REMOVED_KEPT = 10_000;

export class ChunkDisk {
  readonly inventory = new Inventory();
  readonly #parts: ChunkDiskParts;
  readonly #fs: FileSystem;
  /** Folders whose names are durable, or will be when the promise resolves. */
  readonly #folders = new Map<string, Promise<void>>();
  readonly #removed = new LRUCache<string, true>({ max: REMOVED_KEPT });
  readonly #activity: Activity;
  readonly #writers = new FairSlots(WRITES, WRITE_WAIT_MS);
  /** Damaged chunks on their way to quarantine: a good one must not take the same name before they are gone. */
  readonly #leaving = new Map<ChunkSlot, Promise<void>>();
  /** Bytes of each chunk that is present, as far as they are known. */
  readonly #sizes = new WeakMap<ChunkSlot, number>();

  constructor(parts: ChunkDiskParts) {
    this.#parts = parts;
    this.#fs = parts.files.fs;
    this.#activity = new Activity(parts.clock);
  }

  /** Notes a chunk that was found at start. */
  found(chunk: ChunkName): void {
    this.inventory.add(chunk);
    if (!this.#folders.has(chunk.upload)) this.#folders.set(chunk.upload, Promise.resolve());
  }

  /** Notes how large a chunk that was found at start is. */
  measured(slot: ChunkSlot, bytes: number): void {
    if (!this.inventory.isCurrent(slot) || this.#sizes.has(slot)) return;
    this.#sizes.set(slot, bytes);
    this.#parts.space.add(bytes);
  }

  /**
   * Stores a chunk: durable on return. One that is there already is a success; what is sent is passed over then.
   * @param body exactly `chunk.size` bytes
   * @param holder whose request it is for; shares the disk fairly
   * @throws {NodeRefusal} 400 length, 409 another chunk has the place or the upload was removed, 422 checksum, 503 too many writes, 507 no room
   */
  async put(chunk: NewChunk, body: AsyncIterable<Uint8Array>, holder: string): Promise<"stored" | "present"> {
    this.#activity.begin(chunk.upload);
    try {
      if (await this.#isPresent(chunk)) {
        for await (const _ of batches(body, chunk.size)) continue;
        return "present";
      }
      return await this.#store(chunk, body, holder);
    } catch (error) {
      this.#parts.metrics.writeFailed();
      throw this.#parts.health.seen(error, "writing a chunk");
    } finally {
      this.#activity.end(chunk.upload, this.inventory.has(chunk.upload));
    }
  }

  /**
   * Reads a chunk and verifies it. Release the lease when nothing refers to its data any more.
   * @param holder whose request it is for; shares memory fairly
   * @param signal stops waiting for memory
   * @throws {NodeRefusal} 404 absent; 410 it was damaged, and is put aside; 503 no memory in time
   */
  async read(upload: string, index: number, holder: string, signal?: AbortSignal): Promise<{ readonly slot: ChunkSlot; readonly data: Buffer; release(): void }> {
    const slot = this.inventory.get(upload, index);
    if (slot === undefined) throw absent();
    let lease: Lease | undefined;
    try {
      const handle = await this.#fs.open(this.#parts.layout.chunk(slot.value), "r");
      try {
        const { size } = await handle.stat();
        if (size === 0 || size > CHUNK_BYTES) throw new Damaged(`its file has ${size} bytes`);
        lease = await this.#parts.buffers.acquire(size, holder, signal);
        const data = await readVerified(handle, lease.buffer.subarray(0, size), slot.value.sha256);
        return { slot, data, release: lease.release };
      } finally {
        await handle.close();
      }
    } catch (error) {
      lease?.release();
      this.#parts.metrics.readFailed();
      throw await this.#unreadable(slot, error);
    }
  }

  /** Verifies one chunk; false when it is gone, or was damaged and is put aside. */
  async verify(upload: string, index: number, holder: string): Promise<boolean> {
    try {
      (await this.read(upload, index, holder)).release();
      return true;
    } catch (error) {
      if (error instanceof NodeRefusal && (error.statusCode === 404 || error.statusCode === 410)) return false;
      throw error;
    }
  }

  /**
   * Removes all chunks of an upload.
   * @param forGood whether chunks of it that come later are refused
   * @returns whether there was any
   */
  async removeUpload(upload: string, forGood: boolean): Promise<boolean> {
    if (forGood) this.#removed.set(upload, true);
    const slots = this.inventory.of(upload);
    for (const slot of slots) this.#gone(slot);
    this.#folders.delete(upload);
    this.#activity.forget(upload);
    const doomed = join(this.#parts.layout.temporary, `removed-${randomUUID()}`);
    try {
      await this.#fs.rename(this.#parts.layout.upload(upload), doomed);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return slots.length > 0;
      throw this.#parts.health.seen(error, "removing chunks");
    }
    this.#parts.metrics.removedUpload();
    // Out of sight already; what is left after a crash goes at the next start.
    await this.#fs.rm(doomed, { recursive: true, force: true });
    return true;
  }

  /** Milliseconds since the upload got a chunk; undefined while it gets one. */
  async idleMs(upload: string): Promise<number | undefined> {
    return this.#activity.idleMs(upload, async () => (await this.#fs.stat(this.#parts.layout.upload(upload))).mtimeMs);
  }

  async #store(chunk: NewChunk, body: AsyncIterable<Uint8Array>, holder: string): Promise<"stored" | "present"> {
    const { layout, files, space } = this.#parts;
    const giveBack = await space.reserve(chunk.size);
    const temporary = join(layout.temporary, randomUUID());
    try {
      const writer = await this.#writers.acquire(holder);
      try {
        await receive(files, temporary, chunk, body);
      } finally {
        writer.release();
      }
      await this.#place(chunk, temporary);
      await files.syncFolder(layout.upload(chunk.upload));
      if (await this.#isPresent(chunk)) return "present";
      this.#stored(chunk);
      return "stored";
    } finally {
      giveBack();
      await files.discard(temporary);
    }
  }

  #stored(chunk: NewChunk): void {
    this.inventory.add(chunk);
    const slot = this.inventory.get(chunk.upload, chunk.index);
    if (slot !== undefined) this.#sizes.set(slot, chunk.size);
    this.#parts.space.add(chunk.size);
    this.#parts.metrics.wrote(chunk.size);
  }

  /** Gives the finished file its name, making the upload's folder when it is the first, or when it went meanwhile. */
  async #place(chunk: NewChunk, temporary: string): Promise<void> {
    const { layout } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      this.#refuseRemoved(chunk.upload);
      await this.#folder(chunk.upload);
      for (const [slot, leaving] of this.#leaving) if (slot.value.upload === chunk.upload && slot.value.index === chunk.index) await leaving;
      this.#refuseRemoved(chunk.upload);
      try {
        return await this.#fs.rename(temporary, layout.chunk(chunk));
      } catch (error) {
        if (systemCode(error) !== "ENOENT" || attempt === 3) throw error;
        this.#folders.delete(chunk.upload);
      }
    }
  }

  async #folder(upload: string): Promise<void> {
    let made = this.#folders.get(upload);
    if (made === undefined) {
      made = this.#parts.files.makeFolder(this.#parts.layout.upload(upload));
      this.#folders.set(upload, made);
      made.catch(() => { if (this.#folders.get(upload) === made) this.#folders.delete(upload); });
    }
    await made;
  }

  #refuseRemoved(upload: string): void {
    if (this.#removed.has(upload)) throw new NodeRefusal(409, "upload-removed", "the upload was removed; its chunks are not taken any more");
  }

  /** @throws {NodeRefusal} 409 when another chunk has its place */
  async #isPresent({ upload, index, sha256 }: NewChunk): Promise<boolean> {
    this.#refuseRemoved(upload);
    const slot = this.inventory.get(upload, index);
    if (slot === undefined) return false;
    if (slot.value.sha256 !== sha256) throw new NodeRefusal(409, "chunk-conflict", "another chunk is stored at this index of the upload");
    try {
      await this.#fs.stat(this.#parts.layout.chunk(slot.value));
      return true;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
      await this.#unreadable(slot, error);
      return false;
    }
  }

  #gone(slot: ChunkSlot): void {
    if (!this.inventory.isCurrent(slot)) return;
    this.inventory.remove(slot);
    this.#parts.space.add(-(this.#sizes.get(slot) ?? 0));
  }

  /** What a chunk that can't be read means for the inventory, and for the one who asked. */
  async #unreadable(slot: ChunkSlot, error: unknown): Promise<unknown> {
    const { log, metrics, health } = this.#parts;
    const { upload, index } = slot.value;
    if (systemCode(error) === "ENOENT") {
      if (this.inventory.isCurrent(slot)) log.error({ upload, index }, "a chunk's file is missing");
      this.#gone(slot);
      return absent();
    }
    if (!(error instanceof Damaged) && !isDiskFailure(error)) return error;
    if (!(error instanceof Damaged)) health.seen(error, "reading a chunk");
    if (this.inventory.isCurrent(slot)) {
      const why = error instanceof Error ? error.message : String(error);
      log.error({ upload, index, why }, "a chunk is corrupt; it is put aside, and will be replicated again");
      metrics.corrupt();
      await this.#putAside(slot);
    }
    return new NodeRefusal(410, "chunk-corrupt", "the chunk was corrupt here and is put aside; another chunkserver has it");
  }

  async #putAside(slot: ChunkSlot): Promise<void> {
    this.#gone(slot);
    const { layout, quarantine, log } = this.#parts;
    const { upload, index, sha256 } = slot.value;
    const leaving = quarantine.take(layout.chunk(slot.value), `${upload}.${index}.${sha256}`)
      .catch((error: unknown) => log.error({ err: error, upload, index }, "a corrupt chunk can't be put aside"));
    this.#leaving.set(slot, leaving);
    await leaving;
    this.#leaving.delete(slot);
  }
}

function absent(): NodeRefusal {
  return new NodeRefusal(404, "chunk-absent", "no such chunk here");
}
