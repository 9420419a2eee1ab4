/** S3 buckets: names that are unique in the whole world, and the types that configure a bucket. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { dnsSuffix, partitionOf } from "../arn";
import { defineResource, jsonDocument, documentText } from "../define";
import type { AnyResourceModel } from "../define";
import { objectStore } from "./objects";

const FILE = "local/aws/s3/bucket.ts";
export const BUCKET_TYPES = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"] as const;

// Source: Route 53 hosted zones of S3 websites, AWS General Reference; one stands for all regions that programs have asked for.
const HOSTED_ZONES: Readonly<Record<string, string>> = {
  "us-east-1": "Z3AQBSTGFYJSTF",
  "us-east-2": "Z2O1EMRO9K5GLX",
  "us-west-2": "Z3BJ6K6RIION7M",
  "eu-west-1": "Z1BKCTXD74EZPE",
  "eu-central-1": "Z21DNDUVLTQW6Q",
  "ap-northeast-1": "Z2M4EHUR26P7ZW",
  "ap-northeast-3": "Z2YQB5RD63NC85",
  "ca-central-1": "Z1QDHH18159H29",
};

// Source: S3 user guide, "Bucket naming rules".
const bucketName = z
  .string()
  .min(3)
  .max(63)
  .regex(/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/, "only lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit");

/** Every bucket of the world, whatever account or region. */
export function allBuckets(cloud: Pick<CloudContext, "store">): ResourceRecord[] {
  return BUCKET_TYPES.flatMap((type) => cloud.store.list(type));
}

/** @throws {ServiceError} `NoSuchBucket` */
export function requireBucket(cloud: Pick<CloudContext, "store">, name: string): ResourceRecord {
  const found = allBuckets(cloud).find((bucket) => bucket.id === name);
  if (!found) throw new ServiceError("NoSuchBucket", `The specified bucket does not exist (${name})`, 404);
  return found;
}

function defineBucket(type: string): AnyResourceModel {
  return defineResource({
    type,
    file: FILE,
    shape: { bucket: bucketName.optional(), forceDestroy: z.boolean().optional() },
    replaceOn: ["bucket"],
    autoname: { property: "bucket", maxLength: 63, lowercase: true },
    // us-east-1 answers 200 when the owner creates a bucket again, a leftover of its first years; the provider refuses it by itself.
    begin(inputs, scope, cloud) {
      const name = inputs.bucket ?? `terraform-${cloud.ids.hex(26)}`;
      const rival = allBuckets(cloud).find((bucket) => bucket.id === name);
      if (rival?.account === scope.account)
        throw new ServiceError(
          "BucketAlreadyOwnedByYou",
          `Your previous request to create the named bucket succeeded and you already own it (${name}).`,
          409,
        );
      if (rival)
        throw new ServiceError(
          "BucketAlreadyExists",
          `The requested bucket name is not available (${name}). The bucket namespace is shared by all users of the system. Select a different name and try again.`,
          409,
        );
      const bucketArn = `arn:${partitionOf(scope.region)}:s3:::${name}`;
      return {
        id: name,
        arn: bucketArn,
        outputs: {
          arn: bucketArn,
          bucket: name,
          bucketDomainName: `${name}.s3.${dnsSuffix(scope.region)}`,
          bucketRegion: scope.region,
          bucketRegionalDomainName: `${name}.s3.${scope.region}.${dnsSuffix(scope.region)}`,
          hostedZoneId: HOSTED_ZONES[scope.region] ?? "",
          forceDestroy: inputs.forceDestroy ?? false,
        },
      };
    },
    async update(_record, inputs) {
      return { forceDestroy: inputs.forceDestroy ?? false };
    },
    beforeDelete(record, cloud) {
      if (record.inputs["forceDestroy"] !== true && objectStore(cloud).list(record.id).length > 0) {
        throw new ServiceError(
          "BucketNotEmpty",
          `The bucket you tried to delete is not empty (${record.id}); set forceDestroy to delete its objects with it`,
          409,
        );
      }
    },
    async destroy(record, _scope, cloud) {
      objectStore(cloud).clear(record.id);
    },
  });
}

/** The record of a bucket's setting: a bucket has one of each, whatever type of the provider made it. */
export function settingOf(cloud: Pick<CloudContext, "store">, bucket: string, ...types: readonly string[]): ResourceRecord | undefined {
  return types.flatMap((type) => cloud.store.list(type)).findLast((record) => record.inputs["bucket"] === bucket);
}

