/** A node's settings, read from its environment once at start; what is wrong is told all at once. */
import { DEFAULTS } from "../contract/settings";
import { Reader, type Environment } from "./reader";

export { SettingsError, type Environment } from "./reader";

export type Role = "controller" | "chunkserver";

/** User and group that the process becomes once its secrets are read. */
export interface RunAs { readonly uid: number; readonly gid: number }

/** Of both roles. Durations in milliseconds. */
export interface CommonSettings {
  /** `CONTROLLER_NODE_ID` or `CHUNKSERVER_NODE_ID`; undefined: kept on the volume. */
  readonly nodeId: string | undefined;
  readonly dataDir: string;
  /** What the cluster key file holds, without white space around it. Never log it. */
  readonly clusterKey: Buffer;
  readonly controllerAlias: string;
  readonly chunkserverAlias: string;
  readonly logLevel: LogLevel;
  /** `RUN_AS`, `<uid>:<gid>`: for a process that starts as root because only root can read its secrets. */
  readonly runAs: RunAs | undefined;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly tombstoneTtlMs: number;
  readonly replacedGraceMs: number;
  readonly orphanGraceMs: number;
}

export interface ControllerSettings extends CommonSettings {
  readonly role: "controller";
  readonly accountsFile: string;
  /** Text of the accounts file, not checked. Holds passwords: never log it. */
  readonly accounts: string;
  readonly replicationFactor: number | "all";
  readonly minWriteReplicas: number;
  readonly gossipIntervalMs: number;
  readonly antiEntropyIntervalMs: number;
  readonly repairIntervalMs: number;
  readonly tokenTtlMs: number;
  readonly chunkCacheBytes: number;
}

export interface ChunkserverSettings extends CommonSettings {
  readonly role: "chunkserver";
  readonly scrubIntervalMs: number;
  /** `DISK_RESERVE_MIB`: room that chunks leave free, in bytes. @default undefined: the larger one of 1% of the disk and 64 MiB */
  readonly diskReserveBytes: number | undefined;
  /** `CAPACITY_MIB`: most that chunks may take, in bytes. @default undefined: what the disk has */
  readonly capacityBytes: number | undefined;
}

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MIB = 1024 * 1024;
/** What a chunkserver must have at least to be of use: one chunk of 4 MiB. */
const LEAST_CAPACITY_MIB = 4;

/**
 * Reads all settings of a role, the secrets' files included.
 * @throws {SettingsError} with every fault; no secret is quoted
 */
export function readSettings(environment: Environment, role: "controller"): ControllerSettings;
export function readSettings(environment: Environment, role: "chunkserver"): ChunkserverSettings;
export function readSettings(environment: Environment, role: Role): ControllerSettings | ChunkserverSettings {
  const reader = new Reader(environment);
  const common = readCommon(reader, role);
  const settings = role === "controller" ? { ...common, ...readController(reader) } : { ...common, ...readChunkserver(reader) };
  reader.finish();
  return settings;
}

function readCommon(reader: Reader, role: Role): CommonSettings {
  const interval = reader.seconds("HEARTBEAT_INTERVAL", DEFAULTS.HEARTBEAT_INTERVAL, { least: 0.05 });
  const timeout = reader.seconds("HEARTBEAT_TIMEOUT", DEFAULTS.HEARTBEAT_TIMEOUT, { least: 0.1 });
  if (timeout < 2 * interval) reader.fault("HEARTBEAT_TIMEOUT", `${timeout / 1000} s`, `at least twice HEARTBEAT_INTERVAL, ${interval / 500} s, so that one lost heartbeat is no failure`);
  return {
    nodeId: reader.nodeId(role === "controller" ? "CONTROLLER_NODE_ID" : "CHUNKSERVER_NODE_ID"),
    dataDir: reader.path("DATA_DIR", "/data"),
    clusterKey: reader.clusterKey("CLUSTER_KEY_FILE", "/run/secrets/cluster-key"),
    controllerAlias: reader.alias("CONTROLLER_ALIAS", "controller"),
    chunkserverAlias: reader.alias("CHUNKSERVER_ALIAS", "chunkserver"),
    logLevel: reader.oneOf("LOG_LEVEL", LOG_LEVELS, "info"),
    runAs: reader.runAs("RUN_AS"),
    heartbeatIntervalMs: interval,
    heartbeatTimeoutMs: timeout,
    tombstoneTtlMs: reader.seconds("TOMBSTONE_TTL", DEFAULTS.TOMBSTONE_TTL, { least: 1 }),
    replacedGraceMs: reader.seconds("REPLACED_GRACE", DEFAULTS.REPLACED_GRACE, { least: 0 }),
    orphanGraceMs: reader.seconds("ORPHAN_GRACE", DEFAULTS.ORPHAN_GRACE, { least: 60 }),
  };
}

function readController(reader: Reader): Omit<ControllerSettings, keyof CommonSettings> {
  const replicationFactor = reader.allOrNumber("REPLICATION_FACTOR", "all");
  const wanted = replicationFactor === "all" ? 2 : Math.min(2, replicationFactor);
  const minWriteReplicas = reader.whole("MIN_WRITE_REPLICAS", wanted, { least: 1 });
  if (replicationFactor !== "all" && minWriteReplicas > replicationFactor) {
    reader.fault("MIN_WRITE_REPLICAS", String(minWriteReplicas), `at most REPLICATION_FACTOR, ${replicationFactor}`);
  }
  const accountsFile = reader.path("ACCOUNTS_FILE", "/run/secrets/accounts");
  return {
    role: "controller", replicationFactor, minWriteReplicas, accountsFile,
    accounts: reader.secretText("ACCOUNTS_FILE", accountsFile),
    gossipIntervalMs: reader.seconds("GOSSIP_INTERVAL", DEFAULTS.GOSSIP_INTERVAL, { least: 0.05 }),
    antiEntropyIntervalMs: reader.seconds("ANTI_ENTROPY_INTERVAL", DEFAULTS.ANTI_ENTROPY_INTERVAL, { least: 0.1 }),
    repairIntervalMs: reader.seconds("REPAIR_INTERVAL", DEFAULTS.REPAIR_INTERVAL, { least: 0.1 }),
    tokenTtlMs: reader.seconds("TOKEN_TTL", DEFAULTS.TOKEN_TTL, { least: 1 }),
    chunkCacheBytes: reader.whole("CHUNK_CACHE_MIB", DEFAULTS.CHUNK_CACHE_MIB, { least: 0 }) * MIB,
  };
}

function readChunkserver(reader: Reader): Omit<ChunkserverSettings, keyof CommonSettings> {
  const reserve = reader.optionalWhole("DISK_RESERVE_MIB", { least: 0 });
  const capacity = reader.optionalWhole("CAPACITY_MIB", { least: LEAST_CAPACITY_MIB });
  return {
    role: "chunkserver",
    scrubIntervalMs: reader.seconds("SCRUB_INTERVAL", DEFAULTS.SCRUB_INTERVAL, { least: 0.1 }),
    diskReserveBytes: reserve === undefined ? undefined : reserve * MIB,
    capacityBytes: capacity === undefined ? undefined : capacity * MIB,
  };
}
