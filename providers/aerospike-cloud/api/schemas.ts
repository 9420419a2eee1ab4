/**
 * The part of the Aerospike Cloud API (the vendor's OpenAPI, version 1.0.0) that this project speaks, as schemas that its provider and
 * its local stand-in share. Replies are read loosely (a newer service may say more), requests are strict.
 */
import { z } from "zod";

export const CLUSTER_STATUSES = [
  "not-available", "provisioning", "active", "updating", "decommissioning", "decommissioned", "pausing", "paused", "resuming",
  "action-required", "config-error", "usage-exceeded", "multiple", "unknown",
] as const;
export type ClusterStatus = (typeof CLUSTER_STATUSES)[number];

export const PEERING_STATUSES = [
  "initiating-request", "pending-acceptance", "not-operable", "provisioning", "active", "rejected", "expired", "failed", "deleting", "deleted",
] as const;
export type PeeringStatus = (typeof PEERING_STATUSES)[number];

export const ERROR_TYPES = [
  "urn:aerospike:errors:auth:unauthorized", "urn:aerospike:errors:auth:token-expired", "urn:aerospike:errors:resource:not-found",
  "urn:aerospike:errors:resource:already-exists", "urn:aerospike:errors:validation:failed", "urn:aerospike:errors:system:internal",
  "urn:aerospike:errors:system:unavailable", "urn:aerospike:errors:ratelimit:exceeded",
] as const;

/** OAuth scopes of an API key, as the token's answer lists them. */
export const SCOPES = ["read:database", "create:database", "update:database", "delete:database"] as const;
export type Scope = (typeof SCOPES)[number];

/** EBS volumes of the nodes; the vendor's limits. */
export const networkStorageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("gp2"), sizeInGB: z.int().min(1) }),
  z.strictObject({ type: z.literal("gp3"), iops: z.int().min(3000).max(16_000), sizeInGB: z.int().min(1) }),
  z.strictObject({ type: z.literal("io1"), iops: z.int().min(100).max(64_000), sizeInGB: z.int().min(4) }),
  z.strictObject({ type: z.literal("io2"), iops: z.int().min(100).max(64_000), sizeInGB: z.int().min(4) }),
]);
export type NetworkStorage = z.infer<typeof networkStorageSchema>;

const octet = "(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";
/** The vendor accepts a /19 and nothing else for the database's VPC. */
export const CLUSTER_CIDR = new RegExp(`^(${octet}\\.){3}${octet}/19$`);

export const infrastructureSchema = z.strictObject({
  provider: z.enum(["aws", "gcp"]),
  instanceType: z.string().min(1),
  region: z.string().min(1),
  availabilityZoneCount: z.int().min(1).max(3),
  zoneIds: z.array(z.string()).optional(),
  cidrBlock: z.string().regex(CLUSTER_CIDR).optional(),
  networkAttachedStorage: networkStorageSchema.optional(),
});

export const aerospikeCloudSchema = z.discriminatedUnion("dataStorage", [
  z.strictObject({ dataStorage: z.literal("memory"), clusterSize: z.int().min(1), dataResiliency: z.enum(["local-disk", "network-storage"]).optional() }),
  z.strictObject({ dataStorage: z.literal("local-disk"), clusterSize: z.int().min(1), dataResiliency: z.literal("network-storage").optional() }),
  z.strictObject({ dataStorage: z.literal("network-storage"), clusterSize: z.int().min(1) }),
]);

/** Server settings go through as they are: the service checks the hundreds of them itself. */
export const namespaceSchema = z.looseObject({ name: z.string().min(1).max(31).regex(/^[a-zA-Z0-9\-_$ ]*$/).refine((name) => name !== "null") });
export const aerospikeServerSchema = z.looseObject({ namespaces: z.array(namespaceSchema).min(1) });

export const ROLE_ARN = /^(arn:aws:(iam|sts)::[0-9]{12}:(root|role\/[^/]+(\/[^/]+)*|user\/[^/]+(\/[^/]+)*|assumed-role\/[^/]+\/[^/]+|federated-user\/[^/]+)|[0-9]{12})$/;
export const loggingSchema = z.strictObject({ authorizedRoles: z.array(z.string().regex(ROLE_ARN)).optional() });

export const clusterCreateSchema = z.strictObject({
  name: z.string().min(1).max(100).regex(/\S+/),
  /** @default the latest */
  dataPlaneVersion: z.string().optional(),
  infrastructure: infrastructureSchema,
  aerospikeCloud: aerospikeCloudSchema,
  aerospikeServer: aerospikeServerSchema,
  logging: loggingSchema.optional(),
});
export type ClusterCreate = z.infer<typeof clusterCreateSchema>;

