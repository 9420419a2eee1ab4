/** What a controller does for clients and for the cluster, built on its parts. */
import { setTimeout as delay } from "node:timers/promises";
import { CHUNK_BYTES, type FileRecord } from "../contract/record";
import { WorkQueue } from "../node";
import { Accounts } from "./accounts";
import { Authentication } from "./authentication";
import { ChunkReader } from "./chunkReader";
import type { DownloadOptions } from "./download";
import { Files } from "./files";
import { LoginGuard } from "./loginGuard";
import { BufferPool, ByteBudget } from "./memory";
import { Pause } from "./loops";
import { NameLocks } from "./nameLocks";
import type { Parts } from "./parts";
import { RequestRefused } from "./refusal";
import { Repair } from "./repair";
import { Status, type Phase } from "./status";
import { Tokens } from "./tokens";
import { Uploader } from "./upload";

/**
 * Content of uploads in memory at a time, and of downloads. What the cache holds and what is on its way together take no more than
 * the larger of `CHUNK_CACHE_MIB` and the sum of these two: the cache gives way. By default the whole process stays below 200 MB.
 */
const UPLOAD_BYTES = 6 * CHUNK_BYTES;
const DOWNLOAD_BYTES = 6 * CHUNK_BYTES;
/** A hash takes 32 MiB and a core for a fifth of a second. */
const HASHES_AT_ONCE = 1;
const HASHES_WAITING = 16;

export interface Surroundings {
  /** Passwords by user; forgotten once they are hashed. */
  readonly accounts: ReadonlyMap<string, string>;
  readonly phase: () => Phase;
  readonly address: () => string;
  readonly publish: (record: FileRecord) => Promise<void>;
  readonly push: () => Promise<void>;
}

export interface Services {
  readonly accounts: Accounts;
  readonly authentication: Authentication;
  readonly files: Files;
  readonly uploader: Uploader;
  readonly downloads: DownloadOptions;
  readonly repair: Repair;
  /** End it and repair runs at once. */
  readonly repairPause: Pause;
  readonly status: Status;
  /** Memory for content in transit. */
  readonly memory: readonly ByteBudget[];
  readonly uploadRefusal: () => RequestRefused | undefined;
}

export function createServices(parts: Parts, surroundings: Surroundings): Services {
  const { options: { settings, nodeId, log }, metrics, store, locations, index, sync, api, chunkservers, clusterTime, membership, contact, volume, monotonic } = parts;
  const contentBytes = Math.max(UPLOAD_BYTES + DOWNLOAD_BYTES, settings.chunkCacheBytes);
  const pool = new BufferPool(CHUNK_BYTES, Math.ceil(contentBytes / CHUNK_BYTES));
  const taken = (): void => reader.trim();
  const memory = { uploads: new ByteBudget(UPLOAD_BYTES, taken), downloads: new ByteBudget(DOWNLOAD_BYTES, taken) };
  const repairPause = new Pause();
  const { replicationFactor, minWriteReplicas: minReplicas } = settings;
  const now = (): number => clusterTime.now();
  const common = { chunkservers, locations, api, log, monotonic, now, delay: wait, replicationFactor, names: new NameLocks() };
  const repair = new Repair({
    ...common, self: nodeId, index, store, sync, orphanGraceMs: settings.orphanGraceMs, lastFullContact: () => contact.at,
    controllers: () => [nodeId, ...membership.members("controller").filter(({ alive }) => alive).map(({ id }) => id)],
  });
  const reader: ChunkReader = new ChunkReader({
    ...common, pool, cacheBytes: settings.chunkCacheBytes, cacheLimit: () => contentBytes - memory.uploads.used - memory.downloads.used, onCache: (hit) => metrics.cache.inc({ outcome: hit ? "hit" : "miss" }),
    onFailover: () => metrics.failovers.inc(),
    onDamage: () => {
      metrics.damaged.inc();
      repairPause.end();
    },
  });
  const uploader = new Uploader({ ...common, pool, memory: memory.uploads, minReplicas, propose: (name, state) => store.propose(name, state), publish: surroundings.publish });
  const files = new Files({ ...common, store: { get: (name) => store.get(name), files: (tags) => store.files(tags), write: (name, state) => parts.guarded(() => store.write(name, state)) }, push: surroundings.push });
  const status = new Status({
    self: { id: nodeId, address: surroundings.address }, phase: surroundings.phase, store, membership, chunkservers, clusterTime, monotonic, replicationFactor, minReplicas,
    volumeFull: () => volume.full, underReplicated: () => repair.underReplicated(),
  });
  return {
    ...createAuthentication(parts, surroundings.accounts), files, uploader, repair, repairPause, status, downloads: { reader, pool, memory: memory.downloads }, memory: [memory.uploads, memory.downloads],
    uploadRefusal: () => (volume.full ? new RequestRefused("disk-full", "this controller's volume has no room for metadata", { fix: "use another controller, or make room on its volume" }) : undefined),
  };
}

function createAuthentication({ options: { settings, log }, clusterTime, metrics, monotonic }: Parts, passwords: ReadonlyMap<string, string>): Pick<Services, "accounts" | "authentication"> {
  const { clusterKey, tokenTtlMs } = settings;
  const accounts = new Accounts({ accounts: passwords, clusterKey, queue: new WorkQueue(HASHES_AT_ONCE, HASHES_WAITING) });
  const tokens = new Tokens({ clusterKey, ttlSeconds: tokenTtlMs / 1000, now: () => clusterTime.now(), mark: (user) => accounts.mark(user) });
  return { accounts, authentication: new Authentication({ accounts, tokens, guard: new LoginGuard(monotonic), log, logins: metrics.logins }) };
}

async function wait(ms: number): Promise<void> {
  await delay(ms);
}
