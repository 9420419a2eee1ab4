/** The chunkservers that take part in one upload: what each of them has, who is dropped when it fails, and who steps in. */
import { CHUNK_BYTES, type ChunkInfo, type FileRecord } from "../contract/record";
import { isAcknowledged } from "../metadata";
import type { Chunkservers } from "./chunkservers";
import { ChunkserverFailure, type ChunkRef, type ChunkserverApi, type Log, type NodeAddress } from "./ports";
import { RequestRefused } from "./refusal";

/** Once enough chunkservers have a chunk, the others get at least so long for it… */
const STRAGGLER_MS = 3_000;
/** …and at least so many times what the quick ones took: under load all are slow. */
const STRAGGLER_FACTOR = 4;
/** How often it is looked whether a chunkserver that doesn't answer still lives. */
const WATCH_MS = 500;
/** Chunks of one replicate request: 32 MiB. What it pulled is kept when the request itself takes too long. */
const CATCH_UP_CHUNKS = 8;
const CATCH_UP_TIMEOUT_MS = 15_000;
const READMIT_PAUSE_MS = 300;
/** How long the manifest is tried on chunkservers that have all chunks. */
const MANIFEST_TRIES = 5;
const MANIFEST_PAUSE_MS = 300;

interface Member {
  readonly id: string;
  readonly stored: Set<number>;
  /** Why it takes no further part. */
  dropped?: ChunkserverFailure;
  manifest: boolean;
  catchingUp?: Promise<void>;
}

export interface SessionOptions {
  readonly upload: string;
  readonly targets: readonly string[];
  readonly spares: readonly string[];
  readonly minReplicas: number;
  readonly chunkservers: Pick<Chunkservers, "get" | "isAlive" | "started" | "living">;
  readonly api: ChunkserverApi;
  readonly log: Log;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  readonly delay: (ms: number) => Promise<void>;
}

