/**
 * Whether what carries a tag still lives. The tagging API follows the services with a delay, and some resources can be seen, with
 * their tags, for minutes or for weeks after their deletion: a task definition, a NAT gateway, a key or a secret in its waiting period.
 */
import { unless, type Settings } from "./aws-call";
import type { Found, Sought } from "./lookup";

type IsAlive = (settings: Settings, found: Found) => Promise<boolean>;

const BY_TYPE: Readonly<Record<string, IsAlive>> = {
  "aws:ec2/instance:Instance": async (settings, { id }) => {
    const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    const reply = await unless(["InvalidInstanceID.NotFound"], new EC2Client(settings).send(new DescribeInstancesCommand({ InstanceIds: [id] })));
    const states = reply?.Reservations?.flatMap(({ Instances }) => Instances?.map(({ State }) => State?.Name) ?? []) ?? [];
    return states.some((state) => state !== "terminated" && state !== "shutting-down");
  },
  "aws:ec2/natGateway:NatGateway": async (settings, { id }) => {
    const { DescribeNatGatewaysCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    const reply = await unless(["NatGatewayNotFound"], new EC2Client(settings).send(new DescribeNatGatewaysCommand({ NatGatewayIds: [id] })));
    return reply?.NatGateways?.some(({ State }) => State !== "deleted" && State !== "deleting") ?? false;
  },
  "aws:ecs/taskDefinition:TaskDefinition": async (settings, { id, arn }) => {
    const { DescribeTaskDefinitionCommand, ECSClient } = await import("@aws-sdk/client-ecs");
    // ECS answers a revision that is gone with its general error for what the client did wrong.
    const reply = await unless(["ClientException"], new ECSClient(settings).send(new DescribeTaskDefinitionCommand({ taskDefinition: arn ?? id })));
    return reply?.taskDefinition?.status === "ACTIVE";
  },
  "aws:ecs/cluster:Cluster": async (settings, { id }) => {
    const { DescribeClustersCommand, ECSClient } = await import("@aws-sdk/client-ecs");
    const { clusters } = await new ECSClient(settings).send(new DescribeClustersCommand({ clusters: [id] }));
    return clusters?.some(({ status }) => status !== "INACTIVE" && status !== "DEPROVISIONING") ?? false;
  },
  "aws:ecs/service:Service": async (settings, { id }) => {
    const { DescribeServicesCommand, ECSClient } = await import("@aws-sdk/client-ecs");
    // arn:…:service/<cluster>/<name>
    const cluster = id.split("/").at(-2);
    const call = new ECSClient(settings).send(new DescribeServicesCommand({ services: [id], ...(cluster && { cluster }) }));
    return (await unless(["ClusterNotFoundException"], call))?.services?.some(({ status }) => status === "ACTIVE") ?? false;
  },
  "aws:kms/key:Key": async (settings, { id }) => {
    const { DescribeKeyCommand, KMSClient } = await import("@aws-sdk/client-kms");
    const reply = await unless(["NotFoundException"], new KMSClient(settings).send(new DescribeKeyCommand({ KeyId: id })));
    return reply?.KeyMetadata !== undefined && reply.KeyMetadata.KeyState !== "PendingDeletion";
  },
  "aws:secretsmanager/secret:Secret": async (settings, { id }) => {
    const { DescribeSecretCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
    const reply = await unless(["ResourceNotFoundException"], new SecretsManagerClient(settings).send(new DescribeSecretCommand({ SecretId: id })));
    return reply !== undefined && reply.DeletedDate === undefined;
  },
};

/** EC2 itself knows at once which of its resources have tags. */
async function hasTags(settings: Settings, { id }: Found): Promise<boolean> {
  const { DescribeTagsCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const { Tags: tags } = await new EC2Client(settings).send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }));
  return (tags?.length ?? 0) > 0;
}

/** The candidates that still live. Types that vanish from the tagging API when they go are taken at its word. */
export async function alive(settings: Settings, sought: Sought, found: readonly Found[]): Promise<readonly Found[]> {
  const check = BY_TYPE[sought.type] ?? (/^aws:(ec2|vpc)\//.test(sought.type) ? hasTags : undefined);
  if (check === undefined) return found;
  const answers = await Promise.all(found.map((candidate) => check(settings, candidate)));
  return found.filter((_candidate, index) => answers[index]);
}
