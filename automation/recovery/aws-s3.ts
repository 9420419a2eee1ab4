/**
 * Look-ups of what lies inside a bucket. Its settings are puts, of which a bucket has one each: a second put is no second
 * resource, so that there being one is enough; where a bucket has one of its own, it counts when it is the one that was sent.
 */
import { NOTHING, ours, unless, type Find, type Settings } from "./aws-call";
import { stringInput, type Found, type Sought } from "./lookup";

type S3 = typeof import("@aws-sdk/client-s3");

async function connect(settings: Settings): Promise<{ readonly s3: S3; readonly client: InstanceType<S3["S3Client"]> }> {
  const s3 = await import("@aws-sdk/client-s3");
  // The local cloud has one address for all buckets.
  return { s3, client: new s3.S3Client({ ...settings, forcePathStyle: settings.endpoint !== undefined }) };
}

/** The ID of a bucket's setting (terraform-provider-aws, internal/service/s3, CreateResourceID): the bucket, and its owner where one is given. */
function settingOf(sought: Sought): Found {
  const owner = sought.inputs["expectedBucketOwner"];
  return { id: [stringInput(sought, "bucket"), ...(typeof owner === "string" && owner !== "" ? [owner] : [])].join(",") };
}

/** The input at a path of names and indexes, if all of it is there. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined), value);
}

const publicAccessBlock: Find = async (settings, sought) => {
  const { s3, client } = await connect(settings);
  const call = client.send(new s3.GetPublicAccessBlockCommand({ Bucket: stringInput(sought, "bucket") }));
  return await unless(["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"], call) ? [settingOf(sought)] : NOTHING;
};

const policy: Find = async (settings, sought) => {
  const { s3, client } = await connect(settings);
  const call = client.send(new s3.GetBucketPolicyCommand({ Bucket: stringInput(sought, "bucket") }));
  return await unless(["NoSuchBucketPolicy", "NoSuchBucket"], call) ? [settingOf(sought)] : NOTHING;
};

const ownershipControls: Find = async (settings, sought) => {
  const { s3, client } = await connect(settings);
  const reply = await unless(["OwnershipControlsNotFoundError", "NoSuchBucket"], client.send(new s3.GetBucketOwnershipControlsCommand({ Bucket: stringInput(sought, "bucket") })));
  return reply?.OwnershipControls?.Rules?.[0]?.ObjectOwnership === at(sought.inputs, "rule", "objectOwnership") ? [settingOf(sought)] : NOTHING;
};

const encryption: Find = async (settings, sought) => {
  const { s3, client } = await connect(settings);
  const call = client.send(new s3.GetBucketEncryptionCommand({ Bucket: stringInput(sought, "bucket") }));
  const reply = await unless(["ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket"], call);
  const algorithm = reply?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
  return algorithm !== undefined && algorithm === at(sought.inputs, "rules", "0", "applyServerSideEncryptionByDefault", "sseAlgorithm") ? [settingOf(sought)] : NOTHING;
};

const versioning: Find = async (settings, sought) => {
  const wanted = at(sought.inputs, "versioningConfiguration", "status");
  if (wanted === "Disabled") return [settingOf(sought)]; // how every bucket begins: the provider sends nothing for it
  const { s3, client } = await connect(settings);
  const reply = await unless(["NoSuchBucket"], client.send(new s3.GetBucketVersioningCommand({ Bucket: stringInput(sought, "bucket") })));
  return reply?.Status !== undefined && reply.Status === wanted ? [settingOf(sought)] : NOTHING;
};

/** Objects have tags, but the tagging API does not list them. */
const object: Find = async (settings, sought) => {
  const { s3, client } = await connect(settings);
  const [bucket, key] = [stringInput(sought, "bucket"), stringInput(sought, "key")];
  const reply = await unless(["NoSuchKey", "NoSuchBucket"], client.send(new s3.GetObjectTaggingCommand({ Bucket: bucket, Key: key })));
  return ours(reply?.TagSet, sought) ? [{ id: `${bucket}/${key}` }] : NOTHING;
};

export const s3Lookups: Readonly<Record<string, Find>> = {
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": publicAccessBlock,
  "aws:s3/bucketPolicy:BucketPolicy": policy,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownershipControls,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": encryption,
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": encryption,
  "aws:s3/bucketVersioning:BucketVersioning": versioning,
  "aws:s3/bucketVersioningV2:BucketVersioningV2": versioning,
  "aws:s3/bucketObject:BucketObject": object,
  "aws:s3/bucketObjectv2:BucketObjectv2": object,
};
