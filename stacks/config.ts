/** The configuration that each shipped stack program reads. */
import { z } from "zod";
import { json } from "./values";

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
