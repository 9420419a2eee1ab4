import { AmpClient, DescribeWorkspaceCommand, ListWorkspacesCommand } from "@aws-sdk/client-amp";
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeAvailabilityZonesCommand, DescribeInternetGatewaysCommand, DescribeRegionsCommand, DescribeRouteTablesCommand, DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand, DescribeSubnetsCommand, DescribeVpcsCommand, EC2Client, RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DescribeClustersCommand, DescribeServicesCommand, DescribeTasksCommand, ECSClient, ListServicesCommand, ListTasksCommand, StopTaskCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import {
  CreateUserCommand, GetInstanceProfileCommand, GetPolicyCommand, GetRoleCommand, GetRolePolicyCommand, IAMClient, ListAttachedRolePoliciesCommand, ListPoliciesCommand, ListRolePoliciesCommand,
  ListRolesCommand, ListRoleTagsCommand,
} from "@aws-sdk/client-iam";
import { GetFunctionCommand, GetPolicyCommand as GetFunctionPolicyCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetResourcesCommand, ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { DeleteObjectCommand, GetObjectCommand, GetPublicAccessBlockCommand, HeadBucketCommand, HeadObjectCommand, ListBucketsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerAwsApis } from "../../../local/aws/api/index";
import { localCredentials } from "../../../local/aws/credentials";
import type { Properties, ResourceRecord } from "../../../local/model";
import { FakeCloud, HOME } from "./fake";

let cloud: FakeCloud;
let app: FastifyInstance;
let settings: { region: string; endpoint: string; maxAttempts: number; credentials: { accessKeyId: string; secretAccessKey: string } };

beforeEach(async () => {
  cloud = new FakeCloud();
  app = fastify({ forceCloseConnections: true });
  await registerAwsApis(app, cloud);
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = localCredentials(HOME);
  settings = { region: HOME.region, endpoint, maxAttempts: 1, credentials: { accessKeyId, secretAccessKey } };
});
afterEach(async () => {
  await app.close();
  await cloud.close();
});

/** Name of the error that a call ends with, as the SDK gives it. */
async function failure(call: Promise<unknown>): Promise<string> {
  return call.then(() => "no error", (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)));
}

async function network(): Promise<{ vpc: ResourceRecord; subnet: ResourceRecord; group: ResourceRecord; table: ResourceRecord; link: ResourceRecord; gateway: ResourceRecord }> {
  const vpc = await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { Name: "<main & co>" } });
  const gateway = await cloud.create("aws:ec2/internetGateway:InternetGateway", { vpcId: vpc.id });
  const subnet = await cloud.create("aws:ec2/subnet:Subnet", { vpcId: vpc.id, cidrBlock: "10.0.0.0/24", mapPublicIpOnLaunch: true });
  const table = await cloud.create("aws:ec2/routeTable:RouteTable", { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }] });
  const link = await cloud.create("aws:ec2/routeTableAssociation:RouteTableAssociation", { routeTableId: table.id, subnetId: subnet.id });
  const group = await cloud.create("aws:ec2/securityGroup:SecurityGroup", { vpcId: vpc.id, name: "tasks", egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }] });
  return { vpc, subnet, group, table, link, gateway };
}

async function ecsService(): Promise<ResourceRecord> {
  const { subnet, group } = await network();
  await cloud.create("aws:ecs/cluster:Cluster", { name: "fleet", tags: { a: "b" } });
  const definition = await cloud.create("aws:ecs/taskDefinition:TaskDefinition", {
    family: "gen", networkMode: "awsvpc", cpu: "256", memory: "512", containerDefinitions: JSON.stringify([{ name: "app", image: "stackfleet/loadtest:1", healthCheck: { command: ["CMD", "true"] } }]),
  });
  const { settled } = cloud.begin("aws:ecs/service:Service", {
    name: "gen", cluster: "fleet", taskDefinition: definition.arn ?? "", desiredCount: 2, launchType: "FARGATE", waitForSteadyState: true,
    networkConfiguration: { subnets: [subnet.id], securityGroups: [group.id], assignPublicIp: true },
  });
  await cloud.clock.advance(70);
  return settled;
}

