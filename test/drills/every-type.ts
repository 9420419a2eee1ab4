/** A fleet of one stack with at least one of every resource type that the local cloud models, and what drills ask of such fleets. */
import { expect } from "vitest";
import { connect, type LocalCloudClient } from "../../local/client";
import { TestFleet } from "../support/fleet";

/** A config of stacks whose programs lie beside it. */
export function fleetConfig(stacks: Readonly<Record<string, object>>): string {
  return `import { defineFleet } from "stackfleet";\nexport default defineFleet(${JSON.stringify({ stacks })});\n`;
}

export const REGION = "eu-west-1";

/** Plain resources of the SDK, as short a chain as their references allow; secrets, text assets and names that stay among the inputs. */
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const aws = require("@pulumi/aws");
const trust = (service) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }] });
const allow = (action, resource) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: action, Resource: resource }] });

function network() {
  const vpc = new aws.ec2.Vpc("net", { cidrBlock: "10.0.0.0/16" });
  const subnet = new aws.ec2.Subnet("net", { vpcId: vpc.id, cidrBlock: "10.0.1.0/24" });
  const gateway = new aws.ec2.InternetGateway("net", { vpcId: vpc.id });
  const table = new aws.ec2.RouteTable("net", { vpcId: vpc.id });
  new aws.ec2.Route("net", { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id });
  new aws.ec2.RouteTableAssociation("net", { routeTableId: table.id, subnetId: subnet.id });
  const group = new aws.ec2.SecurityGroup("net", { vpcId: vpc.id });
  new aws.vpc.SecurityGroupIngressRule("net", { securityGroupId: group.id, ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv4: "10.0.0.0/16" });
  new aws.vpc.SecurityGroupEgressRule("net", { securityGroupId: group.id, ipProtocol: "-1", cidrIpv4: "10.0.0.0/16" });
  const address = new aws.ec2.Eip("net", { domain: "vpc" });
  new aws.ec2.NatGateway("net", { subnetId: subnet.id, allocationId: address.id });
  const namespace = new aws.servicediscovery.PrivateDnsNamespace("net", { name: "net.local", vpc: vpc.id });
  const registry = new aws.servicediscovery.Service("net", { dnsConfig: { namespaceId: namespace.id, dnsRecords: [{ ttl: 10, type: "A" }] } });
  const peer = new aws.ec2.Vpc("peer", { cidrBlock: "10.1.0.0/16" });
  const connection = new aws.ec2.VpcPeeringConnection("net", { vpcId: vpc.id, peerVpcId: peer.id });
  new aws.ec2.VpcPeeringConnectionAccepter("net", { vpcPeeringConnectionId: connection.id, autoAccept: true });
  new aws.route53.ZoneAssociation("net", { zoneId: namespace.hostedZone, vpcId: peer.id });
  const instance = new aws.ec2.Instance("net", { ami: "ami-0123456789abcdef0", instanceType: "t3.small", subnetId: subnet.id });
  new aws.ssm.Association("net", { name: "AWS-RunShellScript", targets: [{ key: "InstanceIds", values: [instance.id] }], parameters: { commands: "true" } });
  return { subnet, group, registry };
}

function identity() {
  const role = new aws.iam.Role("who", { assumeRolePolicy: trust("lambda.amazonaws.com") });
  new aws.iam.RolePolicy("who", { role: role.name, policy: allow("s3:GetObject", "arn:aws:s3:::x/*") });
  const policy = new aws.iam.Policy("who", { path: "/drill/", policy: allow("sqs:SendMessage", "arn:aws:sqs:*:*:x") });
  new aws.iam.RolePolicyAttachment("who", { role: role.name, policyArn: policy.arn });
  new aws.iam.InstanceProfile("who", { role: role.name });
  return role;
}

function storage() {
  const bucket = new aws.s3.Bucket("files", { forceDestroy: true });
  const other = new aws.s3.BucketV2("other", { forceDestroy: true });
  new aws.s3.BucketPublicAccessBlock("files", { bucket: bucket.id, blockPublicAcls: true });
  new aws.s3.BucketPolicy("files", { bucket: bucket.id, policy: allow("s3:GetObject", "*") });
  new aws.s3.BucketOwnershipControls("files", { bucket: bucket.id, rule: { objectOwnership: "BucketOwnerEnforced" } });
  const rules = [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" } }];
  new aws.s3.BucketServerSideEncryptionConfiguration("files", { bucket: bucket.id, rules });
  new aws.s3.BucketServerSideEncryptionConfigurationV2("other", { bucket: other.id, rules });
  new aws.s3.BucketVersioning("files", { bucket: bucket.id, versioningConfiguration: { status: "Enabled" } });
  new aws.s3.BucketVersioningV2("other", { bucket: other.id, versioningConfiguration: { status: "Enabled" } });
  new aws.s3.BucketObject("files", { bucket: bucket.id, key: "a/first object+1.txt", content: "first" });
  new aws.s3.BucketObjectv2("files", { bucket: bucket.id, key: "second.txt", source: new pulumi.asset.StringAsset("second") });
  const table = new aws.dynamodb.Table("rows", { attributes: [{ name: "id", type: "S" }, { name: "n", type: "N" }], hashKey: "id", rangeKey: "n", billingMode: "PAY_PER_REQUEST" });
  new aws.dynamodb.TableItem("row", { tableName: table.name, hashKey: "id", rangeKey: "n", item: JSON.stringify({ id: { S: "one" }, n: { N: "1" } }) });
}

function compute({ subnet, group, registry }, role) {
  const cluster = new aws.ecs.Cluster("run", {});
  const task = new aws.ecs.TaskDefinition("run", {
    family: "run", networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], cpu: "256", memory: "512",
    containerDefinitions: JSON.stringify([{ name: "main", image: "stackfleet/loadtest:1" }]),
  });
  new aws.ecs.Service("run", {
    cluster: cluster.arn, taskDefinition: task.arn, desiredCount: 0, launchType: "FARGATE", serviceRegistries: { registryArn: registry.arn },
    networkConfiguration: { subnets: [subnet.id], securityGroups: [group.id] },
  });
  const code = new pulumi.asset.AssetArchive({ "index.js": new pulumi.asset.StringAsset("exports.handler = async () => 1;") });
  const fn = new aws.lambda.Function("run", {
    role: role.arn, code, handler: "index.handler", runtime: "nodejs22.x", environment: { variables: { TOKEN: pulumi.secret("correct horse") } },
  });
  new aws.lambda.Permission("run", { function: fn.name, action: "lambda:InvokeFunction", principal: "events.amazonaws.com" });
}

