/** Settings that every node reads from its environment; the image sets the paths, the deployment the rest. There is no config file. */

/** Port of `/health`, `/metrics` and, on controllers, of the clients' API. Plain HTTP. */
export const CLIENT_PORT = 8000;
/** Port of controllers for other nodes: TLS with the cluster's pre-shared key. */
export const CONTROLLER_PORT = 8001;
/** Port of chunkservers for controllers and for each other: TLS with the cluster's pre-shared key. */
export const CHUNKSERVER_PORT = 50_051;

/** Network aliases that all nodes of a role answer to. */
export const CONTROLLER_ALIAS = "controller";
export const CHUNKSERVER_ALIAS = "chunkserver";

/** Defaults, in seconds unless the name says otherwise. Every one is a variable of the same name in the environment. */
export const DEFAULTS = {
  /** Chunkserver → every controller. */
  HEARTBEAT_INTERVAL: 1,
  /** A node that was not heard of for so long counts as failed. */
  HEARTBEAT_TIMEOUT: 6,
  /** Controller → every other controller. */
  GOSSIP_INTERVAL: 2,
  /** Digests of all metadata are compared, with controllers and with chunkservers' manifests. */
  ANTI_ENTROPY_INTERVAL: 30,
  /** Missing replicas are looked for and made. */
  REPAIR_INTERVAL: 5,
  /** Chunkserver: pause between two verifications of all chunks on disk. */
  SCRUB_INTERVAL: 3_600,
  /** Lifetime of a login. */
  TOKEN_TTL: 28_800,
  /** Chunks of an upload that no record names are removed after so long without a new one. */
  ORPHAN_GRACE: 3_600,
  /** Chunks of a file that was overwritten stay so long, for downloads that are under way. */
  REPLACED_GRACE: 60,
  /** How long a deleted name is remembered. A controller that was away for longer than this must come back with an empty volume. */
  TOMBSTONE_TTL: 604_800,
  /** Controller: memory for chunks that were read lately, in MiB. */
  CHUNK_CACHE_MIB: 48,
} as const;

/**
 * Variables without a default in {@link DEFAULTS}:
 * - `CONTROLLER_NODE_ID`, `CHUNKSERVER_NODE_ID`: @default `hostname-timestamp`, made at the first start and kept on the volume
 * - `REPLICATION_FACTOR`: `all` (default) or a number from 1
 * - `MIN_WRITE_REPLICAS`: chunkservers that must have fsynced an upload before it is acknowledged. @default min(2, REPLICATION_FACTOR);
 *   with `all`: 2
 * - `DATA_DIR`: the volume. @default `/data`
 * - `CLUSTER_KEY_FILE`: at least 32 bytes of secret text. @default `/run/secrets/cluster-key`
 * - `ACCOUNTS_FILE`: JSON `{ "<user>": "<password>" }`, on controllers only. @default `/run/secrets/accounts`
 * - `CONTROLLER_ALIAS`, `CHUNKSERVER_ALIAS`: names to look up. @default as above
 * - `LOG_LEVEL`: pino's levels. @default `info`
 * - `RUN_AS`: `<uid>:<gid>` that a node becomes once it has read its secrets, if it starts as root. @default stays who it is
 * - `DISK_RESERVE_MIB`: room that chunks leave free on a chunkserver's disk. @default the larger one of 1% of the disk and 64
 * - `CAPACITY_MIB`: most that chunks may take there. @default what the disk has
 */
export const OTHER_VARIABLES = [
  "CONTROLLER_NODE_ID", "CHUNKSERVER_NODE_ID", "REPLICATION_FACTOR", "MIN_WRITE_REPLICAS", "DATA_DIR", "CLUSTER_KEY_FILE", "ACCOUNTS_FILE",
  "CONTROLLER_ALIAS", "CHUNKSERVER_ALIAS", "LOG_LEVEL", "RUN_AS", "DISK_RESERVE_MIB", "CAPACITY_MIB",
] as const;