export class UploadSession {
  readonly #options: SessionOptions;
  readonly #members = new Map<string, Member>();
  readonly #spares: string[];
  readonly #chunks: ChunkInfo[] = [];
  readonly #ended = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#spares = [...options.spares];
    for (const id of options.targets) this.#join(id);
  }

  /** Chunk indexes by chunkserver, as far as they are confirmed. */
  get stored(): ReadonlyMap<string, ReadonlySet<number>> {
    return new Map([...this.#members.values()].map(({ id, stored }) => [id, stored]));
  }

  /**
   * Sends a chunk to all members; resolves when each of them has it or is dropped.
   * @returns whether nothing refers to the data any more, so that its memory may be used again
   * @throws {RequestRefused} when the upload can't be kept safe any more
   */
  async send(index: number, info: ChunkInfo, data: Buffer): Promise<boolean> {
    this.#chunks[index] = info;
    const chunk: ChunkRef = { upload: this.#options.upload, index, ...info };
    const [tried, triedAgain] = [new Set<string>(), new Set<string>()];
    let clean = true;
    for (;;) {
      // A spare that joins while the chunk is under way gets it, too, straight from memory.
      let batch = this.#untried(tried);
      if (batch.length === 0 && this.#activeWith(index) < this.#options.minReplicas) batch = await this.#readmit(triedAgain);
      if (batch.length === 0) break;
      clean = (await this.#sendTo(batch, chunk, data)) && clean;
    }
    this.#checkHope();
    return clean;
  }

  /** Makes sure that enough members have every chunk. @throws {RequestRefused} */
  async complete(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ catchingUp }) => catchingUp));
    if (this.#completeMembers().length >= this.#options.minReplicas) return;
    // The last resort: those that failed once, if they live, can still pull what they lack.
    const incomplete = [...this.#members.values()].filter((member) => member.dropped?.kind !== "full" && !this.#isComplete(member));
    await Promise.all(incomplete.map(async (member) => this.#catchUp(member)));
    const complete = this.#completeMembers().length;
    if (complete < this.#options.minReplicas) throw this.#tooFew(complete);
  }

  /**
   * Puts the manifest on all living chunkservers; resolves when enough of those that have every chunk have it, too. The others follow by themselves.
   * @throws {RequestRefused} when too few could be reached; the manifest may be on some of them then
   */
  async commit(record: FileRecord): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const check = (): boolean => this.#acknowledged() && (resolve(), true);
      const pushes = this.#options.chunkservers.living().map(async (chunkserver) => {
        await this.#pushManifest(chunkserver, record, check);
      });
      void Promise.all(pushes).then(() => check() || reject(this.#tooFew([...this.#members.values()].filter(({ manifest }) => manifest).length)), reject);
    });
  }

  /** Removes what was stored, as far as it can be reached. Never rejects. */
  async abandon(): Promise<void> {
    this.#ended.abort(new Error("the upload was abandoned"));
    await Promise.allSettled([...this.#members.values()].map(async ({ id }) => {
      const chunkserver = this.#options.chunkservers.get(id);
      if (chunkserver?.alive === true) await this.#options.api.deleteUpload(chunkserver, this.#options.upload);
    }));
  }

  #join(id: string): Member {
    const member: Member = { id, stored: new Set(), manifest: false };
    this.#members.set(id, member);
    return member;
  }

  #untried(tried: Set<string>): Member[] {
    return [...this.#members.values()].filter((member) => member.dropped === undefined && !tried.has(member.id) && tried.add(member.id));
  }

  #activeWith(index: number): number {
    return [...this.#members.values()].filter(({ dropped, stored }) => dropped === undefined && stored.has(index)).length;
  }

  /** Before an upload fails for want of chunkservers, those that live and have room get a second try at the chunk. */
  async #readmit(triedAgain: Set<string>): Promise<Member[]> {
    const { chunkservers, delay } = this.#options;
    const candidates = (): Member[] => [...this.#members.values()].filter((member) => member.dropped !== undefined && member.dropped.kind !== "full" && !triedAgain.has(member.id) && chunkservers.isAlive(member.id));
    if (this.#ended.signal.aborted || candidates().length === 0) return [];
    await delay(READMIT_PAUSE_MS);
    const again = candidates();
    for (const member of again) {
      triedAgain.add(member.id);
      delete member.dropped;
    }
    return again;
  }

  async #sendTo(batch: readonly Member[], chunk: ChunkRef, data: Buffer): Promise<boolean> {
    const started = this.#options.monotonic();
    const slow = new AbortController();
    let stored = 0;
    let timer: NodeJS.Timeout | undefined;
    const results = await Promise.all(batch.map(async (member) => {
      const ok = await this.#put(member, chunk, data, slow.signal);
      if (ok && (stored += 1) === this.#options.minReplicas) {
        const grace = Math.max(STRAGGLER_MS, STRAGGLER_FACTOR * (this.#options.monotonic() - started));
        timer = setTimeout(() => slow.abort(new Error(`took ${Math.round(grace)} ms longer than others`)), grace);
      }
      return ok;
    }));
    clearTimeout(timer);
    return results.every(Boolean);
  }

  async #put(member: Member, chunk: ChunkRef, data: Buffer, slow: AbortSignal): Promise<boolean> {
    const { chunkservers, api } = this.#options;
    const chunkserver = chunkservers.get(member.id);
    const done = chunkservers.started(member.id);
    const dead = new AbortController();
    const watch = setInterval(() => {
      if (!chunkservers.isAlive(member.id)) dead.abort(new Error("sends no heartbeats any more"));
    }, WATCH_MS);
    try {
      if (chunkserver === undefined) throw new Error("is not known any more");
      await api.putChunk(chunkserver, chunk, data, AbortSignal.any([slow, dead.signal, this.#ended.signal]));
      member.stored.add(chunk.index);
      done({ ok: true });
      return true;
    } catch (error) {
      const failure = error instanceof ChunkserverFailure ? error : new ChunkserverFailure(member.id, "unreachable", `chunkserver ${member.id} ${messageOf(error)}`, { cause: error });
      done({ ok: failure.kind === "full" || this.#ended.signal.aborted });
      this.#drop(member, failure, chunk.index);
      return false;
    } finally {
      clearInterval(watch);
    }
  }

  #drop(member: Member, failure: ChunkserverFailure, index: number): void {
    if (member.dropped !== undefined || this.#ended.signal.aborted) return;
    member.dropped = failure;
    const spareId = this.#spares.shift();
    this.#options.log.warn({ upload: this.#options.upload, chunkserver: member.id, chunk: index, reason: failure.message, spare: spareId }, "chunkserver dropped from an upload");
    if (spareId === undefined) return;
    const spare = this.#join(spareId);
    spare.catchingUp = this.#catchUp(spare);
  }

  /** Lets the member pull what it lacks of the chunks that others have. Never rejects. */
  async #catchUp(member: Member): Promise<void> {
    const { api, chunkservers, upload, log } = this.#options;
    const lacking = this.#chunks.flatMap((info, index) => (info !== undefined && !member.stored.has(index) && this.#holders(index).length > 0 ? [{ ...info, index }] : []));
    for (let at = 0; at < lacking.length && !this.#ended.signal.aborted; at += CATCH_UP_CHUNKS) {
      const chunkserver = chunkservers.get(member.id);
      const chunks = lacking.slice(at, at + CATCH_UP_CHUNKS);
      const sources = [...new Set(chunks.flatMap(({ index }) => this.#holders(index)))].filter(({ id }) => id !== member.id);
      if (chunkserver?.alive !== true || sources.length === 0) return;
      try {
        const { stored } = await api.replicate(chunkserver, upload, { chunks, sources }, CATCH_UP_TIMEOUT_MS);
        for (const index of stored) member.stored.add(index);
      } catch (error) {
        log.warn({ upload, chunkserver: member.id, reason: messageOf(error) }, "chunkserver could not catch up with an upload");
        return;
      }
    }
  }

  /** Living chunkservers that have the chunk, those that never failed first. */
  #holders(index: number): NodeAddress[] {
    const members = [...this.#members.values()].filter(({ stored }) => stored.has(index));
    return members.sort((a, b) => Number(a.dropped !== undefined) - Number(b.dropped !== undefined)).flatMap(({ id }) => {
      const chunkserver = this.#options.chunkservers.get(id);
      return chunkserver?.alive === true ? [{ id, address: chunkserver.address, port: chunkserver.port }] : [];
    });
  }

  async #pushManifest(to: NodeAddress, record: FileRecord, check: () => boolean): Promise<void> {
    for (let attempt = 1; attempt <= MANIFEST_TRIES; attempt += 1) {
      try {
        const { incomplete } = await this.#options.api.pushManifests(to, [record]);
        const member = this.#members.get(to.id);
        // It may have lost chunks meanwhile: only what is there together with the manifest counts.
        if (member && incomplete.length === 0) member.manifest = true;
        check();
        return;
      } catch (error) {
        this.#options.log.debug({ name: record.name, chunkserver: to.id, attempt, reason: messageOf(error) }, "manifest not stored");
        // Where it isn't needed for the acknowledgement, repair will bring it.
        if (check() || !this.#options.chunkservers.isAlive(to.id)) return;
        await this.#options.delay(MANIFEST_PAUSE_MS * attempt);
      }
    }
  }

  #acknowledged(): boolean {
    const reports = [...this.#members.values()].map(({ id, stored, manifest }) => ({ chunkserver: id, chunks: stored, manifest }));
    return isAcknowledged(this.#chunks.length, reports, this.#options.minReplicas);
  }

  #isComplete({ stored }: Member): boolean {
    return stored.size === this.#chunks.length;
  }

  #completeMembers(): Member[] {
    return [...this.#members.values()].filter((member) => this.#isComplete(member) && this.#options.chunkservers.isAlive(member.id));
  }

  /** Ends an upload early that can't succeed: no use in taking the rest of a large file. */
  #checkHope(): void {
    const active = [...this.#members.values()].filter(({ dropped }) => dropped === undefined).length;
    if (active < this.#options.minReplicas) throw this.#tooFew(active);
  }

  #tooFew(count: number): RequestRefused {
    const failures = [...this.#members.values()].flatMap(({ dropped }) => dropped ?? []);
    const needed = this.#options.minReplicas;
    if (failures.length > 0 && failures.every(({ kind }) => kind === "full")) {
      return new RequestRefused("disk-full", `chunkservers ran out of room; got ${count} with room for the file; expected at least ${needed}`, { fix: "delete files, or add chunkservers or room" });
    }
    return new RequestRefused("not-enough-chunkservers", `chunkservers failed during the upload; got ${count} that could keep the file; expected at least ${needed}`, { fix: "try again; the chunkservers' health and logs tell why" });
  }
}

/** Chunks of a content. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