describe("the front", () => {
  it("takes region and account from the signature", async () => {
    expect(await new STSClient({ ...settings, region: "us-gov-west-1" }).send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: HOME.account, Arn: "arn:aws-us-gov:iam::123456789012:user/local-cloud" });
  });

  it("names the file to extend for an operation and for a service that it hasn't", async () => {
    expect(await failure(new IAMClient(settings).send(new CreateUserCommand({ UserName: "u" })))).toMatch(/^NotImplemented: iam:CreateUser is not modelled.*local\/aws\/api\/iam\.ts/);
    expect(await failure(new EC2Client(settings).send(new RunInstancesCommand({ MinCount: 1, MaxCount: 1 })))).toMatch(/^NotImplemented: ec2:RunInstances.*local\/aws\/api\/ec2\.ts/);
    const response = await fetch(settings.endpoint, { headers: { authorization: "AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/rds/aws4_request, SignedHeaders=host, Signature=x" } });
    expect(await response.json()).toMatchObject({ __type: "NotImplemented", message: expect.stringContaining("local/aws/api/index.ts") as string });
  });

  it("refuses calls without a signature", async () => {
    expect((await fetch(settings.endpoint)).status).toBe(403);
  });
});

describe("EC2", () => {
  it("describes a network, with filters, and says what isn't there", async () => {
    const client = new EC2Client(settings);
    const { vpc, subnet, group, table, link, gateway } = await network();
    const { Vpcs: vpcs = [] } = await client.send(new DescribeVpcsCommand({ Filters: [{ Name: "tag:Name", Values: ["<main*"] }] }));
    expect(vpcs).toMatchObject([{ VpcId: vpc.id, State: "available", CidrBlock: "10.0.0.0/16", IsDefault: false, Tags: [{ Key: "Name", Value: "<main & co>" }] }]);
    expect((await client.send(new DescribeSubnetsCommand({ Filters: [{ Name: "vpc-id", Values: [vpc.id] }] }))).Subnets).toMatchObject([{ SubnetId: subnet.id, AvailableIpAddressCount: 251, MapPublicIpOnLaunch: true, AvailabilityZoneId: "euc1-az1" }]);
    const { RouteTables: tables = [] } = await client.send(new DescribeRouteTablesCommand({ RouteTableIds: [table.id] }));
    expect(tables[0]?.Routes).toMatchObject([{ GatewayId: "local" }, { DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway.id }]);
    expect(tables[0]?.Associations).toMatchObject([{ RouteTableAssociationId: link.id, SubnetId: subnet.id, Main: false, AssociationState: { State: "associated" } }]);
    expect((await client.send(new DescribeInternetGatewaysCommand({ Filters: [{ Name: "attachment.vpc-id", Values: [vpc.id] }] }))).InternetGateways).toMatchObject([{ InternetGatewayId: gateway.id }]);
    const { SecurityGroups: groups = [] } = await client.send(new DescribeSecurityGroupsCommand({ GroupIds: [group.id] }));
    expect(groups).toMatchObject([{ GroupName: "tasks", IpPermissions: [], IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }] }]);
    expect((await client.send(new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [group.id] }] }))).SecurityGroupRules).toMatchObject([{ IsEgress: true, CidrIpv4: "0.0.0.0/0", FromPort: 0 }]);
    expect(await failure(client.send(new DescribeVpcsCommand({ VpcIds: ["vpc-none"] })))).toMatch(/^InvalidVpcID\.NotFound: /);
    expect(await failure(client.send(new DescribeVpcsCommand({ Filters: [{ Name: "odd", Values: ["x"] }] })))).toMatch(/^InvalidParameterValue: The filter 'odd'/);
  });

  it("shows a VPC that is still being made as pending", async () => {
    const { record } = cloud.begin("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" }, { settle: false });
    expect((await new EC2Client(settings).send(new DescribeVpcsCommand({ VpcIds: [record.id] }))).Vpcs?.[0]?.State).toMatch(/pending|available/);
  });

  it("lists regions and zones", async () => {
    const client = new EC2Client(settings);
    const { Regions: enabled = [] } = await client.send(new DescribeRegionsCommand({}));
    expect(enabled.map((region) => region.RegionName)).toContain("eu-west-1");
    expect(enabled.map((region) => region.RegionName)).not.toContain("me-south-1");
    const { Regions: all = [] } = await client.send(new DescribeRegionsCommand({ AllRegions: true }));
    expect(all.find((region) => region.RegionName === "me-south-1")?.OptInStatus).toBe("not-opted-in");
    expect((await client.send(new DescribeAvailabilityZonesCommand({}))).AvailabilityZones?.map((zone) => zone.ZoneName)).toEqual(["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
  });
});

