import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dynamoEngines } from "../../../local/aws/dynamodb/engine";
import { objectStore, ObjectStore } from "../../../local/aws/s3/objects";
import { awsPackage } from "../../../local/aws/index";
import type { Archive, Properties } from "../../../local/model";
import { FakeCloud, HOME, refusal, turns } from "./fake";

const ROLE = "aws:iam/role:Role";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const POLICY = "aws:iam/policy:Policy";
const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
const BUCKET = "aws:s3/bucket:Bucket";
const TABLE = "aws:dynamodb/table:Table";
const FUNCTION = "aws:lambda/function:Function";

const trust = (service: string): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }] });

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});
afterEach(async () => cloud.close());

describe("the AWS package", () => {
  it("has every type once, with a latency and an existing file", () => {
    const types = awsPackage.resources.map((model) => model.type);
    expect(new Set(types).size).toBe(types.length);
    for (const model of awsPackage.resources) {
      expect(() => readFileSync(path.join(__dirname, "../../..", model.file))).not.toThrow();
      expect(model.latency.create.source).not.toBe("");
    }
  });

  it("takes each type's token and arguments from the installed SDK", async () => {
    const sdk = path.dirname(createRequire(__filename).resolve("@pulumi/aws/package.json"));
    for (const model of awsPackage.resources) {
      const [, module] = model.type.split(":");
      const source = readFileSync(path.join(sdk, `${module}.js`), "utf8");
      expect(source).toContain(`__pulumiType = '${model.type}'`);
      const shape = Object.keys((model.args as unknown as { shape: object }).shape);
      const inputs = [...source.matchAll(/resourceInputs\["(\w+)"\]/g)].map((match) => match[1]);
      expect({ type: model.type, strangers: shape.filter((argument) => !inputs.includes(argument)) }).toEqual({
        type: model.type,
        strangers: [],
      });
      for (const property of model.replaceOn) expect(inputs).toContain(property.split(".")[0]);
    }
  });
});

describe("IAM", () => {
  it("keeps names unique in the account, whatever the region", async () => {
    const role = await cloud.create(ROLE, { name: "worker", assumeRolePolicy: trust("ecs-tasks.amazonaws.com") });
    expect(role.outputs).toMatchObject({ arn: "arn:aws:iam::123456789012:role/worker", name: "worker", maxSessionDuration: 3600 });
    expect(role.outputs["uniqueId"]).toMatch(/^AROA[A-Z0-9]{17}$/);
    expect(await refusal(() => cloud.create(ROLE, { name: "WORKER", assumeRolePolicy: trust("x") }, { region: "us-east-1" }))).toBe(
      "EntityAlreadyExists",
    );
    expect(await refusal(() => cloud.create(ROLE, { name: "worker", assumeRolePolicy: trust("x") }, { account: "210987654321" }))).toBe(
      "no error",
    );
  });

  it("refuses documents that are not JSON", async () => {
    expect(await refusal(() => cloud.create(ROLE, { name: "r", assumeRolePolicy: "{" }))).toBe("MalformedPolicyDocument");
  });

  it("deletes a role only without its policies", async () => {
    const role = await cloud.create(ROLE, { name: "worker", assumeRolePolicy: trust("ecs-tasks.amazonaws.com") });
    const inline = await cloud.create(ROLE_POLICY, { name: "own", role: "worker", policy: "{}" });
    const managed = await cloud.create(POLICY, { name: "shared", policy: "{}" });
    const link = await cloud.create(ATTACHMENT, { role: "worker", policyArn: managed.id });
    expect(inline.id).toBe("worker:own");
    expect(await refusal(() => cloud.create(ATTACHMENT, { role: "worker", policyArn: "arn:aws:iam::123456789012:policy/none" }))).toBe(
      "NoSuchEntity",
    );
    expect(await refusal(() => cloud.create(ROLE_POLICY, { name: "own", role: "nobody", policy: "{}" }))).toBe("NoSuchEntity");
    expect(await refusal(() => cloud.delete(role))).toBe("DeleteConflict");
    expect(await refusal(() => cloud.delete(managed))).toBe("DeleteConflict");
    for (const record of [link, managed, inline, role]) await cloud.delete(record);
    expect(cloud.store.all()).toEqual([]);
  });
});

