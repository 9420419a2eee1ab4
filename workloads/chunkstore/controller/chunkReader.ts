/** Verified chunks: from memory, or from the first chunkserver that gives a good copy. */
import { LRUCache } from "lru-cache";
import type { Chunkserver, Chunkservers } from "./chunkservers";
import type { Locations } from "./locations";
import { SharedBuffer, type BufferPool } from "./memory";
import { rank } from "./placement";
import { ChunkserverFailure, type ChunkRef, type ChunkserverApi, type Log } from "./ports";
import { RequestRefused } from "./refusal";

/** Without an answer so long, the next chunkserver is asked as well… */
const HEDGE_MS = 1_000;
/** …or so many times what the chunkserver usually takes, should that be longer. */
const HEDGE_FACTOR = 5;
/** What an entry of the cache takes besides the chunk. */
const ENTRY_BYTES = 256;
/** Assumed of a chunkserver that was never read from, so that it gets its turn. */
const UNKNOWN_LATENCY_MS = 5;

export interface ChunkReaderOptions {
  readonly chunkservers: Pick<Chunkservers, "living" | "started">;
  readonly locations: Pick<Locations, "holders" | "removeChunk">;
  readonly api: Pick<ChunkserverApi, "getChunk">;
  readonly pool: BufferPool;
  /** Memory for chunks that were read lately, bytes; 0 for none. */
  readonly cacheBytes: number;
  /** How much of it may be used now. @default all */
  readonly cacheLimit?: () => number;
  readonly log: Log;
  readonly monotonic: () => number;
  readonly onCache?: (hit: boolean) => void;
  /** A chunkserver didn't give the chunk and another one was asked. */
  readonly onFailover?: () => void;
  /** A copy was lost or damaged. */
  readonly onDamage?: () => void;
}

export class ChunkReader {
  readonly #options: ChunkReaderOptions;
  readonly #cache: LRUCache<string, SharedBuffer> | undefined;
  readonly #loading = new Map<string, Promise<SharedBuffer>>();

