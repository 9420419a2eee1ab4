/** What a chunkserver counts. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { METRIC_PREFIX } from "../node";

/** Figures that are read when somebody asks. */
export interface Gauges {
  chunks(): number;
  bytes(): number;
  freeBytes(): number;
  capacityBytes(): number;
  buffersInUse(): number;
  manifests(): number;
  controllers(): number;
}

/** What became of a request, or of a chunk. */
type Result = "ok" | "failed";

export class ChunkserverMetrics {
  readonly #writes: Counter<"result">;
  readonly #reads: Counter<"result">;
  readonly #bytesWritten: Counter;
  readonly #bytesRead: Counter;
  readonly #corrupt: Counter;
  readonly #replicated: Counter;
  readonly #removed: Counter;
  readonly #scrubbed: Counter;
  readonly #heartbeats: Counter<"result">;
  readonly #inFlight: Gauge;
  readonly #sync: Histogram;

  constructor(private readonly registry: Registry) {
    this.#writes = this.#counter("chunk_writes_total", "Chunks that were sent here", ["result"]);
    this.#reads = this.#counter("chunk_reads_total", "Chunks that were asked for", ["result"]);
    this.#bytesWritten = this.#counter("chunk_written_bytes_total", "Bytes of chunks that were stored");
    this.#bytesRead = this.#counter("chunk_read_bytes_total", "Bytes of chunks that were served");
    this.#corrupt = this.#counter("chunks_corrupt_total", "Chunks that were found damaged and put aside");
    this.#replicated = this.#counter("chunks_replicated_total", "Chunks that were pulled from other chunkservers");
    this.#removed = this.#counter("uploads_removed_total", "Uploads whose chunks were removed");
    this.#scrubbed = this.#counter("chunks_scrubbed_total", "Chunks that were verified in the background");
    this.#heartbeats = this.#counter("heartbeats_total", "Heartbeats to controllers", ["result"]);
    this.#inFlight = new Gauge({ name: `${METRIC_PREFIX}requests_in_flight`, help: "Requests of other nodes under way", registers: [registry] });
    // From what memory takes to what a disk near its end takes.
    this.#sync = new Histogram({ name: `${METRIC_PREFIX}fsync_seconds`, help: "Time of one fsync", buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5], registers: [registry] });
  }

  wrote(bytes: number): void {
    this.#writes.inc({ result: "ok" });
    this.#bytesWritten.inc(bytes);
  }

  writeFailed(): void { this.#writes.inc({ result: "failed" }); }

  read(bytes: number): void {
    this.#reads.inc({ result: "ok" });
    this.#bytesRead.inc(bytes);
  }

  readFailed(): void { this.#reads.inc({ result: "failed" }); }
  corrupt(): void { this.#corrupt.inc(); }
  replicated(): void { this.#replicated.inc(); }
  removedUpload(): void { this.#removed.inc(); }
  scrubbed(): void { this.#scrubbed.inc(); }
  heartbeat(result: Result): void { this.#heartbeats.inc({ result }); }
  requestStarted(): void { this.#inFlight.inc(); }
  requestEnded(): void { this.#inFlight.dec(); }
  synced(seconds: number): void { this.#sync.observe(seconds); }

  /** Adds the figures that are looked up. */
  watch(gauges: Gauges): void {
    this.#gauge("chunks", "Chunks on disk", () => gauges.chunks());
    this.#gauge("chunk_bytes", "Bytes of chunks on disk", () => gauges.bytes());
    this.#gauge("free_bytes", "Bytes that chunks may still take", () => gauges.freeBytes());
    this.#gauge("capacity_bytes", "Bytes that chunks may take", () => gauges.capacityBytes());
    this.#gauge("chunk_buffers_in_use", "Buffers of 4 MiB in use", () => gauges.buffersInUse());
    this.#gauge("manifests", "Records on disk, deleted names included", () => gauges.manifests());
    this.#gauge("controllers_alive", "Controllers that answer heartbeats", () => gauges.controllers());
  }

  #counter<const L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: METRIC_PREFIX + name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({ name: METRIC_PREFIX + name, help, registers: [this.registry], collect() { this.set(value()); } });
  }
}
