/** The look-ups against the local cloud's APIs: what is ours, what is somebody else's, what can't be told. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { awsLookup } from "../../../automation/recovery/aws";
import type { Lookup, Sought } from "../../../automation/recovery/lookup";
import { URN_HASH_TAG, urnHash } from "../../../automation/recovery/urn";
import { awsPackage } from "../../../local/aws/index";
import { serveCloud, type ServedCloud } from "../local-aws/served";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x:y" };

let served: ServedCloud;
let lookup: Lookup;
beforeEach(async () => {
  served = await serveCloud();
  const { endpoint, credentials } = served.settings;
  lookup = awsLookup({ endpoint, credentials, timeScale: 1000 });
});
afterEach(() => served.close());

const sought = (type: string, inputs: Sought["inputs"], region = served.settings.region): Sought => ({ type, urn: `urn:${type}`, inputs, region, known: [] });
const own = (type: string): Record<string, string> => ({ [URN_HASH_TAG]: urnHash(`urn:${type}`) });

it("can search for every type that the local cloud models", () => {
  const blind = awsPackage.resources.map(({ type }) => type).filter((type) => {
    const takesTags = awsPackage.resources.find((model) => model.type === type)?.args.safeParse({ tags: 1 }).error?.issues.some(({ path }) => path[0] === "tags");
    return !lookup.handles(sought(type, takesTags ? { tags: own(type) } : {}));
  });
  expect(blind).toEqual([]);
});

describe("what was sent without the tag", () => {
  it("is not searched for", () => {
    expect(lookup.handles(sought("aws:ec2/vpc:Vpc", { tags: { Name: "main" } }))).toBe(false);
    expect(lookup.handles(sought("aws:ec2/vpcPeeringConnectionOptions:VpcPeeringConnectionOptions", {}))).toBe(false);
  });

  it("is searched for when its tags are secret as a whole: every taggable resource of a fleet has it", () => {
    expect(lookup.handles(sought("aws:ec2/vpc:Vpc", { tags: SECRET }))).toBe(true);
  });
});

it("finds a resource in the region it is asked for, and in no other", async () => {
  const type = "aws:ec2/vpc:Vpc";
  const vpc = await served.cloud.create(type, { cidrBlock: "10.0.0.0/16", tags: own(type) });
  expect(await lookup.find(sought(type, { tags: own(type) }))).toEqual([{ id: vpc.id, arn: vpc.arn }]);
  expect(await lookup.find(sought(type, { tags: own(type) }, "us-east-2"))).toEqual([]);
});

describe("a name that somebody else has", () => {
  it.each([
    ["aws:iam/role:Role", { name: "r", assumeRolePolicy: "{}" }],
    ["aws:iam/policy:Policy", { name: "p", policy: "{}" }],
  ])("does not make it ours: %s", async (type, inputs) => {
    await served.cloud.create(type, inputs);
    expect(await lookup.find(sought(type, inputs))).toEqual([]);
  });

  it("does not make an alias of another key ours", async () => {
    const [mine, other] = [await served.cloud.create("aws:kms/key:Key", {}), await served.cloud.create("aws:kms/key:Key", {})];
    await served.cloud.create("aws:kms/alias:Alias", { name: "alias/a", targetKeyId: other.id });
    const find = (key: string): ReturnType<Lookup["find"]> => lookup.find(sought("aws:kms/alias:Alias", { name: "alias/a", targetKeyId: key }));
    expect(await find(mine.id)).toEqual([]);
    expect(await find(other.id)).toEqual([{ id: "alias/a" }]);
  });

  it("makes an item of a table one that can't be told, unless it is the very item", async () => {
    await served.cloud.create("aws:dynamodb/table:Table", { name: "rows", attributes: [{ name: "id", type: "S" }], hashKey: "id", billingMode: "PAY_PER_REQUEST" });
    const inputs = (n: string): Sought["inputs"] => ({ tableName: "rows", hashKey: "id", item: JSON.stringify({ id: { S: "one" }, n: { N: n } }) });
    const find = (n: string): ReturnType<Lookup["find"]> => lookup.find(sought("aws:dynamodb/tableItem:TableItem", inputs(n)));
    expect(await find("1")).toEqual([]);
    const item = await served.cloud.create("aws:dynamodb/tableItem:TableItem", { tableName: "rows", hashKey: "id", item: JSON.stringify({ id: { S: "one" }, n: { N: "1" } }) });
    expect(await find("1")).toEqual([{ id: item.id }]);
    await expect(find("2")).rejects.toThrow("table rows has another item under its key");
  });
});

it("can't tell what a secret input would decide", async () => {
  await expect(lookup.find(sought("aws:iam/role:Role", { name: SECRET }))).rejects.toThrow('its input "name", by which it would be looked up, is a secret');
  await expect(lookup.find(sought("aws:iam/role:Role", {}))).rejects.toThrow('it has no input "name" to look it up by');
});

describe("a setting of a bucket", () => {
  const bucket = "the-bucket";
  beforeEach(() => served.cloud.create("aws:s3/bucket:Bucket", { bucket }));
  const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";

  it.each([
    ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { bucket, blockPublicAcls: true }],
    ["aws:s3/bucketPolicy:BucketPolicy", { bucket, policy: "{}" }],
    [ENCRYPTION, { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" } }] }],
    ["aws:s3/bucketVersioning:BucketVersioning", { bucket, versioningConfiguration: { status: "Enabled" } }],
    ["aws:s3/bucketOwnershipControls:BucketOwnershipControls", { bucket, rule: { objectOwnership: "ObjectWriter" } }],
  ])("is there only once it was put: %s", async (type, inputs) => {
    expect(await lookup.find(sought(type, inputs))).toEqual([]);
    const { id } = await served.cloud.create(type, inputs);
    expect(await lookup.find(sought(type, inputs))).toEqual([{ id }]);
  });

  it("has the owner in its ID where one is expected", async () => {
    const inputs = { bucket, expectedBucketOwner: "123456789012", versioningConfiguration: { status: "Enabled" } };
    const { id } = await served.cloud.create("aws:s3/bucketVersioning:BucketVersioning", inputs);
    expect(await lookup.find(sought("aws:s3/bucketVersioning:BucketVersioning", inputs))).toEqual([{ id }]);
  });

  it("is nothing when the bucket is gone", async () => {
    expect(await lookup.find(sought("aws:s3/bucketPolicy:BucketPolicy", { bucket: "another-bucket" }))).toEqual([]);
  });
});
