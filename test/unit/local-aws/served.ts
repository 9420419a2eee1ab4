/** A cloud in memory with its AWS APIs served on loopback, and the settings of an SDK client for it. */
import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import { registerAwsApis } from "../../../local/aws/api/index";
import { localCredentials } from "../../../local/aws/credentials";
import type { ResourceRecord } from "../../../local/model";
import { FakeCloud, HOME } from "./fake";

export interface ServedCloud {
  readonly cloud: FakeCloud;
  readonly settings: {
    region: string;
    endpoint: string;
    maxAttempts: number;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  close(): Promise<void>;
}

export async function serveCloud(): Promise<ServedCloud> {
  const cloud = new FakeCloud();
  const app: FastifyInstance = fastify({ forceCloseConnections: true });
  await registerAwsApis(app, cloud);
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = localCredentials(HOME);
  return {
    cloud,
    settings: { region: HOME.region, endpoint, maxAttempts: 1, credentials: { accessKeyId, secretAccessKey } },
    close: async () => {
      await app.close();
      await cloud.close();
    },
  };
}

/** Name of the error that a call ends with, as the SDK gives it. */
export async function failure(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
  );
}

/** A VPC with a public subnet. */
export async function createNetwork(cloud: FakeCloud): Promise<{
  vpc: ResourceRecord;
  subnet: ResourceRecord;
  group: ResourceRecord;
  table: ResourceRecord;
  link: ResourceRecord;
  gateway: ResourceRecord;
}> {
  const vpc = await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16", tags: { Name: "<main & co>" } });
  const gateway = await cloud.create("aws:ec2/internetGateway:InternetGateway", { vpcId: vpc.id });
  const subnet = await cloud.create("aws:ec2/subnet:Subnet", { vpcId: vpc.id, cidrBlock: "10.0.0.0/24", mapPublicIpOnLaunch: true });
  const table = await cloud.create("aws:ec2/routeTable:RouteTable", {
    vpcId: vpc.id,
    routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }],
  });
  const link = await cloud.create("aws:ec2/routeTableAssociation:RouteTableAssociation", { routeTableId: table.id, subnetId: subnet.id });
  const group = await cloud.create("aws:ec2/securityGroup:SecurityGroup", {
    vpcId: vpc.id,
    name: "tasks",
    egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
  });
  return { vpc, subnet, group, table, link, gateway };
}
