/** How long each operation takes in simulated seconds, and where each figure comes from. */
import type { Latency, ResourceModel } from "../model";

// Most figures are medians of `Creation complete after` and `Destruction complete after` lines of the same API calls in apply logs
// that public repositories keep (Terraform AWS provider, read November 2026); (n) is the number of logs that were read.
const LOGS = "apply logs in public repositories, Terraform AWS provider, November 2026";
// Types whose logs were too rare to read are put at the time that similar calls take.
const SIMILAR = "estimate: as similar calls of the same service in public apply logs";
// The provider's own waits: `Delay` and `MinTimeout` of its state waiters.
const WAITER = "Terraform AWS provider: delay and poll interval of its state waiter";

type Row = readonly [create: number, update: number, del: number, source: string];

const ROWS: Readonly<Record<string, Row>> = {
  // 2 s without DNS hostnames, 11–15 s with them (10 logs): the provider waits 10 s more for the attribute; the slower figure is used.
  "aws:ec2/vpc:Vpc": [12, 2, 1, LOGS],
  // 1 s plain, 10–14 s with public addresses on launch (10 logs): the slower figure is used.
  "aws:ec2/subnet:Subnet": [11, 2, 1, LOGS],
  "aws:ec2/internetGateway:InternetGateway": [1, 1, 1, LOGS],
  "aws:ec2/routeTable:RouteTable": [1, 1, 1, LOGS],
  "aws:ec2/route:Route": [1, 1, 1, SIMILAR],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": [1, 1, 1, SIMILAR],
  "aws:ec2/securityGroup:SecurityGroup": [3, 1, 1, LOGS],
  "aws:ec2/securityGroupRule:SecurityGroupRule": [1, 1, 1, SIMILAR],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [1, 1, 1, SIMILAR],
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [1, 1, 1, SIMILAR],
  "aws:ec2/eip:Eip": [1, 1, 1, SIMILAR],
  // 84–121 s (9 logs); deletion 42–61 s (4 logs).
  "aws:ec2/natGateway:NatGateway": [96, 2, 55, LOGS],
  "aws:ec2/instance:Instance": [13, 10, 40, "estimate: the waiter's first look after 10 s; public apply logs mostly show 12 to 33 s, terminations 30 to 60 s"],
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": [2, 1, 1, SIMILAR],
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": [2, 1, 1, SIMILAR],
  // 10–12 s (4 logs): the waiter looks first after 10 s.
  "aws:ecs/cluster:Cluster": [11, 10, 1, LOGS],
  "aws:ecs/taskDefinition:TaskDefinition": [1, 1, 1, SIMILAR],
  // The call only; tasks and the wait for a steady state come on top (FARGATE below).
  "aws:ecs/service:Service": [1, 1, 5, LOGS],
  "aws:cloudwatch/logGroup:LogGroup": [1, 1, 1, LOGS],
  // 0–2 s (10 logs); what uses a new role waits for its propagation, see ROLE_PROPAGATION.
  "aws:iam/role:Role": [1, 1, 1, LOGS],
  "aws:iam/rolePolicy:RolePolicy": [1, 1, 1, SIMILAR],
  "aws:iam/policy:Policy": [1, 1, 1, SIMILAR],
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": [1, 1, 1, SIMILAR],
  "aws:iam/instanceProfile:InstanceProfile": [7, 1, 1, LOGS],
  // 5–17 s, median 11 (9 logs); on demand at the fast end. Deletion 2–9 s (5 logs).
  "aws:dynamodb/table:Table": [7, 5, 8, LOGS],
  "aws:dynamodb/tableItem:TableItem": [1, 1, 1, SIMILAR],
  // 2–16 s, median 3 (9 logs).
  "aws:s3/bucket:Bucket": [3, 1, 1, LOGS],
  "aws:s3/bucketV2:BucketV2": [3, 1, 1, LOGS],
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [1, 1, 1, SIMILAR],
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [1, 1, 1, SIMILAR],
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": [1, 1, 1, SIMILAR],
  "aws:s3/bucketVersioning:BucketVersioning": [2, 2, 1, LOGS],
  "aws:s3/bucketVersioningV2:BucketVersioningV2": [2, 2, 1, LOGS],
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": [1, 1, 1, SIMILAR],
  "aws:s3/bucketPolicy:BucketPolicy": [1, 1, 1, SIMILAR],
  "aws:s3/bucketObject:BucketObject": [1, 1, 1, SIMILAR],
  "aws:s3/bucketObjectv2:BucketObjectv2": [1, 1, 1, SIMILAR],
  // 6–14 s (3 logs).
  "aws:lambda/function:Function": [6, 6, 1, LOGS],
  "aws:lambda/permission:Permission": [1, 1, 1, SIMILAR],
  // 5 s in the one log found; the state waiter polls, and the endpoint answers up to half a minute later.
  "aws:amp/workspace:Workspace": [30, 2, 10, "estimate between the one public apply log found (5 s) and the provider's five-minute limit"],
  // Creating the namespace creates a Route 53 zone and waits until that change is in sync, published as within 60 s.
  "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": [
    45,
    2,
    45,
    "Route 53: changes propagate to all servers within 60 seconds",
  ],
  "aws:servicediscovery/service:Service": [1, 1, 1, SIMILAR],
  // The queue waiter asks for the attributes to be stable for some polls; deletion is published as up to 60 s.
  "aws:sqs/queue:Queue": [25, 5, 3, WAITER],
  "aws:sns/topic:Topic": [1, 1, 1, SIMILAR],
  "aws:ssm/parameter:Parameter": [1, 1, 1, SIMILAR],
  "aws:ssm/association:Association": [1, 1, 1, SIMILAR],
  // As the namespace above: until the change is in sync.
  "aws:route53/zoneAssociation:ZoneAssociation": [35, 1, 35, "Route 53: changes propagate to all servers within 60 seconds; estimate of the usual time"],
  "aws:secretsmanager/secret:Secret": [1, 1, 1, SIMILAR],
  "aws:secretsmanager/secretVersion:SecretVersion": [1, 1, 1, SIMILAR],
  "aws:kms/key:Key": [2, 2, 1, SIMILAR],
  "aws:kms/alias:Alias": [1, 1, 1, SIMILAR],
};

/** Latency of a type's operations. @throws {Error} when the type has none here */
export function latencyOf(type: string): ResourceModel["latency"] {
  const row = ROWS[type];
  if (!row) throw new Error(`type ${type} has no entry in local/aws/latencies.ts`);
  const [create, update, del, source] = row;
  const latency = (seconds: number): Latency => ({ seconds, source });
  return { create: latency(create), update: latency(update), delete: latency(del), read: { seconds: 0.2, source: "one describe call" } };
}

/** Seconds a new IAM role needs until Lambda may assume it; the provider retries meanwhile. */
export const ROLE_PROPAGATION: Latency = {
  seconds: 8,
  source: "IAM is eventually consistent; reports of 5–10 s between a role's creation and its first use",
};

/** Fargate: seconds from a task's launch to its start, and the launch rate of one account in one region. */
export const FARGATE = {
  launchMinSeconds: 53,
  launchMaxSeconds: 62,
  launchSource: "measured for a 413 MB image on Fargate: 53–62 s",
  /** Tasks that may launch at once. */
  burst: 100,
  /** Tasks a second after the burst. */
  ratePerSecond: 20,
  rateSource: "AWS Fargate throttling quotas: burst 100, then 20 tasks a second",
} as const;

/** Simulated seconds the provider waits for an ECS service to be steady. Source: provider default timeout, 20 minutes. */
export const STEADY_STATE_TIMEOUT_SECONDS = 1200;
