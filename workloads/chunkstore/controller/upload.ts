/** Uploads: from a client's connection to the chunkservers in constant memory, and visible only once they are safe. */
import { createHash, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { CHUNK_BYTES, MAX_CHUNKS, type ChunkInfo, type FileRecord, type FileState } from "../contract/record";
import { BodyReader, ClientGone } from "./bodyReader";
import type { Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import type { BufferPool, ByteBudget, Lease } from "./memory";
import type { NameLocks } from "./nameLocks";
import { place, type ReplicationFactor } from "./placement";
import type { ChunkserverApi, Log } from "./ports";
import { RequestRefused } from "./refusal";
import { chunkCount, UploadSession } from "./uploadSession";

/** Chunks of one upload that are on their way at a time. */
const CHUNKS_IN_FLIGHT = 3;

export interface UploadRequest {
  readonly name: string;
  readonly tags: readonly string[];
  readonly owner: string;
  /** Bytes that the client announced. */
  readonly size: number;
  /** What the client says the content's checksum is, in lower-case hex. */
  readonly sha256?: string | undefined;
  readonly body: Readable;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

export interface UploaderOptions {
  readonly chunkservers: Chunkservers;
  readonly locations: Pick<Locations, "addChunks" | "applyManifests">;
  readonly api: ChunkserverApi;
  readonly memory: ByteBudget;
  readonly pool: BufferPool;
  /** Two writes of one name at this controller: the one that commits last includes the other. */
  readonly names: NameLocks;
  readonly replicationFactor: ReplicationFactor;
  readonly minReplicas: number;
  readonly log: Log;
  /** Makes the record of a stored file, without keeping it. */
  readonly propose: (name: string, state: FileState) => FileRecord;
  /** Keeps the record and tells the other controllers; the chunkservers have it already. */
  readonly publish: (record: FileRecord) => Promise<void>;
  /** Cluster time, milliseconds since 1970. */
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly delay: (ms: number) => Promise<void>;
}

export class Uploader {
  readonly #options: UploaderOptions;
  #active = 0;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  /** Uploads under way. */
  get active(): number {
    return this.#active;
  }

  /**
   * Stores the body; resolves with its record once it is safe and visible here.
   * @throws {RequestRefused} nothing is visible then
   * @throws {ClientGone} nor then
   */
  async upload(request: UploadRequest): Promise<FileRecord> {
    const session = this.#begin(request);
    this.#active += 1;
    let committing = false;
    try {
      const { chunks, sha256 } = await this.#receive(request, session.session);
      if (request.sha256 !== undefined && request.sha256 !== sha256) {
        throw new RequestRefused("checksum-mismatch", `content differs from what was announced; got SHA-256 ${sha256}; expected ${request.sha256}`, { fix: "upload again; the file may have changed while it was read" });
      }
      await session.session.complete();
      return await this.#options.names.run(request.name, async () => {
        committing = true;
        return this.#commit(request, session, { chunks, sha256 });
      });
    } catch (error) {
      // Once a manifest may be anywhere, the chunks belong to it.
      if (!committing) await session.session.abandon();
      throw error;
    } finally {
      this.#active -= 1;
    }
  }

  #begin({ size }: UploadRequest): { readonly upload: string; readonly session: UploadSession } {
    if (size > MAX_CHUNKS * CHUNK_BYTES) throw new RequestRefused("file-too-large", `file is ${size} bytes long; expected at most ${MAX_CHUNKS * CHUNK_BYTES}`);
    const { chunkservers, replicationFactor, minReplicas, api, log, monotonic, delay } = this.#options;
    const upload = randomUUID();
    const candidates = chunkservers.living().map(({ id, report, suspect }) => ({ id, freeBytes: report?.freeBytes, full: report?.full === true, suspect }));
    const placement = place({ upload, size, candidates, replicationFactor, minReplicas });
    if (placement.kind === "refused") {
      throw placement.why === "no-room"
        ? new RequestRefused("disk-full", `too few chunkservers have room for the file; got ${placement.usable} of ${candidates.length}; expected at least ${minReplicas}`, { fix: "delete files, or add chunkservers or room" })
        : new RequestRefused("not-enough-chunkservers", `too few chunkservers can be reached; got ${candidates.length}; expected at least ${minReplicas}`, { fix: "try again at another controller, or later" });
    }
    const { targets, spares } = placement;
    return { upload, session: new UploadSession({ upload, targets, spares, minReplicas, chunkservers, api, log, monotonic, delay }) };
  }

  async #receive({ body, size, signal }: UploadRequest, session: UploadSession): Promise<{ chunks: ChunkInfo[]; sha256: string }> {
    const stop = new AbortController();
    const fail = (reason: unknown): void => stop.abort(reason);
    const clientGone = (): void => fail(new ClientGone("the client closed the connection"));
    const reader = new BodyReader(body, this.#options.monotonic, () => this.#options.memory.waiting > 0);
    stop.signal.addEventListener("abort", () => reader.cancel(stop.signal.reason as Error), { once: true });
    signal.addEventListener("abort", clientGone, { once: true });
    if (signal.aborted) clientGone();
    const sends = new Set<Promise<void>>();
    try {
      const whole = createHash("sha256");
      const chunks: ChunkInfo[] = [];
      for (let index = 0; index < chunkCount(size); index += 1) {
        while (sends.size >= CHUNKS_IN_FLIGHT) await Promise.race(sends);
        const { data, lease } = await this.#read(reader, Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES), stop.signal);
        whole.update(data);
        const info = { sha256: createHash("sha256").update(data).digest("hex"), size: data.length };
        chunks.push(info);
        const send = this.#send(session, index, info, data).catch(fail).finally(() => {
          lease.release();
          sends.delete(send);
        });
        sends.add(send);
      }
      await Promise.all(sends);
      stop.signal.throwIfAborted();
      return { chunks, sha256: whole.digest("hex") };
    } finally {
      signal.removeEventListener("abort", clientGone);
      reader.close();
    }
  }

  async #read(reader: BodyReader, bytes: number, signal: AbortSignal): Promise<{ data: Buffer; lease: Lease }> {
    const lease = await this.#options.memory.acquire(this.#options.pool.costOf(bytes), signal);
    try {
      const data = this.#options.pool.take(bytes);
      await reader.fill(data);
      return { data, lease };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  async #send(session: UploadSession, index: number, info: ChunkInfo, data: Buffer): Promise<void> {
    if (await session.send(index, info, data)) this.#options.pool.give(data);
  }

  async #commit({ name, tags, owner, size }: UploadRequest, { upload, session }: { upload: string; session: UploadSession }, content: { chunks: ChunkInfo[]; sha256: string }): Promise<FileRecord> {
    const { propose, publish, now, locations } = this.#options;
    const modifiedAt = new Date(now()).toISOString();
    const record = propose(name, { kind: "file", upload, size, sha256: content.sha256, chunks: content.chunks, tags: [...tags], owner, modifiedAt });
    await session.commit(record);
    for (const [chunkserver, indexes] of session.stored) locations.addChunks(chunkserver, upload, indexes);
    await publish(record);
    return record;
  }
}
