/** A chunkserver: its disk, its server, its heartbeats, and what it does in the background. */
import type { Registry } from "prom-client";
import type { Health } from "../contract/clientApi";
import type { Heartbeat } from "../contract/nodeApi";
import type { Clock, NodeClient } from "../contract/ports";
import { CHUNKSERVER_PORT, CLIENT_PORT, CONTROLLER_PORT } from "../contract/settings";
import { ClusterTime } from "../metadata";
import { createDiscovery, createMetrics, handshakeCounter, startHealthServer, systemClock, VERSION, type ChunkserverSettings, type HealthServer, type Lookup } from "../node";
import { createNodeClient, createNodeServer, nodeTls, type Log, type NodeServer } from "../transport";
import { ChunkBuffers } from "./buffers";
import { chunkSource } from "./chunkSource";
import { ChunkDisk } from "./chunkDisk";
import { DiskHealth } from "./diskHealth";
import { DurableFiles, realFiles, type FileSystem } from "./files";
import { Heartbeats } from "./heartbeats";
import { Layout } from "./layout";
import { loadVolume, measureChunks, prepareVolume, type Volume } from "./load";
import { ManifestDisk } from "./manifestDisk";
import { ChunkserverMetrics } from "./metrics";
import { Quarantine } from "./quarantine";
import { Reaper } from "./reaper";
import { Replicator } from "./replicator";
import { addRoutes } from "./routes";
import { Scrubber } from "./scrubber";
import { Space } from "./space";

export interface ChunkserverOptions {
  readonly settings: ChunkserverSettings;
  readonly nodeId: string;
  readonly log: Log;
  /** Address that both servers bind to. @default all */
  readonly host?: string;
  /** @default 50051; 0 for any */
  readonly port?: number;
  /** Of `/health` and `/metrics`. @default 8000; 0 for any */
  readonly healthPort?: number;
  /** Of the controllers that DNS tells of. @default 8001 */
  readonly controllerPort?: number;
  readonly lookup?: Lookup;
  readonly clock?: Clock;
  readonly fs?: FileSystem;
  /** Gives up starting. */
  readonly signal?: AbortSignal;
}

/** A running chunkserver. */
export interface Chunkserver {
  readonly nodeId: string;
  /** For other nodes. */
  readonly port: number;
  readonly healthPort: number;
  readonly scrubber: Scrubber;
  readonly metrics: Registry;
  health(): Health;
  /** Says that it is stopping, lets requests that are under way finish, and closes everything. */
  close(): Promise<void>;
}

/** Deleted names whose time has come are looked for so often. */
const PRUNE_MS = 60_000;

/**
 * Starts a chunkserver; resolves when it serves. `/health` answers from the beginning. The volume's lock is the caller's business.
 * @throws when the volume can't be read, or a port is taken; everything is closed then
 */
export async function startChunkserver(options: ChunkserverOptions): Promise<Chunkserver> {
  const node = new Node(options);
  try {
    await node.start(options.signal ?? new AbortController().signal);
    return node;
  } catch (error) {
    await node.close();
    throw error;
  }
}

interface Disk extends Volume { readonly space: Space; readonly buffers: ChunkBuffers; readonly health: DiskHealth; readonly reaper: Reaper }

class Node implements Chunkserver {
  readonly nodeId: string;
  readonly metrics: Registry;
  readonly scrubber: Scrubber;
  port: number;
  healthPort: number;
  readonly #options: ChunkserverOptions;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #figures: ChunkserverMetrics;
  readonly #disk: Disk;
  readonly #client: NodeClient;
  readonly #time: ClusterTime;
  readonly #heartbeats: Heartbeats;
  readonly #stop = new AbortController();
  #state: "starting" | "running" | "stopping" = "starting";
  #server: NodeServer | undefined;
  #healthServer: HealthServer | undefined;
  #prune: NodeJS.Timeout | undefined;
  #wasFull = false;