  constructor(options: ChunkReaderOptions) {
    this.#options = options;
    if (options.cacheBytes === 0) return;
    this.#cache = new LRUCache({
      maxSize: options.cacheBytes, sizeCalculation: ({ data }) => options.pool.costOf(data.length) + ENTRY_BYTES,
      dispose: (held) => held.release(),
    });
  }

  /**
   * The chunk; those who ask for it at the same time share one read. Not to be changed; to be released when it isn't used any more.
   * @throws {RequestRefused} `chunk-unavailable`
   */
  async read(chunk: ChunkRef): Promise<SharedBuffer> {
    const key = keyOf(chunk);
    const cached = this.#cache?.get(key);
    if (cached !== undefined) {
      this.#options.onCache?.(true);
      return cached.share();
    }
    return (await (this.#loading.get(key) ?? this.#begin(key, chunk))).share();
  }

  /** Gives memory back until the cache is within its limit. */
  trim(): void {
    const limit = this.#options.cacheLimit?.() ?? Number.POSITIVE_INFINITY;
    while (this.#cache !== undefined && this.#cache.size > 0 && this.#cache.calculatedSize > limit) this.#cache.pop();
  }

  #begin(key: string, chunk: ChunkRef): Promise<SharedBuffer> {
    this.#options.onCache?.(false);
    const loading = this.#load(chunk).then((held) => {
      this.#keep(key, held);
      // Those who wait for it take their shares in this turn; then only they and the cache have it.
      setImmediate(() => held.release());
      return held;
    }).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  #keep(key: string, held: SharedBuffer): void {
    if (this.#cache === undefined) return;
    this.#cache.set(key, held.share());
    if (this.#cache.peek(key) !== held) held.release(); // larger than the whole cache
    this.trim();
  }

  async #load(chunk: ChunkRef): Promise<SharedBuffer> {
    const order = this.#order(chunk);
    if (order.length === 0) throw unavailable(chunk, []);
    const won = new AbortController();
    try {
      return await firstOf(order, (chunkserver, later) => {
        if (later) this.#options.onFailover?.();
        return this.#get(chunkserver, chunk, won.signal);
      }, (chunkserver) => Math.max(HEDGE_MS, HEDGE_FACTOR * (chunkserver.latencyMs ?? 0)));
    } catch (error) {
      if (error instanceof AllFailed) throw unavailable(chunk, error.reasons);
      throw error;
    } finally {
      won.abort(new Error("another chunkserver was quicker"));
    }
  }

  async #get(chunkserver: Chunkserver, chunk: ChunkRef, signal: AbortSignal): Promise<SharedBuffer> {
    const { api, chunkservers, monotonic, pool } = this.#options;
    const done = chunkservers.started(chunkserver.id);
    const started = monotonic();
    const held = new SharedBuffer(pool.take(chunk.size), pool);
    try {
      await api.getChunk(chunkserver, chunk, held.data, signal);
      signal.throwIfAborted(); // it came all the same, after another one's
      done({ ok: true, latencyMs: monotonic() - started });
      return held;
    } catch (error) {
      held.release();
      const kind = error instanceof ChunkserverFailure ? error.kind : undefined;
      // The slower one of two wasn't wrong, but it is slow: its latency says so.
      if (signal.aborted) done({ ok: true, latencyMs: monotonic() - started });
      else done({ ok: kind === "absent" || kind === "corrupt" });
      if (!signal.aborted) this.#noteDamage(chunkserver, chunk, error);
      throw error;
    }
  }

  #noteDamage({ id }: Chunkserver, { upload, index }: ChunkRef, error: unknown): void {
    const kind = error instanceof ChunkserverFailure ? error.kind : undefined;
    const fields = { upload, chunk: index, chunkserver: id, reason: error instanceof Error ? error.message : String(error) };
    if (kind !== "absent" && kind !== "corrupt") return this.#options.log.warn(fields, "chunk could not be read");
    // Its inventory will say the same; until then others must not be sent there.
    if (!this.#options.locations.holders(upload, index).includes(id)) return;
    this.#options.locations.removeChunk(id, upload, index);
    this.#options.log.warn(fields, kind === "corrupt" ? "chunk was corrupt: put aside there, to be replicated again" : "chunk is missing");
    this.#options.onDamage?.();
  }

  /** Whom to ask: those that are known to have it, the least busy and quickest first; then the other living ones, in case the news of it hasn't come yet. */
  #order({ upload, index }: ChunkRef): Chunkserver[] {
    const living = this.#options.chunkservers.living();
    const known = new Set(this.#options.locations.holders(upload, index));
    // Equal ones take turns by chunk.
    const turn = new Map(rank(`${upload}/${index}`, living.map(({ id }) => id)).map((id, place) => [id, place]));
    const cost = ({ inFlight, latencyMs }: Chunkserver): number => (inFlight + 1) * Math.max(1, Math.round((latencyMs ?? UNKNOWN_LATENCY_MS) / 5));
    return living.sort((a, b) => Number(a.suspect) - Number(b.suspect) || Number(!known.has(a.id)) - Number(!known.has(b.id))
      || cost(a) - cost(b) || (turn.get(a.id) ?? 0) - (turn.get(b.id) ?? 0));
  }
}

class AllFailed extends Error {
  constructor(readonly reasons: readonly string[]) {
    super("all failed");
    this.name = "AllFailed";
  }
}

/** Starts the attempts one after the other, each when the one before has failed or taken too long; the first success wins. */
function firstOf<S, T>(sources: readonly S[], attempt: (source: S, later: boolean) => Promise<T>, patienceMs: (source: S) => number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const reasons: string[] = [];
    let next = 0;
    let timer: NodeJS.Timeout | undefined;
    const start = (): void => {
      clearTimeout(timer);
      const source = sources[next];
      if (source === undefined) return;
      next += 1;
      timer = setTimeout(start, patienceMs(source));
      attempt(source, next > 1).then((value) => {
        clearTimeout(timer);
        next = sources.length;
        resolve(value);
      }, (error: unknown) => {
        reasons.push(error instanceof Error ? error.message : String(error));
        if (reasons.length === sources.length) {
          clearTimeout(timer);
          reject(new AllFailed(reasons));
        } else start();
      });
    };
    start();
  });
}

function unavailable({ upload, index }: ChunkRef, reasons: readonly string[]): RequestRefused {
  const tried = reasons.length === 0 ? "no chunkserver is reachable" : `tried ${reasons.length}: ${[...new Set(reasons)].join("; ")}`;
  return new RequestRefused("chunk-unavailable", `chunk ${index} of upload ${upload} can't be read; ${tried}`, { fix: "try again at another controller, or once more chunkservers are back" });
}

function keyOf({ upload, index }: ChunkRef): string {
  return `${upload}/${index}`;
}
