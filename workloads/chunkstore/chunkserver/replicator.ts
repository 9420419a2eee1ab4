/** Gets chunks that are missing here from other chunkservers. */
import type { ReplicateReply, ReplicateRequest } from "../contract/nodeApi";
import { WorkQueue } from "../node";
import { NodeRefusal, type Log } from "../transport";
import type { ChunkDisk, NewChunk } from "./chunkDisk";
import type { OpenChunk } from "./chunkSource";
import { eachLimited } from "./keyedLocks";
import type { ChunkserverMetrics } from "./metrics";

/** Chunks that are pulled or verified at once, over all requests: repair must leave disk and network to readers. */
const PARALLEL = 4;
/** In whose name memory and disk are shared with other nodes' requests. */
const HOLDER = " replication";

export interface ReplicatorParts {
  readonly disk: Pick<ChunkDisk, "put" | "verify" | "inventory">;
  readonly open: OpenChunk;
  readonly metrics: Pick<ChunkserverMetrics, "replicated">;
  readonly log: Log;
}

type Wanted = ReplicateRequest["chunks"][number];
type Outcome = "present" | "pulled" | { readonly reason: string };

export class Replicator {
  readonly #limiter = new WorkQueue(PARALLEL);
  /** Two controllers may ask for the same chunk at once; it is pulled once. */
  readonly #pulling = new Map<string, Promise<Outcome>>();

  constructor(private readonly parts: ReplicatorParts) {}

  /** Makes sure that the chunks are here and good; never rejects but when the signal aborts. */
  async replicate(upload: string, { chunks, sources }: ReplicateRequest, signal: AbortSignal): Promise<ReplicateReply> {
    const stored: number[] = [];
    const failed: ReplicateReply["failed"] = [];
    let pulled = 0;
    await eachLimited(chunks, PARALLEL, async (chunk) => {
      signal.throwIfAborted();
      const outcome = await this.#once({ ...chunk, upload }, sources, signal);
      if (typeof outcome === "object") failed.push({ index: chunk.index, reason: outcome.reason });
      else stored.push(chunk.index);
      if (outcome === "pulled") pulled += 1;
    });
    if (pulled > 0) this.parts.log.info({ upload, chunks: pulled }, "replicated");
    if (failed.length > 0) this.parts.log.warn({ upload, chunks: failed.length, reason: failed[0]?.reason }, "could not replicate");
    return { stored: stored.sort((a, b) => a - b), failed: failed.sort((a, b) => a.index - b.index) };
  }

  async #once(chunk: Wanted & { readonly upload: string }, sources: ReplicateRequest["sources"], signal: AbortSignal): Promise<Outcome> {
    const key = `${chunk.upload}/${chunk.index}/${chunk.sha256}`;
    const running = this.#pulling.get(key);
    if (running !== undefined) {
      const outcome = await running;
      return outcome === "pulled" ? "present" : outcome;
    }
    const mine = this.#limiter.run(() => this.#make(chunk, sources, signal)).finally(() => this.#pulling.delete(key));
    this.#pulling.set(key, mine);
    return mine;
  }

  async #make(chunk: NewChunk, sources: ReplicateRequest["sources"], signal: AbortSignal): Promise<Outcome> {
    const { disk, metrics } = this.parts;
    try {
      const held = disk.inventory.get(chunk.upload, chunk.index);
      if (held !== undefined && held.value.sha256 !== chunk.sha256) return { reason: "chunk-conflict: another chunk is stored at this index of the upload" };
      if (held !== undefined && await disk.verify(chunk.upload, chunk.index, HOLDER)) return "present";
      const reason = await this.#pull(chunk, sources, signal);
      if (reason !== undefined) return { reason };
      metrics.replicated();
      return "pulled";
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  }

  /** Asks one source after the other; undefined once the chunk is here, or what each of them failed with. */
  async #pull(chunk: NewChunk, sources: ReplicateRequest["sources"], signal: AbortSignal): Promise<string | undefined> {
    const reasons: string[] = [];
    for (const source of sources) {
      if (signal.aborted) return "the request was given up";
      try {
        await this.parts.disk.put(chunk, await this.parts.open(source, chunk.upload, chunk.index, signal), HOLDER);
        return undefined;
      } catch (error) {
        reasons.push(`${source.id}: ${reasonOf(error)}`);
        // Nothing that another source could do better.
        if (error instanceof NodeRefusal && (error.statusCode === 507 || error.statusCode === 409)) break;
      }
    }
    return reasons.length === 0 ? "no source was named" : reasons.join("; ").slice(0, 500);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof NodeRefusal) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