describe("the tagging API", () => {
  const find = (more: object = {}) => new ResourceGroupsTaggingAPIClient(settings).send(new GetResourcesCommand({ TagFilters: [{ Key: "hash", Values: ["x"] }], ...more }));

  it("finds resources by tag from the start of their creation, and no IAM roles", async () => {
    const { record } = cloud.begin("aws:amp/workspace:Workspace", { tags: { hash: "x" } });
    await cloud.create("aws:iam/role:Role", { name: "r", assumeRolePolicy: "{}", tags: { hash: "x" } });
    await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "y" } });
    await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "x" } }, { region: "us-east-1" });
    expect((await find()).ResourceTagMappingList).toEqual([{ ResourceARN: record.arn, Tags: [{ Key: "hash", Value: "x" }] }]);
  });

  it("filters by type and goes page by page", async () => {
    for (let n = 0; n < 5; n += 1) await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { hash: "x" } });
    await cloud.create("aws:cloudwatch/logGroup:LogGroup", { name: "g", tags: { hash: "x" } });
    const arns: string[] = [];
    let token: string | undefined;
    let pages = 0;
    do {
      const answer = await find({ ResourcesPerPage: 2, ResourceTypeFilters: ["ec2:vpc"], ...(token ? { PaginationToken: token } : {}) });
      arns.push(...(answer.ResourceTagMappingList ?? []).map((mapping) => mapping.ResourceARN ?? ""));
      token = answer.PaginationToken;
      pages += 1;
    } while (token);
    expect([pages, new Set(arns).size]).toEqual([3, 5]);
    expect((await find({ ResourceTypeFilters: ["logs"] })).ResourceTagMappingList).toHaveLength(1);
  });
});

describe("IAM", () => {
  it("reads roles, their policies and their tags", async () => {
    const client = new IAMClient(settings);
    const trust = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    await cloud.create("aws:iam/role:Role", { name: "worker", assumeRolePolicy: trust, tags: { hash: "x" } });
    await cloud.create("aws:iam/rolePolicy:RolePolicy", { name: "own", role: "worker", policy: trust });
    const policy = await cloud.create("aws:iam/policy:Policy", { name: "shared", policy: trust, tags: { k: "v" } });
    await cloud.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { role: "worker", policyArn: policy.id });
    await cloud.create("aws:iam/instanceProfile:InstanceProfile", { name: "profile", role: "worker" });
    const { Role: role } = await client.send(new GetRoleCommand({ RoleName: "worker" }));
    expect(role).toMatchObject({ RoleName: "worker", Arn: "arn:aws:iam::123456789012:role/worker", Tags: [{ Key: "hash", Value: "x" }] });
    expect(decodeURIComponent(role?.AssumeRolePolicyDocument ?? "")).toBe(trust);
    expect(role?.CreateDate).toBeInstanceOf(Date);
    expect((await client.send(new ListRolesCommand({}))).Roles).toHaveLength(1);
    expect((await client.send(new ListRoleTagsCommand({ RoleName: "worker" }))).Tags).toEqual([{ Key: "hash", Value: "x" }]);
    expect((await client.send(new ListRolePoliciesCommand({ RoleName: "worker" }))).PolicyNames).toEqual(["own"]);
    expect(decodeURIComponent((await client.send(new GetRolePolicyCommand({ RoleName: "worker", PolicyName: "own" }))).PolicyDocument ?? "")).toBe(trust);
    expect((await client.send(new ListAttachedRolePoliciesCommand({ RoleName: "worker" }))).AttachedPolicies).toEqual([{ PolicyName: "shared", PolicyArn: policy.id }]);
    expect((await client.send(new GetPolicyCommand({ PolicyArn: policy.id }))).Policy).toMatchObject({ PolicyName: "shared", Tags: [{ Key: "k", Value: "v" }] });
    expect((await client.send(new ListPoliciesCommand({ Scope: "Local" }))).Policies).toMatchObject([{ PolicyName: "shared" }]);
    expect((await client.send(new GetInstanceProfileCommand({ InstanceProfileName: "profile" }))).InstanceProfile?.Roles).toMatchObject([{ RoleName: "worker" }]);
    expect(await failure(client.send(new GetRoleCommand({ RoleName: "none" })))).toMatch(/^NoSuchEntity/);
    expect(await failure(client.send(new GetRolePolicyCommand({ RoleName: "worker", PolicyName: "none" })))).toMatch(/^NoSuchEntity/);
  });
});