export const PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";

const publicAccessBlock = defineResource({
  type: PUBLIC_ACCESS_BLOCK,
  file: FILE,
  taggable: false,
  shape: {
    bucket: z.string(),
    blockPublicAcls: z.boolean().optional(),
    blockPublicPolicy: z.boolean().optional(),
    ignorePublicAcls: z.boolean().optional(),
    restrictPublicBuckets: z.boolean().optional(),
    skipDestroy: z.literal(false).optional(),
  },
  replaceOn: ["bucket"],
  begin(inputs, _scope, cloud) {
    requireBucket(cloud, inputs.bucket);
    return { id: inputs.bucket, outputs: accessBlock(inputs) };
  },
  async update(_record, inputs) {
    return accessBlock(inputs);
  },
});

function accessBlock(inputs: {
  blockPublicAcls?: boolean | undefined;
  blockPublicPolicy?: boolean | undefined;
  ignorePublicAcls?: boolean | undefined;
  restrictPublicBuckets?: boolean | undefined;
}) {
  return {
    blockPublicAcls: inputs.blockPublicAcls ?? false,
    blockPublicPolicy: inputs.blockPublicPolicy ?? false,
    ignorePublicAcls: inputs.ignorePublicAcls ?? false,
    restrictPublicBuckets: inputs.restrictPublicBuckets ?? false,
  };
}

const encryptionRule = z.strictObject({
  applyServerSideEncryptionByDefault: z
    .strictObject({ sseAlgorithm: z.enum(["AES256", "aws:kms", "aws:kms:dsse"]), kmsMasterKeyId: z.string().optional() })
    .optional(),
  bucketKeyEnabled: z.boolean().optional(),
  blockedEncryptionTypes: z.array(z.string()).optional(),
});

// Bodies are not encrypted in the local cloud: the setting is kept, and no program can tell.
export const ENCRYPTIONS = [
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
] as const;
const defineEncryption = (type: string) =>
  defineConfiguration(type, { rules: z.array(encryptionRule).min(1), expectedBucketOwner: z.string().optional() });
// Versions are not kept (a put replaces), so only a bucket that keeps none is modelled truly; enabling it is recorded.
export const VERSIONINGS = ["aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"] as const;
const defineVersioning = (type: string) =>
  defineConfiguration(type, {
    versioningConfiguration: z.strictObject({
      status: z.enum(["Enabled", "Suspended", "Disabled"]),
      mfaDelete: z.enum(["Disabled"]).optional(),
    }),
    expectedBucketOwner: z.string().optional(),
  });
export const OWNERSHIP_CONTROLS = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
const ownershipControls = defineConfiguration(OWNERSHIP_CONTROLS, {
  rule: z.strictObject({ objectOwnership: z.enum(["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"]) }),
});

/** Puts of a bucket's configuration overwrite: a create that is sent twice leaves one setting, and the ledger shows both. */
function defineConfiguration<S extends z.ZodRawShape>(type: string, shape: S): AnyResourceModel {
  return defineResource({
    type,
    file: FILE,
    taggable: false,
    shape: { ...shape, bucket: z.string() },
    replaceOn: ["bucket"],
    begin(inputs, _scope, cloud) {
      const { bucket, expectedBucketOwner } = inputs as { bucket: string; expectedBucketOwner?: string };
      requireBucket(cloud, bucket);
      return { id: expectedBucketOwner ? `${bucket},${expectedBucketOwner}` : bucket, outputs: {} };
    },
  });
}

export const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const bucketPolicy = defineResource({
  type: BUCKET_POLICY,
  file: FILE,
  taggable: false,
  shape: { bucket: z.string(), policy: jsonDocument },
  replaceOn: ["bucket"],
  begin(inputs, _scope, cloud) {
    requireBucket(cloud, inputs.bucket);
    return { id: inputs.bucket, outputs: { policy: documentText(inputs.policy) } };
  },
  async update(_record, inputs) {
    return { policy: documentText(inputs.policy) };
  },
});

export const bucketModels = [
  ...BUCKET_TYPES.map(defineBucket),
  publicAccessBlock,
  bucketPolicy,
  ownershipControls,
  ...ENCRYPTIONS.map(defineEncryption),
  ...VERSIONINGS.map(defineVersioning),
];