function rest() {
  new aws.sqs.Queue("rest", {});
  new aws.sns.Topic("rest", {});
  new aws.ssm.Parameter("rest", { name: "/drill/rest", type: "SecureString", value: pulumi.secret("battery staple") });
  const secret = new aws.secretsmanager.Secret("rest", { recoveryWindowInDays: 0 });
  new aws.secretsmanager.SecretVersion("rest", { secretId: secret.id, secretString: pulumi.secret("battery staple") });
  const key = new aws.kms.Key("rest", {});
  new aws.kms.Alias("rest", { name: "alias/rest", targetKeyId: key.keyId });
  new aws.cloudwatch.LogGroup("rest", { name: "/drill/rest" });
  new aws.amp.Workspace("rest", {});
}

exports.program = async () => {
  const net = network();
  const role = identity();
  storage();
  compute(net, role);
  rest();
  return {};
};
`;

/** Values that the program marks as secret. */
export const SECRETS = ["correct horse", "battery staple", "staple battery"];

/** The types of Docker: a chunkserver that becomes healthy, on a network, with a volume, from an image that is built. */
const DOCKER_PROGRAM = `
const path = require("node:path");
const pulumi = require("@pulumi/pulumi");
const docker = require("@pulumi/docker");
exports.program = async () => {
  const context = path.join(__dirname, "context");
  const network = new docker.Network("box", { driver: "overlay", attachable: true });
  const volume = new docker.Volume("box", {});
  const image = new docker.RemoteImage("box", { name: "stackfleet/chunkstore:drill", build: { context }, keepLocally: true });
  new docker.Image("box", { imageName: "stackfleet/chunkstore:native", skipPush: true, build: { context, dockerfile: path.join(context, "Dockerfile") } });
  new docker.Tag("box", { sourceImage: image.imageId, targetImage: "stackfleet/chunkstore:tagged" });
  new docker.Container("box", {
    image: image.imageId, command: ["chunkserver"], networksAdvanced: [{ name: network.name, aliases: ["chunkserver"] }],
    volumes: [{ volumeName: volume.name, containerPath: "/data" }], uploads: [{ file: "/run/secrets/cluster-key", content: pulumi.secret("staple battery horse correct, and correct"), permissions: "0400" }],
    healthcheck: { tests: ["CMD", "node", "healthcheck.js"], interval: "5s" }, wait: true, restart: "unless-stopped", labels: [{ label: "role", value: "chunkserver" }],
  });
  return {};
};
`;

/** Files of a stack with every type of Docker. */
export const DOCKER_FILES = { "docker.cjs": DOCKER_PROGRAM, "context/Dockerfile": "FROM node:24-slim\nLABEL made.by=drill\n" };

export const EVERY_TYPE = {
  "fleet.config.ts": fleetConfig({ all: { program: "./all.cjs", region: REGION }, docker: { program: "./docker.cjs" } }),
  "all.cjs": PROGRAM,
  ...DOCKER_FILES,
};

export async function cloudOf(fleet: TestFleet): Promise<LocalCloudClient> {
  return await connect(fleet.state("local", "cloud")) ?? expect.unreachable("the local cloud runs");
}

/** Nothing was made twice, and the state knows exactly what lives. */
export async function expectWhole(fleet: TestFleet): Promise<void> {
  const { live, createdTwice } = await fleet.verdict();
  expect({ createdTwice, live: [...live].sort() }).toEqual({ createdTwice: [], live: [...fleet.recorded()].sort() });
}

/** An `up` that succeeds, then a `destroy` that leaves nothing. */
export async function expectFinished(fleet: TestFleet): Promise<void> {
  await expectSuccess(fleet, "up");
  await expectWhole(fleet);
  await expectGone(fleet);
}

export async function expectGone(fleet: TestFleet): Promise<void> {
  await expectSuccess(fleet, "destroy");
  expect(await fleet.verdict()).toEqual({ live: new Set(), createdTwice: [] });
  expect(fleet.recorded()).toEqual(new Set());
}

/** Runs an operation; a failure shows each stack's error. */
export async function expectSuccess(fleet: TestFleet, operation: string): Promise<void> {
  const { code, report } = await fleet.report(operation);
  expect({ operation, code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ operation, code: 0, errors: [] });
}
