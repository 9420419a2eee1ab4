import { AmpClient, DescribeWorkspaceCommand, ListWorkspacesCommand } from "@aws-sdk/client-amp";
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServicesCommand,
  ListTasksCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { GetFunctionCommand, GetPolicyCommand as GetFunctionPolicyCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Properties, ResourceRecord } from "../../../local/model";
import type { FakeCloud } from "./fake";
import { createNetwork, failure, serveCloud } from "./served";
import type { ServedCloud } from "./served";

let served: ServedCloud;
let cloud: FakeCloud;
let settings: ServedCloud["settings"];
beforeEach(async () => {
  served = await serveCloud();
  ({ cloud, settings } = served);
});
afterEach(async () => served.close());

async function ecsService(): Promise<ResourceRecord> {
  const { subnet, group } = await createNetwork(cloud);
  await cloud.create("aws:ecs/cluster:Cluster", { name: "fleet", tags: { a: "b" } });
  const definition = await cloud.create("aws:ecs/taskDefinition:TaskDefinition", {
    family: "gen",
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
    containerDefinitions: JSON.stringify([{ name: "app", image: "stackfleet/loadtest:1", healthCheck: { command: ["CMD", "true"] } }]),
  });
  const { settled } = cloud.begin("aws:ecs/service:Service", {
    name: "gen",
    cluster: "fleet",
    taskDefinition: definition.arn ?? "",
    desiredCount: 2,
    launchType: "FARGATE",
    waitForSteadyState: true,
    networkConfiguration: { subnets: [subnet.id], securityGroups: [group.id], assignPublicIp: true },
  });
  await cloud.clock.advance(70);
  return settled;
}

describe("DynamoDB", () => {
  const table: Properties = { name: "state", hashKey: "id", attributes: [{ name: "id", type: "S" }], billingMode: "PAY_PER_REQUEST" };

  it("keeps every one of many concurrent set additions, and refuses a condition that fails", async () => {
    await cloud.create("aws:dynamodb/table:Table", table);
    const client = new DynamoDBClient(settings);
    const regions = Array.from({ length: 20 }, (_, n) => `region-${n}`);
    await Promise.all(
      regions.map((region) =>
        client.send(
          new UpdateItemCommand({
            TableName: "state",
            Key: { id: { S: "ready" } },
            UpdateExpression: "ADD regions :r",
            ExpressionAttributeValues: { ":r": { SS: [region] } },
          }),
        ),
      ),
    );
    const { Item: item } = await client.send(new GetItemCommand({ TableName: "state", Key: { id: { S: "ready" } } }));
    expect(new Set(item?.["regions"]?.SS)).toEqual(new Set(regions));
    const put = client.send(
      new PutItemCommand({ TableName: "state", Item: { id: { S: "ready" } }, ConditionExpression: "attribute_not_exists(id)" }),
    );
    expect(await failure(put)).toMatch(/^ConditionalCheckFailedException/);
    expect((await client.send(new DescribeTableCommand({ TableName: "state" }))).Table).toMatchObject({
      TableStatus: "ACTIVE",
      TableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/state",
    });
  });

  it("tells a table that is being made from one that isn't there", async () => {
    const { settled } = cloud.begin("aws:dynamodb/table:Table", table);
    const client = new DynamoDBClient(settings);
    const status = (await client.send(new DescribeTableCommand({ TableName: "state" }))).Table?.TableStatus;
    expect(["CREATING", "ACTIVE"]).toContain(status);
    await settled;
    expect(await failure(client.send(new DescribeTableCommand({ TableName: "none" })))).toMatch(/^ResourceNotFoundException/);
    expect(
      await failure(new DynamoDBClient({ ...settings, region: "us-east-1" }).send(new DescribeTableCommand({ TableName: "state" }))),
    ).toMatch(/^ResourceNotFoundException/);
  });
});

