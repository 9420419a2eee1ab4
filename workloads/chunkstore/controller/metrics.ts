/** The controller's figures for Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { METRIC_PREFIX } from "../node";

/** What is read when the figures are asked for. */
export interface MetricSources {
  readonly controllersAlive: () => number;
  readonly chunkserversAlive: () => number;
  readonly underReplicated: () => number;
  readonly files: () => number;
  readonly uploadsActive: () => number;
  readonly downloadsActive: () => number;
  readonly transitBytes: () => number;
  readonly clockOffsetSeconds: () => number;
}

export type ControllerMetrics = ReturnType<typeof createControllerMetrics>;

export function createControllerMetrics(registry: Registry) {
  const counter = (name: string, help: string): Counter => new Counter({ name: `${METRIC_PREFIX}${name}`, help, registers: [registry] });
  const outcomes = (name: string, help: string): Counter<"outcome"> => new Counter({ name: `${METRIC_PREFIX}${name}`, help, labelNames: ["outcome"], registers: [registry] });
  const seconds = (name: string, help: string): Histogram => new Histogram({ name: `${METRIC_PREFIX}${name}`, help, buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60], registers: [registry] });
  return {
    uploads: outcomes("uploads_total", "Uploads, by how they ended"),
    uploadBytes: counter("upload_bytes_total", "Bytes of files that were stored"),
    uploadSeconds: seconds("upload_seconds", "Time from an upload's request to its acknowledgement"),
    downloads: outcomes("downloads_total", "Downloads, by how they ended"),
    downloadBytes: counter("download_bytes_total", "Bytes sent to clients"),
    deletes: counter("deletes_total", "Files deleted through this controller"),
    cache: outcomes("chunk_cache_reads_total", "Reads of chunks, by whether they were in memory"),
    failovers: counter("read_failovers_total", "Chunks that were asked of another chunkserver, because the one before failed or was slow"),
    damaged: counter("damaged_chunks_total", "Reads that found a copy lost or corrupt"),
    gossipSeconds: seconds("gossip_round_seconds", "Duration of a gossip round"),
    antiEntropySeconds: seconds("anti_entropy_round_seconds", "Duration of an anti-entropy round"),
    updatesSent: counter("gossip_updates_sent_total", "Records sent to other controllers"),
    updatesReceived: counter("gossip_updates_received_total", "Records received from other controllers"),
    gossipFailures: counter("gossip_failures_total", "Exchanges with other controllers that failed"),
    refusedMessages: counter("refused_messages_total", "Messages of other nodes that made no sense"),
    conflicts: counter("conflicts_total", "Concurrent writes of a name, resolved by last writer wins"),
    heartbeats: counter("heartbeats_received_total", "Heartbeats of chunkservers"),
    repairSeconds: seconds("repair_cycle_seconds", "Duration of a repair cycle"),
    repairedChunks: counter("repaired_chunks_total", "Chunks that were replicated by repair"),
    orphansRemoved: counter("orphans_removed_total", "Uploads without a record whose chunks were removed"),
    logins: outcomes("logins_total", "Attempts to log in, by outcome"),
  };
}

/** Figures that are read when they are asked for. */
export function addGauges(registry: Registry, sources: MetricSources): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({ name: `${METRIC_PREFIX}${name}`, help, registers: [registry], collect() { this.set(value()); } });
  };
  gauge("controllers_alive", "Controllers that are heard of, this one included", sources.controllersAlive);
  gauge("chunkservers_alive", "Chunkservers that are heard of", sources.chunkserversAlive);
  gauge("under_replicated_chunks", "Chunks with fewer living replicas than there should be", sources.underReplicated);
  gauge("files", "Live files", sources.files);
  gauge("uploads_active", "Uploads under way", sources.uploadsActive);
  gauge("downloads_active", "Downloads under way", sources.downloadsActive);
  gauge("transit_bytes", "Content in memory on its way to or from chunkservers", sources.transitBytes);
  gauge("clock_offset_seconds", "This machine's clock minus the cluster's", sources.clockOffsetSeconds);
}
