/** Plans a cluster without creating anything: which nodes there are, and what each is told. Pure. */
import type { CompleteArgs, NodeSize } from "./args";
import { timingVariables } from "./timings";

/**
 * Ports and network aliases of the nodes.
 * Source: workloads/chunkstore/contract/settings.ts, compared by a test.
 */
export const CLIENT_PORT = 8000;
export const ALIASES = { controller: "controller", chunkserver: "chunkserver" } as const;
/** Where nodes keep their data and find their secrets. Source: workloads/chunkstore/Dockerfile, compared by a test. */
export const DATA_DIR = "/data";
export const CLUSTER_KEY_FILE = "/run/secrets/cluster-key";
export const ACCOUNTS_FILE = "/run/secrets/accounts";

export type NodeRole = keyof typeof ALIASES;

/** One node. */
export interface PlannedNode {
  /** `<component>-controller-1`: logical name, host name, and a name that it answers to on the network. */
  readonly name: string;
  readonly role: NodeRole;
  /** From 0, within its role. */
  readonly index: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly size: NodeSize;
}

/** Controllers first. What a node is told doesn't depend on how many others there are, so that another number of them replaces none. */
export function planNodes(name: string, args: CompleteArgs): readonly PlannedNode[] {
  return [
    ...nodesOf(name, "controller", args.controllers, args.controllerSize, controllerEnvironment(args)),
    ...nodesOf(name, "chunkserver", args.chunkservers, args.chunkserverSize, chunkserverEnvironment(args)),
  ];
}

function nodesOf(name: string, role: NodeRole, count: number, size: NodeSize, environment: Readonly<Record<string, string>>): readonly PlannedNode[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${name}-${role}-${index + 1}`, role, index, environment, size }));
}

/** Chunkservers that must have an upload on disk before it is acknowledged: two, or as many as there are to be. */
export function minWriteReplicas({ replicationFactor, chunkservers }: Pick<CompleteArgs, "replicationFactor" | "chunkservers">): number {
  return Math.min(2, replicationFactor === "all" ? chunkservers : replicationFactor);
}

function controllerEnvironment(args: CompleteArgs): Readonly<Record<string, string>> {
  return {
    ...commonEnvironment(args, "controller"),
    REPLICATION_FACTOR: String(args.replicationFactor),
    MIN_WRITE_REPLICAS: String(minWriteReplicas(args)),
    ...(args.chunkCacheMiB !== undefined && { CHUNK_CACHE_MIB: String(args.chunkCacheMiB) }),
  };
}

function chunkserverEnvironment(args: CompleteArgs): Readonly<Record<string, string>> {
  return {
    ...commonEnvironment(args, "chunkserver"),
    ...(args.chunkserverCapacityMiB !== undefined && { CAPACITY_MIB: String(args.chunkserverCapacityMiB) }),
  };
}

/** No node ID: a node makes its own at its first start, and keeps it on its volume. */
function commonEnvironment(args: CompleteArgs, role: NodeRole): Readonly<Record<string, string>> {
  return { ...timingVariables(args, role), ...(args.logLevel !== undefined && { LOG_LEVEL: args.logLevel }) };
}
