/** Arguments of a chunk store cluster: what they mean, and their defaults. Docker's words are in `platform` alone. */
import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { Transform } from "../arguments";
import type { Timings } from "./timings";

/** What one node may take of its machine. */
export interface NodeSize {
  /** Most memory in MiB, at least 256; a node that takes more is ended. Changes in place. */
  readonly memoryMiB: number;
  /** Processors' worth of time, at least 0.1; may be a fraction. A change replaces the nodes. */
  readonly cpus: number;
}

export interface ChunkStoreClusterArgs extends Timings {
  /** Secret that all nodes share and prove to each other: text of at least 32 bytes. Who holds it is a node. */
  readonly clusterKey: pulumi.Input<string>;
  /** Passwords of the clients' accounts by user name; at least one. A change replaces the controllers. */
  readonly accounts: Readonly<Record<string, pulumi.Input<string>>>;
  /** Nodes that serve clients and hold the metadata, 1 to 99. @default 3 */
  readonly controllers?: number;
  /** Nodes that hold the chunks, 1 to 99. Remove them one at a time, and let repair finish in between. @default 5 */
  readonly chunkservers?: number;
  /**
   * Chunkservers that hold each chunk: all of them, or so many.
   * @default "all"
   */
  readonly replicationFactor?: "all" | number;
  /**
   * Container image whose command takes the role: `controller` or `chunkserver`. Must be one that needs no login, or one whose
   * registry the provider may read.
   * @default built from the package's own Dockerfile
   */
  readonly image?: pulumi.Input<string>;
  /** @default 512 MiB, 1 CPU */
  readonly controllerSize?: NodeSize;
  /** @default 512 MiB, 1 CPU */
  readonly chunkserverSize?: NodeSize;
  /** Most MiB that the chunks of one chunkserver take, at least 4. @default what its disk has, less a reserve */
  readonly chunkserverCapacityMiB?: number;
  /** Whether nodes keep their data on volumes, which outlive a replaced node. @default true */
  readonly persistent?: boolean;
  /**
   * Whether nodes are created and replaced one after the other, each when the one before is healthy: a change that replaces all of them
   * then leaves the store up. Takes some seconds a node, also at first. Without volumes it loses what only replaced nodes had.
   * @default false: all at once
   */
  readonly rollingUpdates?: boolean;
  /** Memory of a controller for chunks that were read lately, in MiB; at most half of its memory. @default the store's own, 48 */
  readonly chunkCacheMiB?: number;
  /** Least level that nodes log. @default "info" */
  readonly logLevel?: LogLevel;
  /** Where the nodes run. @default Docker, on one engine */
  readonly platform?: DockerPlatform;
  /** Changes a child's arguments and options, after everything else. `(args) => { args.dns = ["10.0.0.2"]; }` */
  readonly transform?: ChunkStoreClusterTransforms;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One container for each node, on an overlay network of a Docker Swarm; a Swarm of one engine will do. */
export interface DockerPlatform {
  readonly kind: "docker";
  /** Name of the network, unique in the Swarm. Other containers may join it and find the nodes by `controller`. @default "dfs-network" */
  readonly networkName?: string;
  /** Whether the network encrypts what goes from engine to engine. Nodes encrypt what they say to each other in any case; clients' traffic isn't. @default false */
  readonly encryptNetwork?: boolean;
  /** Ports of the machine under which controllers answer clients. @default none: they are reached on the network only */
  readonly publish?: PublishedPorts;
  /** Image with Node 24 that the nodes' image is built on; must be there, or come from a registry. @default "node:24-slim" */
  readonly baseImage?: string;
  /**
   * One provider for each engine of the Swarm, the first one of a manager; nodes of each role are dealt out to them in turn. Another
   * number of them moves nodes to other engines, where they start with empty volumes: let repair finish before the next change.
   * @default the provider that the component gets, one engine
   */
  readonly providers?: readonly docker.Provider[];
}

/** Controller 1 answers on `firstPort`, controller 2 on the next one, and so on. */
export interface PublishedPorts {
  /** 1 to 65535, with room for all controllers. */
  readonly firstPort: number;
  /** Address of the machine that listens. Anything but a loopback address shows plain HTTP to others. @default "127.0.0.1" */
  readonly address?: string;
  /** Names or addresses of the engines' machines, as clients reach them, in the order of `providers`. Needed with several of them. @default `address` */
  readonly hosts?: readonly string[];
}

/** One key per child; children of one kind share it. */
export interface ChunkStoreClusterTransforms {
  readonly network?: Transform<docker.NetworkArgs>;
  readonly image?: Transform<docker.RemoteImageArgs>;
  readonly volume?: Transform<docker.VolumeArgs>;
  readonly controller?: Transform<docker.ContainerArgs>;
  readonly chunkserver?: Transform<docker.ContainerArgs>;
}

export const DEFAULTS = {
  controllers: 3,
  chunkservers: 5,
  replicationFactor: "all",
  controllerSize: { memoryMiB: 512, cpus: 1 },
  chunkserverSize: { memoryMiB: 512, cpus: 1 },
  persistent: true,
  rollingUpdates: false,
  platform: { kind: "docker" },
} as const;

/** Defaults of a {@link DockerPlatform}. */
export const DOCKER_DEFAULTS = { networkName: "dfs-network", encryptNetwork: false, baseImage: "node:24-slim", address: "127.0.0.1" } as const;

export type CompleteArgs = ChunkStoreClusterArgs & Required<Pick<ChunkStoreClusterArgs, keyof typeof DEFAULTS>>;

/** Arguments with the defaults where nothing, or `undefined`, was given. */
export function withDefaults(args: ChunkStoreClusterArgs): CompleteArgs {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as unknown as ChunkStoreClusterArgs;
  return { ...DEFAULTS, ...given };
}