/** `application/merge-patch+json`. Everything about place, storage kind and resiliency is read-only after creation. */
export const clusterPatchSchema = z.strictObject({
  name: z.string().min(1).max(100).regex(/\S+/).optional(),
  infrastructure: z.strictObject({ instanceType: z.string().min(1).optional(), networkAttachedStorage: z.looseObject({}).optional() }).optional(),
  aerospikeCloud: z.strictObject({ clusterSize: z.int().min(1).optional() }).optional(),
  aerospikeServer: z.looseObject({}).optional(),
  logging: loggingSchema.optional(),
});
export type ClusterPatch = z.infer<typeof clusterPatchSchema>;

export const clusterSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  dataPlaneVersion: z.string(),
  /** Empty until the cluster is active. */
  connectionDetails: z.looseObject({ host: z.string().optional(), tlsCertificate: z.string().optional() }),
  health: z.looseObject({ state: z.enum(["ONLINE", "OFFLINE", "UNSPECIFIED"]).optional(), status: z.enum(CLUSTER_STATUSES).catch("unknown").optional() }).optional(),
  infrastructure: z.looseObject({
    provider: z.string(), instanceType: z.string(), region: z.string(), availabilityZoneCount: z.int(), zoneIds: z.array(z.string()).optional(),
    cidrBlock: z.string().optional(),
    /** The database's VPC and account; appear while it is provisioned. */
    networkId: z.string().optional(), accountId: z.string().optional(),
    networkAttachedStorage: z.looseObject({}).optional(),
  }),
  aerospikeCloud: z.looseObject({ clusterSize: z.int(), dataStorage: z.string(), dataResiliency: z.string().optional() }),
  aerospikeServer: z.looseObject({}),
  logging: z.looseObject({ logBucket: z.string().optional(), authorizedRoles: z.array(z.string()).optional() }).optional(),
});
export type Cluster = z.infer<typeof clusterSchema>;

const pageSchema = z.looseObject({ count: z.int(), meta: z.looseObject({ total: z.int(), limit: z.int(), offset: z.int() }).nullish() });
export const clusterCollectionSchema = pageSchema.extend({ clusters: z.array(clusterSchema) });

export const peeringCreateSchema = z.strictObject({
  vpcId: z.string().regex(/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/),
  cidrBlock: z.string().regex(/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/),
  accountId: z.string().regex(/^\d{12}$/),
  region: z.string().regex(/^[a-z]{2}-[a-z]+-\d+$/),
  isSecureConnection: z.boolean(),
});
export type PeeringCreate = z.infer<typeof peeringCreateSchema>;

export const peeringSchema = z.looseObject({
  /** Aerospike's own id (UUID); `peeringId` is AWS's. */
  id: z.string(),
  accountId: z.string().optional(), vpcId: z.string().optional(), region: z.string().optional(), cidrBlock: z.string().optional(),
  isSecureConnection: z.boolean().optional(),
  status: z.enum(PEERING_STATUSES).optional(),
  /** `pcx-…`; appears some time after the request. */
  peeringId: z.string().optional(),
  /** Appears after the acceptance. */
  privateHostedZoneId: z.string().optional(),
});
export type Peering = z.infer<typeof peeringSchema>;
export const peeringCollectionSchema = pageSchema.extend({ vpcPeerings: z.array(peeringSchema) });

export const instanceTypeSchema = z.looseObject({
  instanceType: z.string(), vcpus: z.int(), memoryGib: z.int(),
  localStorage: z.looseObject({ numberOfDisks: z.int(), diskSizeGib: z.int(), totalSizeGib: z.int() }),
  supportedArchitectures: z.array(z.string()),
});
export const cloudProvidersSchema = z.looseObject({
  count: z.int(),
  results: z.array(z.looseObject({
    id: z.enum(["aws", "azure", "gcp"]), name: z.string(),
    regions: z.array(z.looseObject({ name: z.string(), instanceTypes: z.array(instanceTypeSchema) })),
  })).default([]),
});
export type CloudProviders = z.infer<typeof cloudProvidersSchema>;

/** RFC 9457 problem details, `application/problem+json`. */
export const problemSchema = z.looseObject({
  /** One of {@link ERROR_TYPES} today. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  context: z.looseObject({
    missing: z.array(z.string()).optional(),
    invalid: z.array(z.looseObject({ field: z.string(), type: z.string(), description: z.string().optional() })).optional(),
    resource: z.string().optional(), id: z.string().optional(),
  }).optional(),
  message: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export const tokenSchema = z.looseObject({ access_token: z.string().min(1), token_type: z.string(), expires_in: z.number().positive(), scope: z.string().optional() });
