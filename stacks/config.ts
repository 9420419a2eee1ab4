/** The configuration that each shipped stack program reads. */
import { z } from "zod";
import { json, secret } from "./values";

const durationMs = json(z.int().positive());

/** Stack configuration of `constellation-home`. */
export const homeConfig = {
  /** Code of the region that the home's resources are in; that of the stack's provider. */
  homeRegion: z.string().min(1),
  /** Codes of the regions that generate load. */
  remoteRegions: json(z.array(z.string()).min(1)),
  /** Length of a test in milliseconds; handed on as an output. */
  durationMs: durationMs.optional(),
  /** Seconds from the last region being ready to the start of the test. @default 100 */
  startBufferSeconds: json(z.int().nonnegative()).optional(),
} as const;

/** Stack configuration of `constellation-region`. */
export const regionConfig = {
  /** Users that the region simulates. */
  virtualUsers: json(z.int().positive()),
  homeRegion: z.string().min(1),
  /** Name of the stack that runs `constellation-home`. @default "home" */
  homeStack: z.string().min(1).default("home"),
  durationMs: durationMs.optional(),
  /** Container image of the tasks. @default the component's */
  image: z.string().min(1).optional(),
} as const;

/** Stack configuration of `aerospike`: arguments of the component, all optional; `aws:region` is the clients' region. */
export const aerospikeConfig = {
  /** Region of the cluster. @default the clients' */
  clusterRegion: z.string().min(1).optional(),
  clusterName: z.string().min(1).optional(),
  instanceType: z.string().min(1).optional(),
  clusterSize: json(z.number()).optional(),
  availabilityZoneCount: json(z.number()).optional(),
  dataStorage: z.enum(["memory", "local-disk", "network-storage"]).optional(),
  namespaces: json(z.array(z.string())).optional(),
  clusterCidrBlock: z.string().optional(),
  clientCidrBlock: z.string().optional(),
  clientCount: json(z.number()).optional(),
  clientInstanceType: z.string().min(1).optional(),
  clientZoneCount: json(z.number()).optional(),
  toolsVersion: z.string().optional(),
  toolsSha256: z.string().optional(),
  /** @default true */
  peering: json(z.boolean()).optional(),
} as const;

/** Stack configuration of `chunkstore`. */
export const chunkstoreConfig = {
  /** Secret that the nodes share, at least 32 characters. */
  clusterKey: secret(z.string().min(32)),
  /** Password of the user `admin`, at least 8 characters. */
  adminPassword: secret(z.string().min(8).max(1024)),
  /** @default the component's, as of all below */
  controllers: json(z.int().positive()).optional(),
  chunkservers: json(z.int().positive()).optional(),
  /** `all` or a number. */
  replicationFactor: z.union([z.literal("all"), json(z.int().positive())]).optional(),
  rollingUpdates: json(z.boolean()).optional(),
  /** Most MiB that the chunks of one chunkserver take. */
  chunkserverCapacityMiB: json(z.int().positive()).optional(),
  /** Port of this machine for the first controller; the others get the next ones. @default none: containers' own addresses, which the local cloud makes reachable */
  publishFirstPort: json(z.int().positive()).optional(),
  networkName: z.string().min(1).optional(),
  /** Container image of the nodes. @default built on `baseImage` */
  image: z.string().min(1).optional(),
  /** Image with Node 24 to build the nodes' image on. */
  baseImage: z.string().min(1).optional(),
} as const;
