/** Waits until a resource that was found in the middle of its creation can be used by what depends on it, as the provider's own create would have. */
import { clientSettings, type AwsAccess } from "./aws-access";
import type { Found, Sought } from "./lookup";
import { FleetError } from "../errors";

/** Longest wait for one resource, in seconds of the target's time: the provider's own default for the slowest of these types (ECS service, 20 min). */
const LONGEST_WAIT_SECONDS = 20 * 60;
const POLL_SECONDS = 5;
/** However fast simulated time runs, polls are no closer than this. */
const SHORTEST_POLL_MS = 50;

type IsUsable = (settings: ReturnType<typeof clientSettings>, found: Found, sought: Sought) => Promise<boolean>;

const CHECKS: ReadonlyMap<string, IsUsable> = new Map<string, IsUsable>([
  ["aws:dynamodb/table:Table", async (settings, { id }) => {
    const { DescribeTableCommand, DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
    return (await new DynamoDBClient(settings).send(new DescribeTableCommand({ TableName: id }))).Table?.TableStatus === "ACTIVE";
  }],
  ["aws:lambda/function:Function", async (settings, { id }) => {
    const { GetFunctionCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
    const { Configuration: configuration } = await new LambdaClient(settings).send(new GetFunctionCommand({ FunctionName: id }));
    return configuration?.State === "Active";
  }],
  ["aws:amp/workspace:Workspace", async (settings, { id }) => {
    const { AmpClient, DescribeWorkspaceCommand } = await import("@aws-sdk/client-amp");
    return (await new AmpClient(settings).send(new DescribeWorkspaceCommand({ workspaceId: id }))).workspace?.status?.statusCode === "ACTIVE";
  }],
  ["aws:ec2/vpc:Vpc", async (settings, { id }) => {
    const { DescribeVpcsCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    return (await new EC2Client(settings).send(new DescribeVpcsCommand({ VpcIds: [id] }))).Vpcs?.[0]?.State === "available";
  }],
  ["aws:ec2/subnet:Subnet", async (settings, { id }) => {
    const { DescribeSubnetsCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    return (await new EC2Client(settings).send(new DescribeSubnetsCommand({ SubnetIds: [id] }))).Subnets?.[0]?.State === "available";
  }],
  ["aws:ec2/instance:Instance", async (settings, { id }) => {
    const { DescribeInstancesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    const { Reservations: reservations } = await new EC2Client(settings).send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return reservations?.[0]?.Instances?.[0]?.State?.Name === "running";
  }],
  ["aws:ec2/natGateway:NatGateway", async (settings, { id }) => {
    const { DescribeNatGatewaysCommand, EC2Client } = await import("@aws-sdk/client-ec2");
    return (await new EC2Client(settings).send(new DescribeNatGatewaysCommand({ NatGatewayIds: [id] }))).NatGateways?.[0]?.State === "available";
  }],
  ["aws:ecs/cluster:Cluster", async (settings, { id }) => {
    const { DescribeClustersCommand, ECSClient } = await import("@aws-sdk/client-ecs");
    return (await new ECSClient(settings).send(new DescribeClustersCommand({ clusters: [id] }))).clusters?.[0]?.status === "ACTIVE";
  }],
  ["aws:ecs/service:Service", async (settings, { id }, { inputs }) => {
    if (inputs["waitForSteadyState"] !== true) return true;
    const { DescribeServicesCommand, ECSClient } = await import("@aws-sdk/client-ecs");
    const cluster = typeof inputs["cluster"] === "string" ? inputs["cluster"] : undefined;
    const { services } = await new ECSClient(settings).send(new DescribeServicesCommand({ services: [id], ...(cluster && { cluster }) }));
    const service = services?.[0];
    return service?.status === "ACTIVE" && service.runningCount === service.desiredCount && (service.deployments?.length ?? 0) <= 1;
  }],
]);

/** @throws FleetError `pending-unsettled` when the resource exists but does not become usable in time */
export async function waitUntilUsable(access: AwsAccess, sought: Sought, found: Found): Promise<void> {
  const check = CHECKS.get(sought.type);
  if (check === undefined) return;
  const deadline = Date.now() + (LONGEST_WAIT_SECONDS * 1000) / access.timeScale;
  const pause = Math.max(SHORTEST_POLL_MS, (POLL_SECONDS * 1000) / access.timeScale);
  while (!(await check(clientSettings(access, sought.region), found, sought))) {
    if (Date.now() > deadline) {
      throw new FleetError("pending-unsettled", `${sought.urn}: ${found.id} exists but is still not ready`, { source: "engine", fix: "look at it in the console, then run the command again" });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