describe("S3", () => {
  it("keeps bucket names unique in the world", async () => {
    const bucket = await cloud.create(BUCKET, { bucket: "results-1" });
    expect(bucket.outputs).toMatchObject({
      arn: "arn:aws:s3:::results-1",
      bucketRegionalDomainName: "results-1.s3.eu-central-1.amazonaws.com",
    });
    expect(await refusal(() => cloud.create(BUCKET, { bucket: "results-1" }, { region: "us-east-1" }))).toBe("BucketAlreadyOwnedByYou");
    expect(await refusal(() => cloud.create(BUCKET, { bucket: "results-1" }, { account: "210987654321" }))).toBe("BucketAlreadyExists");
  });

  it("deletes a bucket with objects only when told to", async () => {
    const bucket = await cloud.create(BUCKET, { bucket: "results-1" });
    const object = await cloud.create("aws:s3/bucketObjectv2:BucketObjectv2", { bucket: "results-1", key: "a/b.txt", content: "hello" });
    expect(object.outputs["etag"]).toBe("5d41402abc4b2a76b9719d911017c592");
    expect(await refusal(() => cloud.delete(bucket))).toBe("BucketNotEmpty");
    await cloud.update(bucket, { bucket: "results-1", forceDestroy: true });
    expect(await refusal(() => cloud.delete(bucket))).toBe("no error");
    expect(objectStore(cloud).list("results-1")).toEqual([]);
  });

  it("finds objects again after a restart", async () => {
    const root = path.join(cloud.dataDir, "s3");
    new ObjectStore(root).put("b", "k/ü", Buffer.from("x"), { lastModified: "2026-11-21T00:00:00.000Z" });
    expect(new ObjectStore(root).get("b", "k/ü")?.body.toString()).toBe("x");
  });

  it("refuses settings of a bucket that isn't there", async () => {
    expect(
      await refusal(() =>
        cloud.create("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { bucket: "none", blockPublicAcls: true }),
      ),
    ).toBe("NoSuchBucket");
  });
});

describe("DynamoDB", () => {
  const inputs: Properties = { name: "state", hashKey: "id", attributes: [{ name: "id", type: "S" }], billingMode: "PAY_PER_REQUEST" };

  it("makes a table that holds items, and takes it away again", async () => {
    const table = await cloud.create(TABLE, inputs);
    expect(table.outputs).toMatchObject({ arn: "arn:aws:dynamodb:eu-central-1:123456789012:table/state", billingMode: "PAY_PER_REQUEST" });
    expect(await refusal(() => cloud.create(TABLE, inputs))).toBe("ResourceInUseException");
    expect(await refusal(() => cloud.create(TABLE, inputs, { region: "us-east-1" }))).toBe("no error");
    const item = await cloud.create("aws:dynamodb/tableItem:TableItem", {
      tableName: "state",
      hashKey: "id",
      item: JSON.stringify({ id: { S: "a" }, n: { N: "1" } }),
    });
    const read = () => dynamoEngines(cloud).call(HOME, "GetItem", { TableName: "state", Key: { id: { S: "a" } } });
    expect(await read()).toMatchObject({ Item: { n: { N: "1" } } });
    await cloud.delete(item);
    expect(await read()).toEqual({});
    await cloud.delete(table);
    expect(await refusal(read)).toBe("ResourceNotFoundException");
  });

  it("tells faults of the keys before anything is made", async () => {
    await expect(cloud.create(TABLE, { ...inputs, rangeKey: "at" }).catch((error: unknown) => String(error))).resolves.toContain(
      "not declared: at",
    );
  }, 5_000);

  it("keeps a protected table", async () => {
    const table = await cloud.create(TABLE, { ...inputs, deletionProtectionEnabled: true });
    expect(await refusal(() => cloud.delete(table))).toBe("ValidationException");
  });
});

describe("Lambda", () => {
  const hash = "a".repeat(64);
  const code = (more: Partial<Archive>): Archive => ({ kind: "archive", hash, ...more });
  const inputs = (archive: Archive): Properties => ({
    name: "orchestrator",
    role: "arn:aws:iam::123456789012:role/lambda",
    runtime: "nodejs22.x",
    handler: "index.handler",
    code: { ...archive } as unknown as Properties,
    environment: { variables: { TABLE_NAME: "state" } },
  });
  const text = (content: string) => ({ kind: "asset" as const, hash, text: content });
  const create = async (archive: Archive) => {
    const { settled } = cloud.begin(FUNCTION, inputs(archive));
    await cloud.clock.advance(20);
    return settled;
  };

  it("needs a role that Lambda may assume", async () => {
    expect(await refusal(() => create(code({ assets: {} })))).toBe("InvalidParameterValueException");
    await cloud.create(ROLE, { name: "lambda", assumeRolePolicy: trust("ecs-tasks.amazonaws.com") });
    expect(await refusal(() => create(code({ assets: {} })))).toBe("InvalidParameterValueException");
  });

  it("waits for a new role, unpacks the code, and deploys it with its environment", async () => {
    await cloud.create(ROLE, { name: "lambda", assumeRolePolicy: trust("lambda.amazonaws.com") });
    const { record, settled } = cloud.begin(
      FUNCTION,
      inputs(code({ assets: { "index.js": text("exports.handler = 1"), lib: { kind: "archive", hash, assets: { "a.js": text("2") } } } })),
    );
    await turns();
    expect(cloud.functions.deployed.size).toBe(0);
    await cloud.clock.advance(8);
    const live = await settled;
    expect(live.outputs).toMatchObject({
      arn: "arn:aws:lambda:eu-central-1:123456789012:function:orchestrator",
      qualifiedArn: `${record.arn}:$LATEST`,
      timeout: 3,
      memorySize: 128,
      sourceCodeSize: 20,
    });
    expect(live.outputs["invokeArn"]).toBe(`arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${record.arn}/invocations`);
    const spec = cloud.functions.deployed.get("123456789012-eu-central-1-orchestrator");
    expect(spec).toMatchObject({
      handler: "index.handler",
      timeoutSeconds: 3,
      environment: { TABLE_NAME: "state", AWS_REGION: "eu-central-1" },
    });
    expect(readFileSync(path.join(spec?.codeDir ?? "", "lib/a.js"), "utf8")).toBe("2");
    expect(await refusal(() => create(code({ assets: {} })))).toBe("ResourceConflictException");
    await cloud.delete(live);
    expect(cloud.functions.deployed.size).toBe(0);
  });

  it("reads folders and zip files, and refuses what leaves the folder", async () => {
    await cloud.create(ROLE, { name: "lambda", assumeRolePolicy: trust("lambda.amazonaws.com") });
    const source = path.join(cloud.dataDir, "source");
    mkdirSync(source);
    writeFileSync(path.join(source, "index.js"), "1");
    const live = await create(code({ path: source }));
    const zip = path.join(cloud.dataDir, "code.zip");
    writeFileSync(zip, zipSync({ "index.js": Buffer.from("22"), "sub/x.js": Buffer.from("3") }));
    expect((await cloud.update(live, inputs(code({ path: zip })))).outputs["sourceCodeSize"]).toBe(3);
    writeFileSync(zip, zipSync({ "../evil.js": Buffer.from("4") }));
    expect(await refusal(() => cloud.update(live, inputs(code({ path: zip }))))).toBe("InvalidParameterValueException");
  });

  it("refuses a runtime that can't run here", () => {
    const parsed = cloud.model(FUNCTION).args.safeParse({ ...inputs(code({ assets: {} })), runtime: "python3.13" });
    expect(parsed.error?.issues[0]?.message).toContain("only Node.js runtimes");
  });
});

describe("names that are taken", () => {
  const cases: [type: string, inputs: Properties, code: string][] = [
    ["aws:cloudwatch/logGroup:LogGroup", { name: "/a/b" }, "ResourceAlreadyExistsException"],
    ["aws:ssm/parameter:Parameter", { name: "/a", type: "String", value: "1" }, "ParameterAlreadyExists"],
    ["aws:secretsmanager/secret:Secret", { name: "a" }, "ResourceExistsException"],
    ["aws:sqs/queue:Queue", { name: "a" }, "QueueAlreadyExists"],
    ["aws:iam/policy:Policy", { name: "a", policy: "{}" }, "EntityAlreadyExists"],
    ["aws:iam/instanceProfile:InstanceProfile", { name: "a" }, "EntityAlreadyExists"],
  ];
  it.each(cases)("%s is refused with the service's own code", async (type, inputs, code) => {
    await cloud.create(type, inputs);
    expect(await refusal(() => cloud.create(type, inputs))).toBe(code);
  });

  it("workspaces of the metrics store need no unique alias: a create that is sent twice makes two", async () => {
    const one = await cloud.create("aws:amp/workspace:Workspace", { alias: "metrics" });
    const two = await cloud.create("aws:amp/workspace:Workspace", { alias: "metrics" });
    expect(one.id).not.toBe(two.id);
    expect(one.outputs["prometheusEndpoint"]).toBe(`https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/${one.id}/`);
    expect(await refusal(() => cloud.create("aws:amp/workspace:Workspace", {}, { region: "cn-north-1" }))).toBe("EndpointNotFound");
  });
});