  constructor(options: ChunkserverOptions) {
    const { settings, nodeId, log, clock = systemClock } = options;
    this.#options = options;
    this.nodeId = nodeId;
    this.port = options.port ?? CHUNKSERVER_PORT;
    this.healthPort = options.healthPort ?? CLIENT_PORT;
    this.#clock = clock;
    this.#started = clock.monotonic();
    this.metrics = createMetrics("chunkserver", nodeId);
    this.#figures = new ChunkserverMetrics(this.metrics);
    this.#client = createNodeClient({ tls: nodeTls(settings.clusterKey), nodeId });
    this.#disk = openDisk(options, clock, this.#figures);
    this.#time = new ClusterTime(clock);
    this.#heartbeats = new Heartbeats({
      client: this.#client, discovery: createDiscovery({ alias: settings.controllerAlias, log, ...(options.lookup && { lookup: options.lookup }) }),
      describe: () => this.#describe(), controllerPort: options.controllerPort ?? CONTROLLER_PORT, intervalMs: settings.heartbeatIntervalMs,
      timeoutMs: settings.heartbeatTimeoutMs, clock, time: this.#time, metrics: this.#figures, log,
    });
    this.scrubber = new Scrubber({ disk: this.#disk.chunks, manifests: this.#disk.manifests, metrics: this.#figures, log, intervalMs: settings.scrubIntervalMs });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { log, settings, host = "0.0.0.0" } = this.#options;
    const disk = this.#disk;
    this.#watch();
    this.#healthServer = await startHealthServer({ health: () => this.health(), metrics: this.metrics }, log, { host, port: this.healthPort });
    this.healthPort = this.#healthServer.port;
    await prepareVolume(disk.layout, disk.files);
    await loadVolume(disk, signal);
    await disk.space.refresh();
    const measured = measureChunks(disk, this.#stop.signal).catch((error: unknown) => log.error({ err: error }, "the sizes of chunks can't be read"));
    if (settings.capacityBytes !== undefined) await measured;
    signal.throwIfAborted();
    await this.#serve(host);
    this.#state = "running";
    log.info({ port: this.port, chunks: disk.chunks.inventory.chunks, manifests: disk.manifests.count, freeBytes: disk.space.freeBytes }, "chunkserver started");
    this.#heartbeats.start();
    void this.scrubber.run(this.#stop.signal);
    this.#prune = setInterval(() => void this.#pruneDeleted(), PRUNE_MS);
    this.#prune.unref();
  }

  health(): Health {
    const reasons = this.#state === "running" ? [...this.#disk.health.reasons, ...(this.#heartbeats.living === 0 ? ["no-controllers"] : [])] : [];
    return {
      status: this.#state === "running" ? (reasons.length > 0 ? "degraded" : "ok") : this.#state,
      role: "chunkserver", nodeId: this.nodeId, version: VERSION, uptimeSeconds: Math.round((this.#clock.monotonic() - this.#started) / 1000),
      controllers: this.#heartbeats.living, chunkservers: 1, reasons,
    };
  }

  async close(): Promise<void> {
    if (this.#state === "stopping") return;
    this.#state = "stopping";
    this.#heartbeats.stop();
    this.#stop.abort(new Error("stopping"));
    clearInterval(this.#prune);
    this.#disk.reaper.close();
    await this.#server?.close();
    await this.#client.close();
    await this.#healthServer?.close();
  }

  async #serve(host: string): Promise<void> {
    const { log, settings } = this.#options;
    const failures = handshakeCounter(this.metrics);
    const server = createNodeServer({ tls: nodeTls(settings.clusterKey), log, onHandshakeFailure: () => failures.inc() });
    this.#server = server;
    const { chunks: disk, manifests } = this.#disk;
    const replicator = new Replicator({ disk, open: chunkSource(this.#client), metrics: this.#figures, log });
    addRoutes(server, { disk, manifests, replicator, metrics: this.#figures, log });
    await server.listen({ host, port: this.port });
    const address = server.server.address();
    if (typeof address === "object" && address !== null) this.port = address.port;
  }

  async #describe(): Promise<Heartbeat> {
    const { space, chunks, manifests } = this.#disk;
    await space.refresh();
    this.#tellRoom();
    return {
      id: this.nodeId, port: this.port, capacityBytes: space.capacityBytes, freeBytes: space.freeBytes, chunks: chunks.inventory.chunks, full: space.full,
      inventory: chunks.inventory.head, manifests: manifests.head, now: this.#clock.now(),
    };
  }

  #tellRoom(): void {
    const { space } = this.#disk;
    if (space.full === this.#wasFull) return;
    this.#wasFull = space.full;
    const fields = { freeBytes: space.freeBytes, capacityBytes: space.capacityBytes };
    if (space.full) this.#options.log.warn(fields, "no room for more chunks");
    else this.#options.log.info(fields, "there is room for chunks again");
  }

  async #pruneDeleted(): Promise<void> {
    try {
      const pruned = await this.#disk.manifests.prune(this.#time.now() - this.#options.settings.tombstoneTtlMs);
      if (pruned > 0) this.#options.log.info({ names: pruned }, "forgot names that were deleted long ago");
    } catch (error) {
      this.#options.log.error({ err: error }, "names that were deleted long ago can't be forgotten");
    }
  }

  #watch(): void {
    const { space, chunks, manifests, buffers } = this.#disk;
    this.#figures.watch({
      chunks: () => chunks.inventory.chunks, bytes: () => space.usedBytes, freeBytes: () => space.freeBytes, capacityBytes: () => space.capacityBytes,
      buffersInUse: () => buffers.used, manifests: () => manifests.count, controllers: () => this.#heartbeats.living,
    });
  }
}

/** The parts of the disk; nothing is read yet. */
function openDisk({ settings, log, fs = realFiles }: ChunkserverOptions, clock: Clock, metrics: ChunkserverMetrics): Disk {
  const layout = new Layout(settings.dataDir);
  const files = new DurableFiles(fs, (seconds) => metrics.synced(seconds));
  const space = new Space({ folder: settings.dataDir, fs, clock, reserveBytes: settings.diskReserveBytes, capacityBytes: settings.capacityBytes });
  const health = new DiskHealth(space, clock, log);
  const quarantine = new Quarantine(layout.quarantine, fs, log);
  const buffers = new ChunkBuffers();
  const chunks = new ChunkDisk({ layout, files, space, buffers, quarantine, health, metrics, clock, log });
  const reaper: Reaper = new Reaper({ disk: chunks, manifests: () => manifests, log, replacedGraceMs: settings.replacedGraceMs });
  const manifests = new ManifestDisk({ layout, files, quarantine, health, log, superseded: (upload, by) => reaper.superseded(upload, by) });
  return { layout, files, space, buffers, health, chunks, manifests, quarantine, reaper, log };
}