describe("DynamoDB", () => {
  const table: Properties = { name: "state", hashKey: "id", attributes: [{ name: "id", type: "S" }], billingMode: "PAY_PER_REQUEST" };

  it("keeps every one of many concurrent set additions, and refuses a condition that fails", async () => {
    await cloud.create("aws:dynamodb/table:Table", table);
    const client = new DynamoDBClient(settings);
    const regions = Array.from({ length: 20 }, (_, n) => `region-${n}`);
    await Promise.all(regions.map((region) => client.send(new UpdateItemCommand({
      TableName: "state", Key: { id: { S: "ready" } }, UpdateExpression: "ADD regions :r", ExpressionAttributeValues: { ":r": { SS: [region] } },
    }))));
    const { Item: item } = await client.send(new GetItemCommand({ TableName: "state", Key: { id: { S: "ready" } } }));
    expect(new Set(item?.["regions"]?.SS)).toEqual(new Set(regions));
    const put = client.send(new PutItemCommand({ TableName: "state", Item: { id: { S: "ready" } }, ConditionExpression: "attribute_not_exists(id)" }));
    expect(await failure(put)).toMatch(/^ConditionalCheckFailedException/);
    expect((await client.send(new DescribeTableCommand({ TableName: "state" }))).Table).toMatchObject({ TableStatus: "ACTIVE", TableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/state" });
  });

  it("tells a table that is being made from one that isn't there", async () => {
    cloud.begin("aws:dynamodb/table:Table", table);
    const client = new DynamoDBClient(settings);
    const status = (await client.send(new DescribeTableCommand({ TableName: "state" }))).Table?.TableStatus;
    expect(["CREATING", "ACTIVE"]).toContain(status);
    expect(await failure(client.send(new DescribeTableCommand({ TableName: "none" })))).toMatch(/^ResourceNotFoundException/);
    expect(await failure(new DynamoDBClient({ ...settings, region: "us-east-1" }).send(new DescribeTableCommand({ TableName: "state" })))).toMatch(/^ResourceNotFoundException/);
  });
});

describe("ECS", () => {
  it("describes clusters, services and tasks", async () => {
    const client = new ECSClient(settings);
    const service = await ecsService();
    const { clusters = [], failures = [] } = await client.send(new DescribeClustersCommand({ clusters: ["fleet", "none"], include: ["TAGS"] }));
    expect(clusters).toMatchObject([{ status: "ACTIVE", runningTasksCount: 2, activeServicesCount: 1, tags: [{ key: "a", value: "b" }] }]);
    expect(failures).toMatchObject([{ reason: "MISSING" }]);
    expect((await client.send(new ListServicesCommand({ cluster: "fleet" }))).serviceArns).toEqual([service.id]);
    const { services = [] } = await client.send(new DescribeServicesCommand({ cluster: "fleet", services: ["gen"] }));
    expect(services).toMatchObject([{ desiredCount: 2, runningCount: 2, pendingCount: 0, status: "ACTIVE", deployments: [{ status: "PRIMARY", rolloutState: "COMPLETED" }] }]);
    expect(services[0]?.events?.[0]?.createdAt).toBeInstanceOf(Date);
    const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster: "fleet", serviceName: "gen" }));
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster: "fleet", tasks: taskArns }));
    expect(tasks).toHaveLength(2);
    expect(tasks[0]).toMatchObject({ lastStatus: "RUNNING", healthStatus: "HEALTHY", launchType: "FARGATE", containers: [{ name: "app", lastStatus: "RUNNING", healthStatus: "HEALTHY" }] });
    expect(await failure(client.send(new ListTasksCommand({ cluster: "none" })))).toMatch(/^ClusterNotFoundException/);
  });

  it("scales a service to nothing, and replaces a task that was stopped", async () => {
    const client = new ECSClient(settings);
    const service = await ecsService();
    const { taskArns: [first = ""] = [] } = await client.send(new ListTasksCommand({ cluster: "fleet" }));
    await client.send(new StopTaskCommand({ cluster: "fleet", task: first, reason: "drill" }));
    await cloud.clock.advance(70);
    expect((await client.send(new DescribeTasksCommand({ cluster: "fleet", tasks: [first] }))).tasks).toMatchObject([{ lastStatus: "STOPPED", stoppedReason: "drill" }]);
    expect((await client.send(new ListTasksCommand({ cluster: "fleet" }))).taskArns).toHaveLength(2);
    const { service: updated } = await client.send(new UpdateServiceCommand({ cluster: "fleet", service: service.id, desiredCount: 0 }));
    expect(updated?.desiredCount).toBe(0);
    await cloud.clock.advance(1);
    expect(cloud.runtime.states.size).toBe(0);
    expect(await failure(client.send(new UpdateServiceCommand({ cluster: "fleet", service: "none", desiredCount: 0 })))).toMatch(/^ServiceNotFoundException/);
    expect(await failure(client.send(new UpdateServiceCommand({ cluster: "fleet", service: "gen", forceNewDeployment: true })))).toMatch(/not modelled/);
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
    await cloud.create("aws:iam/role:Role", { name: "lambda", assumeRolePolicy: JSON.stringify({ Statement: [{ Principal: { Service: "lambda.amazonaws.com" } }] }) });
  });
  const begin = () => cloud.begin("aws:lambda/function:Function", {
    name: "orchestrator", role: "arn:aws:iam::123456789012:role/lambda", runtime: "nodejs22.x", handler: "index.handler", tags: { a: "b" },
    code: { kind: "archive", hash: "a".repeat(64), assets: { "index.js": { kind: "asset", hash: "b", text: "x" } } } as unknown as Properties,
  });

  it("refuses a call while the function is pending, then runs it, by name and by ARN", async () => {
    const client = new LambdaClient(settings);
    const { record, settled } = begin();
    expect((await client.send(new GetFunctionCommand({ FunctionName: "orchestrator" }))).Configuration?.State).toBe("Pending");
    expect(await failure(client.send(new InvokeCommand({ FunctionName: "orchestrator" })))).toMatch(/^ResourceConflictException.*Pending/);
    await cloud.clock.advance(10);
    await settled;
    for (const FunctionName of ["orchestrator", record.arn ?? "", `${record.arn}:$LATEST`]) {
      const answer = await client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from('{"action":"test-init"}'), LogType: "Tail" }));
      expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
      expect(answer.FunctionError).toBeUndefined();
      expect(JSON.parse(Buffer.from(answer.Payload ?? []).toString())).toEqual({ name: "123456789012-eu-central-1-orchestrator", input: { action: "test-init" } });
      expect(Buffer.from(answer.LogResult ?? "", "base64").toString()).toBe("START\nEND");
    }
    const failed = await client.send(new InvokeCommand({ FunctionName: "orchestrator", Payload: Buffer.from('{"fail":true}') }));
    expect(failed).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" });
    expect((await client.send(new InvokeCommand({ FunctionName: "orchestrator", InvocationType: "Event" }))).StatusCode).toBe(202);
    expect(await client.send(new GetFunctionCommand({ FunctionName: "orchestrator" }))).toMatchObject({ Configuration: { State: "Active", Timeout: 3 }, Tags: { a: "b" } });
    expect(await failure(client.send(new InvokeCommand({ FunctionName: "none" })))).toMatch(/^ResourceNotFoundException/);
  });

  it("shows permissions as the function's policy", async () => {
    const client = new LambdaClient(settings);
    const { settled } = begin();
    await cloud.clock.advance(10);
    await settled;
    expect(await failure(client.send(new GetFunctionPolicyCommand({ FunctionName: "orchestrator" })))).toMatch(/^ResourceNotFoundException/);
    await cloud.create("aws:lambda/permission:Permission", { action: "lambda:InvokeFunction", function: "orchestrator", principal: "events.amazonaws.com", statementId: "allow" });
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
    for (const Key of ["a/1 ü+.json", "a/2.json", "b.txt"]) await client.send(new PutObjectCommand({ Bucket, Key, Body: `body of ${Key}`, ContentType: "text/plain", Metadata: { run: "7" } }));
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
    expect((await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken: first.NextContinuationToken }))).Contents?.map(({ Key }) => Key)).toEqual(["b.txt"]);
    await client.send(new DeleteObjectCommand({ Bucket, Key: "b.txt" }));
    expect(await failure(client.send(new GetObjectCommand({ Bucket, Key: "b.txt" })))).toMatch(/^NoSuchKey/);
    expect(await failure(client.send(new PutObjectCommand({ Bucket: "none-1", Key: "k", Body: "" })))).toMatch(/^NoSuchBucket/);
  });

  it("tells a bucket's public access block", async () => {
    const client = new S3Client({ ...settings, forcePathStyle: true });
    await cloud.create("aws:s3/bucket:Bucket", { bucket: "results-1" });
    expect(await failure(client.send(new GetPublicAccessBlockCommand({ Bucket: "results-1" })))).toMatch(/^NoSuchPublicAccessBlockConfiguration/);
    await cloud.create("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", { bucket: "results-1", blockPublicAcls: true });
    expect((await client.send(new GetPublicAccessBlockCommand({ Bucket: "results-1" }))).PublicAccessBlockConfiguration).toEqual({ BlockPublicAcls: true, BlockPublicPolicy: false, IgnorePublicAcls: false, RestrictPublicBuckets: false });
  });
});

describe("logs and metrics", () => {
  it("list log groups and workspaces", async () => {
    await cloud.create("aws:cloudwatch/logGroup:LogGroup", { name: "/fleet/app", retentionInDays: 7 });
    expect((await new CloudWatchLogsClient(settings).send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/fleet" }))).logGroups).toMatchObject([{ logGroupName: "/fleet/app", retentionInDays: 7 }]);
    const workspace = await cloud.create("aws:amp/workspace:Workspace", { alias: "metrics", tags: { a: "b" } });
    const client = new AmpClient(settings);
    expect((await client.send(new ListWorkspacesCommand({ alias: "met" }))).workspaces).toMatchObject([{ workspaceId: workspace.id, status: { statusCode: "ACTIVE" }, tags: { a: "b" } }]);
    expect((await client.send(new DescribeWorkspaceCommand({ workspaceId: workspace.id }))).workspace?.createdAt).toBeInstanceOf(Date);
    expect(await failure(client.send(new DescribeWorkspaceCommand({ workspaceId: "ws-none" })))).toMatch(/^ResourceNotFoundException/);
  });
});
