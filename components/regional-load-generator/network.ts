/** The network of a region: one VPC with public subnets, no NAT gateway, and security groups that let nothing in. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import { planSubnets } from "../cidr";
import type { CompleteArgs } from "./args";

export interface Network {
  readonly vpc: aws.ec2.Vpc;
  readonly subnets: readonly aws.ec2.Subnet[];
  readonly aggregatorSecurityGroup: aws.ec2.SecurityGroup;
  readonly generatorSecurityGroup: aws.ec2.SecurityGroup;
  /** What must exist before anything in the subnets reaches the internet. */
  readonly routing: readonly pulumi.Resource[];
}

/** Creates the network below the component. */
export function createNetwork(name: string, args: CompleteArgs, parent: pulumi.Resource): Network {
  const { transform = {} } = args;
  const vpc = new aws.ec2.Vpc(`${name}-vpc`, ...child(transform.vpc, { cidrBlock: args.cidrBlock }, { parent }));
  const gateway = new aws.ec2.InternetGateway(`${name}-internet-gateway`, ...child(transform.internetGateway, { vpcId: vpc.id }, { parent }));
  // The route is part of the table: a route of its own has no tags to find it by after an interrupted create.
  const routeTable = new aws.ec2.RouteTable(`${name}-route-table`, ...child(transform.routeTable, {
    vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }],
  }, { parent }));
  const subnets = createSubnets(name, args, vpc, parent);
  const routing = subnets.map((subnet, index) => new aws.ec2.RouteTableAssociation(`${name}-subnet-${index + 1}-routes`, ...child(transform.routeTableAssociation, {
    routeTableId: routeTable.id, subnetId: subnet.id,
  }, { parent })));
  return { vpc, subnets, routing, ...createSecurityGroups(name, args, vpc, parent) };
}

function createSubnets(name: string, args: CompleteArgs, vpc: aws.ec2.Vpc, parent: pulumi.Resource): readonly aws.ec2.Subnet[] {
  // Zones differ by account, so they are asked for. The filter leaves out local and wavelength zones, where Fargate doesn't run.
  const zones = aws.getAvailabilityZonesOutput({ state: "available", filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }] }, { parent });
  return planSubnets(args.cidrBlock, args.availabilityZoneCount).map((cidrBlock, index) => new aws.ec2.Subnet(`${name}-subnet-${index + 1}`, ...child(args.transform?.subnet, {
    vpcId: vpc.id, cidrBlock, mapPublicIpOnLaunch: true,
    availabilityZone: zones.names.apply((names) => zoneAt(names, index, args)),
  }, { parent })));
}

function zoneAt(names: readonly string[], index: number, args: CompleteArgs): string {
  const zone = names[index];
  if (zone === undefined) {
    throw new pulumi.RunError(`availabilityZoneCount: more zones than ${args.region} has; got ${args.availabilityZoneCount}; expected at most ${names.length}; lower it`);
  }
  return zone;
}

function createSecurityGroups(name: string, args: CompleteArgs, vpc: aws.ec2.Vpc, parent: pulumi.Resource): Pick<Network, "aggregatorSecurityGroup" | "generatorSecurityGroup"> {
  const { transform = {} } = args;
  const generatorSecurityGroup = new aws.ec2.SecurityGroup(`${name}-generator-security-group`, ...child(transform.generatorSecurityGroup, {
    vpcId: vpc.id, description: "Load generators: nothing in, anything out, as any system may be under test",
    egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"], description: "systems under test" }],
  }, { parent }));
  const aggregatorSecurityGroup = new aws.ec2.SecurityGroup(`${name}-aggregator-security-group`, ...child(transform.aggregatorSecurityGroup, {
    vpcId: vpc.id, description: "Aggregator: nothing in, out to the AWS APIs",
    egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"], description: "AWS APIs" }],
  }, { parent }));
  return { aggregatorSecurityGroup, generatorSecurityGroup };
}
