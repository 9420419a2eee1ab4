/** One node as a container: closed by default, its secrets as files that only it can read. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import type { CompleteArgs, PublishedPorts } from "./args";
import { DOCKER_DEFAULTS } from "./args";
import { ACCOUNTS_FILE, ALIASES, CLIENT_PORT, CLUSTER_KEY_FILE, DATA_DIR, type NodeRole, type PlannedNode } from "./plan";

/** What a node runs on. */
export interface NodeGround {
  readonly args: CompleteArgs;
  readonly parent: pulumi.Resource;
  readonly network: docker.Network;
  /** ID of the image on the node's engine. */
  readonly imageId: pulumi.Input<string>;
  /** Of the node's engine; undefined for the component's own. */
  readonly provider: docker.Provider | undefined;
  /** The node's volume; undefined when it keeps its data in the container. */
  readonly volume: docker.Volume | undefined;
  /** The node that must be healthy before this one is touched; undefined when it may be touched at any time. */
  readonly after: docker.Container | undefined;
}

/** User and group of the image; the owner of what is uploaded. Source: workloads/chunkstore/Dockerfile, compared by a test. */
export const NODE_USER = "10001";

/** Seconds between the stop signal and SIGKILL; nodes end within 4. */
const STOP_SECONDS = 10;
/** Docker's default of the period to which a quota of processor time belongs, in microseconds. */
const CPU_PERIOD_US = 100_000;
/** Longest wait for a node's health, in seconds. A chunkserver lists its chunks first, which takes a minute for some millions. */
const WAIT_SECONDS = 180;

/** Creates the container of a node; it is up when its own health check says so. */
export function createNode(node: PlannedNode, ground: NodeGround): docker.Container {
  const { after, args, network, provider, parent, volume } = ground;
  const { publish } = args.platform;
  return new docker.Container(node.name, ...child(args.transform?.[node.role], {
    image: ground.imageId, command: [node.role], hostname: node.name,
    envs: Object.entries(node.environment).map(([key, value]) => `${key}=${value}`).sort(),
    networksAdvanced: [{ name: network.name, aliases: [ALIASES[node.role], node.name] }],
    ...(volume && { volumes: [{ volumeName: volume.name, containerPath: DATA_DIR }] }),
    uploads: secretFiles(node.role, args),
    ...(node.role === "controller" && publish && { ports: [{ internal: CLIENT_PORT, external: publishedPort(node, publish), ip: publish.address ?? DOCKER_DEFAULTS.address, protocol: "tcp" }] }),
    ...lifecycle(),
    ...confinement(node),
  }, {
    parent, ...(provider && { provider }),
    // The engine asks for this node's turn only when that one is done, be it a create or a replacement.
    ...(after && { dependsOn: after }),
    // The SDK doesn't know that what is in the files is secret.
    additionalSecretOutputs: ["uploads"],
    // The provider takes note of another quota, and leaves the container as it is.
    replaceOnChanges: ["cpuPeriod", "cpuQuota"],
    // Volume and port can't be used twice.
    deleteBeforeReplace: true,
  }));
}

/** The port of the machine under which a controller answers. */
export function publishedPort(node: Pick<PlannedNode, "index">, publish: PublishedPorts): number {
  return publish.firstPort + node.index;
}

/** A node that a drill or an operator has stopped stays stopped; one that failed starts again. */
function lifecycle(): Partial<docker.ContainerArgs> {
  return {
    restart: "unless-stopped", init: true, stopTimeout: STOP_SECONDS, destroyGraceSeconds: STOP_SECONDS, wait: true, waitTimeout: WAIT_SECONDS,
    // Without `startInterval`, which engines before 25 refuse: so the first check comes after one interval.
    healthcheck: { tests: ["CMD", "node", "healthcheck.js"], interval: "4s", timeout: "5s", startPeriod: "30s", retries: 3 },
    logDriver: "json-file", logOpts: { "max-size": "10m", "max-file": "3" },
  };
}

/**
 * Limits and rights. The root file system is not marked read-only: an engine puts no file into such a container, and the secrets
 * come that way. The node can write to none of it all the same, as all of it is root's, and no right lets it become root.
 */
function confinement({ size }: PlannedNode): Partial<docker.ContainerArgs> {
  return {
    user: `${NODE_USER}:${NODE_USER}`, capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges:true"],
    // No swap: a node that swaps misses its heartbeats.
    memory: size.memoryMiB, memorySwap: size.memoryMiB,
    // Not `cpus`: the provider reads "1" back as "1.0", and every update would replace the container.
    cpuPeriod: CPU_PERIOD_US, cpuQuota: Math.round(size.cpus * CPU_PERIOD_US),
    tmpfs: { "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777" },
  };
}

interface SecretFile { readonly file: string; readonly content: pulumi.Output<string>; readonly permissions: string; readonly owner: string; readonly group: string }

/** Files instead of variables, which every `docker inspect` and every child process shows. Only controllers know the accounts. */
function secretFiles(role: NodeRole, { clusterKey, accounts }: CompleteArgs): SecretFile[] {
  const secret = (file: string, content: pulumi.Input<string>): SecretFile => ({ file, content: pulumi.secret(content), permissions: "0400", owner: NODE_USER, group: NODE_USER });
  const key = secret(CLUSTER_KEY_FILE, clusterKey);
  return role === "controller" ? [key, secret(ACCOUNTS_FILE, pulumi.jsonStringify(accounts))] : [key];
}
