/** The clients' network: a VPC with DNS host names and support, as a peering needs, and nothing that listens. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../arguments";
import type { CompleteArgs } from "./args";
import { clusterPorts, planClients } from "./plan";

export interface ClientNetwork {
  readonly vpc: aws.ec2.Vpc;
  /** IDs, one a zone. */
  readonly subnets: pulumi.Output<string[]>;
  /** The one table that all subnets use. */
  readonly routeTable: aws.ec2.RouteTable;
  readonly securityGroup: aws.ec2.SecurityGroup;
  /** What must exist before anything in the subnets reaches the internet. */
  readonly routing: readonly pulumi.Resource[];
}

/**
 * @param region checked to be that of the provider
 * @param registered what must exist before anything of the network
 */
export function createClientNetwork(name: string, args: CompleteArgs, region: pulumi.Input<string>, registered: pulumi.Resource, parent: pulumi.Resource): ClientNetwork {
  const { transform = {} } = args;
  const vpc = new aws.ec2.Vpc(`${name}-vpc`, ...child(transform.vpc, {
    // Waits for the check of the region: nothing is created in a wrong one.
    cidrBlock: pulumi.output(region).apply(() => args.clientCidrBlock), enableDnsHostnames: true, enableDnsSupport: true,
  }, { parent, dependsOn: [registered] }));
  const gateway = new aws.ec2.InternetGateway(`${name}-internet-gateway`, ...child(transform.internetGateway, { vpcId: vpc.id }, { parent }));
  // Routes of their own: the peering adds another one, and a table takes inline routes or single ones, not both.
  const routeTable = new aws.ec2.RouteTable(`${name}-route-table`, ...child(transform.routeTable, { vpcId: vpc.id }, { parent }));
  const internet = new aws.ec2.Route(`${name}-internet-route`, ...child(transform.route, {
    routeTableId: routeTable.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id,
  }, { parent }));
  const zones = aws.getAvailabilityZonesOutput({ state: "available", filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }] }, { parent });
  const subnets = planClients(args).subnets.map((cidrBlock, index) => new aws.ec2.Subnet(`${name}-subnet-${index + 1}`, ...child(transform.subnet, {
    vpcId: vpc.id, cidrBlock, availabilityZone: zones.names.apply((names) => zoneAt(names, index, args)),
  }, { parent })));
  const associations = subnets.map((subnet, index) => new aws.ec2.RouteTableAssociation(`${name}-subnet-${index + 1}-routes`, ...child(transform.routeTableAssociation, {
    routeTableId: routeTable.id, subnetId: subnet.id,
  }, { parent })));
  return { vpc, subnets: pulumi.all(subnets.map(({ id }) => id)), routeTable, securityGroup: createSecurityGroup(name, args, vpc, parent), routing: [internet, ...associations] };
}

function zoneAt(names: readonly string[], index: number, args: CompleteArgs): string {
  const zone = names[index];
  if (zone === undefined) throw new pulumi.RunError(`clientZoneCount: more zones than ${args.clientRegion} has; got ${args.clientZoneCount}; expected at most ${names.length}; lower it`);
  return zone;
}

/** Nothing in. Out: the cluster's ports, in its block only, and HTTPS for Systems Manager and packages. */
function createSecurityGroup(name: string, args: CompleteArgs, vpc: aws.ec2.Vpc, parent: pulumi.Resource): aws.ec2.SecurityGroup {
  return new aws.ec2.SecurityGroup(`${name}-client-security-group`, ...child(args.transform?.securityGroup, {
    vpcId: vpc.id, description: "Aerospike clients: nothing in; out to the cluster and to HTTPS",
    egress: [
      ...clusterPorts(args.isSecureConnection).map(({ port, use }) => ({ protocol: "tcp", fromPort: port, toPort: port, cidrBlocks: [args.clusterCidrBlock], description: use })),
      { protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"], description: "Systems Manager and packages" },
    ],
  }, { parent }));
}
