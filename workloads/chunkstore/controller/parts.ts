/** What a controller knows and talks with: its database, the other nodes, and the exchange of metadata with them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Registry } from "prom-client";
import type { Clock, NodeClient } from "../contract/ports";
import { CONTROLLER_PORT } from "../contract/settings";
import {
  ClusterTime, createGossip, Membership, nodeTransport, openMetadataDatabase, openRecordStore, type Gossip, type MetadataDatabase, type MetadataStore,
} from "../metadata";
import { createDiscovery, createMetrics, systemClock, type ControllerSettings, type Discovery, type Lookup } from "../node";
import { createNodeClient, nodeTls } from "../transport";
import { chunkserverApi } from "./chunkClient";
import { Chunkservers } from "./chunkservers";
import { FileIndex } from "./fileIndex";
import { InventorySync } from "./inventorySync";
import { Locations } from "./locations";
import { createControllerMetrics, type ControllerMetrics } from "./metrics";
import type { ChunkserverApi, Log } from "./ports";
import { VolumeHealth } from "./volume";

export interface ControllerOptions {
  readonly settings: ControllerSettings;
  readonly nodeId: string;
  readonly log: Log;
  /** Address to listen at. @default every address */
  readonly host?: string;
  /** @default 8000; 0 for any */
  readonly clientPort?: number;
  /** @default 8001; the same at all controllers */
  readonly nodePort?: number;
  /** Looks aliases up. @default the system's resolver */
  readonly lookup?: Lookup;
  /** @default the machine's */
  readonly clock?: Clock;
  /** Connections to other nodes. @default over TLS with the cluster's key */
  readonly client?: NodeClient;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}

export interface Parts {
  readonly options: ControllerOptions;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly nodePort: number;
  readonly registry: Registry;
  readonly metrics: ControllerMetrics;
  readonly client: NodeClient;
  readonly api: ChunkserverApi;
  readonly volume: VolumeHealth;
  readonly store: MetadataStore;
  readonly locations: Locations;
  readonly index: FileIndex;
  readonly clusterTime: ClusterTime;
  readonly membership: Membership;
  readonly discovery: Discovery;
  readonly chunkservers: Chunkservers;
  readonly sync: InventorySync;
  readonly gossip: Gossip;
  /** Begin of the last exchange in which every known controller took part; monotonic. */
  readonly contact: { at: number };
  /** Runs what writes to the volume, and notes when there was no room. */
  guarded<T>(write: () => T): T;
  /** Ends all requests to other nodes. */
  disconnect(): Promise<void>;
  close(): void;
}

/** Opens and connects all of it; nothing listens and nothing runs by itself yet. */
export function createParts(options: ControllerOptions): Parts {
  const { settings, nodeId, log, clock = systemClock, nodePort = CONTROLLER_PORT } = options;
  const monotonic = (): number => clock.monotonic();
  mkdirSync(settings.dataDir, { recursive: true });
  const registry = createMetrics("controller", nodeId);
  const metrics = createControllerMetrics(registry);
  const volume = new VolumeHealth(settings.dataDir, log, monotonic);
  const guarded = <T>(write: () => T): T => {
    try {
      return write();
    } catch (error) {
      volume.failed(error);
      throw error;
    }
  };
  const clusterTime = new ClusterTime(clock);
  const storage = openStorage(options, clusterTime, monotonic);
  const client = options.client ?? createNodeClient({ tls: nodeTls(settings.clusterKey), nodeId });
  const api = chunkserverApi(client);
  const membership = new Membership({ self: { id: nodeId, role: "controller" }, clock, timeoutMs: settings.heartbeatTimeoutMs, log });
  const discovery = createDiscovery({ alias: settings.controllerAlias, log, ...(options.lookup && { lookup: options.lookup }) });
  const gossip = createGossip({
    store: storage.store, self: { id: nodeId, port: nodePort }, clock, clusterTime, membership, transport: nodeTransport(client), log,
    metrics: {
      sent: (records) => metrics.updatesSent.inc(records), received: (records) => metrics.updatesReceived.inc(records),
      conflict: () => metrics.conflicts.inc(), failed: () => metrics.gossipFailures.inc(), refused: () => metrics.refusedMessages.inc(),
    },
  });
  const servers = connectChunkservers({ options, clock, client, api, storage, metrics, log, volume, guarded });
  const contact = { at: Number.NEGATIVE_INFINITY };
  return { options, clock, monotonic, contact, nodePort, registry, metrics, client, api, volume, clusterTime, membership, discovery, gossip, guarded, ...storage, ...servers, disconnect: () => client.close() };
}

type Storage = Pick<Parts, "store" | "locations" | "index"> & { close(): void };

function openStorage({ settings, nodeId, log }: ControllerOptions, clusterTime: ClusterTime, monotonic: () => number): Storage {
  const file = join(settings.dataDir, "metadata.db");
  const database: MetadataDatabase = openMetadataDatabase(file, log);
  const locations = new Locations(file);
  const store = openRecordStore({ database, nodeId, time: clusterTime, tombstoneTtlMs: settings.tombstoneTtlMs, log });
  const index = new FileIndex(store, monotonic);
  const close = (): void => {
    index.close();
    store.close();
    locations.close();
    database.close();
  };
  return { store, locations, index, close };
}

interface Connection {
  readonly options: ControllerOptions;
  readonly clock: Clock;
  readonly client: NodeClient;
  readonly api: ChunkserverApi;
  readonly storage: Storage;
  readonly metrics: ControllerMetrics;
  readonly log: Log;
  readonly volume: VolumeHealth;
  readonly guarded: Parts["guarded"];
}

function connectChunkservers({ options, clock, client, api, storage, metrics, log, volume, guarded }: Connection): Pick<Parts, "chunkservers" | "sync"> {
  const { store, locations } = storage;
  const chunkservers: Chunkservers = new Chunkservers({
    clock, heartbeatTimeoutMs: options.settings.heartbeatTimeoutMs, log,
    onHeartbeat: (id) => void sync.sync(id),
    onLost: (node) => client.disconnect(node),
    onForgotten: (id) => {
      guarded(() => locations.forget(id));
      sync.forget(id);
    },
  });
  const sync: InventorySync = new InventorySync({
    chunkservers, locations, api, log,
    merge: (records) => {
      const result = guarded(() => store.merge(records));
      if (result.conflicts.length > 0) metrics.conflicts.inc(result.conflicts.length);
      for (const name of result.conflicts) log.info({ name, winner: store.get(name)?.stamp.node }, "resolved conflict");
      return result;
    },
    onError: (error) => void volume.failed(error),
  });
  return { chunkservers, sync };
}