describe("ECS", () => {
  it("describes clusters, services and tasks", async () => {
    const client = new ECSClient(settings);
    const service = await ecsService();
    const { clusters = [], failures = [] } = await client.send(
      new DescribeClustersCommand({ clusters: ["fleet", "none"], include: ["TAGS"] }),
    );
    expect(clusters).toMatchObject([{ status: "ACTIVE", runningTasksCount: 2, activeServicesCount: 1, tags: [{ key: "a", value: "b" }] }]);
    expect(failures).toMatchObject([{ reason: "MISSING" }]);
    expect((await client.send(new ListServicesCommand({ cluster: "fleet" }))).serviceArns).toEqual([service.id]);
    const { services = [] } = await client.send(new DescribeServicesCommand({ cluster: "fleet", services: ["gen"] }));
    expect(services).toMatchObject([
      {
        desiredCount: 2,
        runningCount: 2,
        pendingCount: 0,
        status: "ACTIVE",
        deployments: [{ status: "PRIMARY", rolloutState: "COMPLETED" }],
      },
    ]);
    expect(services[0]?.events?.[0]?.createdAt).toBeInstanceOf(Date);
    const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster: "fleet", serviceName: "gen" }));
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster: "fleet", tasks: taskArns }));
    expect(tasks).toHaveLength(2);
    expect(tasks[0]).toMatchObject({
      lastStatus: "RUNNING",
      healthStatus: "HEALTHY",
      launchType: "FARGATE",
      containers: [{ name: "app", lastStatus: "RUNNING", healthStatus: "HEALTHY" }],
    });
    expect(await failure(client.send(new ListTasksCommand({ cluster: "none" })))).toMatch(/^ClusterNotFoundException/);
  });

  it("scales a service to nothing, and replaces a task that was stopped", async () => {
    const client = new ECSClient(settings);
    const service = await ecsService();
    const { taskArns: [first = ""] = [] } = await client.send(new ListTasksCommand({ cluster: "fleet" }));
    await client.send(new StopTaskCommand({ cluster: "fleet", task: first, reason: "drill" }));
    await cloud.clock.advance(70);
    expect((await client.send(new DescribeTasksCommand({ cluster: "fleet", tasks: [first] }))).tasks).toMatchObject([
      { lastStatus: "STOPPED", stoppedReason: "drill" },
    ]);
    expect((await client.send(new ListTasksCommand({ cluster: "fleet" }))).taskArns).toHaveLength(2);
    const { service: updated } = await client.send(new UpdateServiceCommand({ cluster: "fleet", service: service.id, desiredCount: 0 }));
    expect(updated?.desiredCount).toBe(0);
    await cloud.clock.advance(1);
    expect(cloud.runtime.states.size).toBe(0);
    expect(await failure(client.send(new UpdateServiceCommand({ cluster: "fleet", service: "none", desiredCount: 0 })))).toMatch(
      /^ServiceNotFoundException/,
    );
    expect(await failure(client.send(new UpdateServiceCommand({ cluster: "fleet", service: "gen", forceNewDeployment: true })))).toMatch(
      /not modelled/,
    );
  });

  it("answers the metadata calls of its containers", async () => {
    await ecsService();
    const [state] = cloud.runtime.list();
    const url = state?.spec.environment["ECS_CONTAINER_METADATA_URI_V4"]?.replace(cloud.endpointUrl, settings.endpoint) ?? "";
    expect(await (await fetch(url)).json()).toMatchObject({ Name: "app", KnownStatus: "RUNNING" });
    expect(await (await fetch(`${url}/task`)).json()).toMatchObject({ Family: "gen", Revision: "1", LaunchType: "FARGATE" });
  });
});

describe("Lambda", () => {
  beforeEach(async () => {
    await cloud.create("aws:iam/role:Role", {
      name: "lambda",
      assumeRolePolicy: JSON.stringify({ Statement: [{ Principal: { Service: "lambda.amazonaws.com" } }] }),
    });
  });
  const begin = () =>
    cloud.begin("aws:lambda/function:Function", {
      name: "orchestrator",
      role: "arn:aws:iam::123456789012:role/lambda",
      runtime: "nodejs22.x",
      handler: "index.handler",
      tags: { a: "b" },
      code: {
        kind: "archive",
        hash: "a".repeat(64),
        assets: { "index.js": { kind: "asset", hash: "b", text: "x" } },
      } as unknown as Properties,
    });

  it("refuses a call while the function is pending, then runs it, by name and by ARN", async () => {
    const client = new LambdaClient(settings);
    const { record, settled } = begin();
    expect((await client.send(new GetFunctionCommand({ FunctionName: "orchestrator" }))).Configuration?.State).toBe("Pending");
    expect(await failure(client.send(new InvokeCommand({ FunctionName: "orchestrator" })))).toMatch(/^ResourceConflictException.*Pending/);
    await cloud.clock.advance(10);
    await settled;
    for (const FunctionName of ["orchestrator", record.arn ?? "", `${record.arn}:$LATEST`]) {
      const answer = await client.send(
        new InvokeCommand({ FunctionName, Payload: Buffer.from('{"action":"test-init"}'), LogType: "Tail" }),
      );
      expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
      expect(answer.FunctionError).toBeUndefined();
      expect(JSON.parse(Buffer.from(answer.Payload ?? []).toString())).toEqual({
        name: "123456789012-eu-central-1-orchestrator",
        input: { action: "test-init" },
      });
      expect(Buffer.from(answer.LogResult ?? "", "base64").toString()).toBe("START\nEND");
    }
    const failed = await client.send(new InvokeCommand({ FunctionName: "orchestrator", Payload: Buffer.from('{"fail":true}') }));
    expect(failed).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" });
    expect((await client.send(new InvokeCommand({ FunctionName: "orchestrator", InvocationType: "Event" }))).StatusCode).toBe(202);
    expect(await client.send(new GetFunctionCommand({ FunctionName: "orchestrator" }))).toMatchObject({
      Configuration: { State: "Active", Timeout: 3 },
      Tags: { a: "b" },
    });
    expect(await failure(client.send(new InvokeCommand({ FunctionName: "none" })))).toMatch(/^ResourceNotFoundException/);
  });

  it("shows permissions as the function's policy", async () => {
    const client = new LambdaClient(settings);
    const { settled } = begin();
    await cloud.clock.advance(10);
    await settled;
    expect(await failure(client.send(new GetFunctionPolicyCommand({ FunctionName: "orchestrator" })))).toMatch(
      /^ResourceNotFoundException/,
    );
    await cloud.create("aws:lambda/permission:Permission", {
      action: "lambda:InvokeFunction",
      function: "orchestrator",
      principal: "events.amazonaws.com",
      statementId: "allow",
    });
    expect((await client.send(new GetFunctionPolicyCommand({ FunctionName: "orchestrator" }))).Policy).toContain('"allow"');
  });
});

describe("S3", () => {
  it("keeps objects with their metadata, lists them, and deletes them", async () => {
    const client = new S3Client({ ...settings, forcePathStyle: true });
    await cloud.create("aws:s3/bucket:Bucket", { bucket: "results-1" });
    expect((await client.send(new ListBucketsCommand({}))).Buckets).toMatchObject([{ Name: "results-1" }]);
    await client.send(new HeadBucketCommand({ Bucket: "results-1" }));
    expect(await failure(client.send(new HeadBucketCommand({ Bucket: "none-1" })))).toMatch(/^NotFound/);
    const Bucket = "results-1";
    for (const Key of ["a/1 ü+.json", "a/2.json", "b.txt"])
      await client.send(new PutObjectCommand({ Bucket, Key, Body: `body of ${Key}`, ContentType: "text/plain", Metadata: { run: "7" } }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key: "a/1 ü+.json" }));
    expect(await got.Body?.transformToString()).toBe("body of a/1 ü+.json");
    expect(got).toMatchObject({ ContentType: "text/plain", Metadata: { run: "7" } });
    const part = await client.send(new GetObjectCommand({ Bucket, Key: "b.txt", Range: "bytes=0-3" }));
    expect(await part.Body?.transformToString()).toBe("body");
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: "b.txt" }))).toMatchObject({ ContentLength: 13 });
    const listed = await client.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
    expect([listed.CommonPrefixes?.map(({ Prefix }) => Prefix), listed.Contents?.map(({ Key }) => Key)]).toEqual([["a/"], ["b.txt"]]);
    const first = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2 }));
    expect(first.IsTruncated).toBe(true);
    expect(
      (await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken: first.NextContinuationToken }))).Contents?.map(
        ({ Key }) => Key,
      ),
    ).toEqual(["b.txt"]);
    await client.send(new DeleteObjectCommand({ Bucket, Key: "b.txt" }));
    expect(await failure(client.send(new GetObjectCommand({ Bucket, Key: "b.txt" })))).toMatch(/^NoSuchKey/);
    expect(await failure(client.send(new PutObjectCommand({ Bucket: "none-1", Key: "k", Body: "" })))).toMatch(/^NoSuchBucket/);
  });

  it("tells a bucket's public access block", async () => {
    const client = new S3Client({ ...settings, forcePathStyle: true });
    await cloud.create("aws:s3/bucket:Bucket", { bucket: "results-1" });
    expect(await failure(client.send(new GetPublicAccessBlockCommand({ Bucket: "results-1" })))).toMatch(
      /^NoSuchPublicAccessBlockConfiguration/,
    );
    await cloud.create("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { bucket: "results-1", blockPublicAcls: true });
    expect((await client.send(new GetPublicAccessBlockCommand({ Bucket: "results-1" }))).PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: false,
      IgnorePublicAcls: false,
      RestrictPublicBuckets: false,
    });
  });
});

describe("logs and metrics", () => {
  it("list log groups and workspaces", async () => {
    await cloud.create("aws:cloudwatch/logGroup:LogGroup", { name: "/fleet/app", retentionInDays: 7 });
    expect(
      (await new CloudWatchLogsClient(settings).send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/fleet" }))).logGroups,
    ).toMatchObject([{ logGroupName: "/fleet/app", retentionInDays: 7 }]);
    const workspace = await cloud.create("aws:amp/workspace:Workspace", { alias: "metrics", tags: { a: "b" } });
    const client = new AmpClient(settings);
    expect((await client.send(new ListWorkspacesCommand({ alias: "met" }))).workspaces).toMatchObject([
      { workspaceId: workspace.id, status: { statusCode: "ACTIVE" }, tags: { a: "b" } },
    ]);
    expect((await client.send(new DescribeWorkspaceCommand({ workspaceId: workspace.id }))).workspace?.createdAt).toBeInstanceOf(Date);
    expect(await failure(client.send(new DescribeWorkspaceCommand({ workspaceId: "ws-none" })))).toMatch(/^ResourceNotFoundException/);
  });
});
