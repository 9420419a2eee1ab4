/** The peering: requested from the cluster's side, accepted, routed and resolved on the clients'. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { VpcPeering, VpcPeeringReady } from "../../providers/aerospike-cloud/sdk";
import { child } from "../arguments";
import type { CompleteArgs } from "./args";
import type { ClientNetwork } from "./client-network";
import type { ManagedCluster } from "./managed-cluster";

const TYPE = "stackfleet:aerospike:Peering";

/** Part `peering` of {@link AerospikeClusterPeering}. */
export class Peering extends pulumi.ComponentResource {
  /** `pcx-…` */
  readonly peeringId: pulumi.Output<string>;
  /** Resolves when the cluster's name resolves in the clients' VPC and traffic is routed. */
  readonly ready: pulumi.Output<string>;

  constructor(name: string, args: CompleteArgs, parts: { readonly cluster: ManagedCluster; readonly network: ClientNetwork; readonly region: pulumi.Input<string> }, opts: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    const { transform = {} } = args;
    const { cluster: { ready }, network: { vpc, routeTable }, region } = parts;
    // The cluster's ID comes from the wait for it, so that the request goes out on its first `active`.
    const request = new VpcPeering(`${name}-peering`, ...child(transform.vpcPeering, {
      clusterId: ready.clusterId, vpcId: vpc.id, cidrBlock: args.clientCidrBlock, accountId: aws.getCallerIdentityOutput({}, { parent: this }).accountId, region,
      isSecureConnection: args.isSecureConnection,
    }, { parent: this }));
    const accepter = new aws.ec2.VpcPeeringConnectionAccepter(`${name}-peering-accepter`, ...child(transform.accepter, {
      vpcPeeringConnectionId: request.peeringId, autoAccept: true,
    }, { parent: this }));
    const route = new aws.ec2.Route(`${name}-peering-route`, ...child(transform.route, {
      routeTableId: routeTable.id, destinationCidrBlock: args.clusterCidrBlock, vpcPeeringConnectionId: accepter.id,
    }, { parent: this }));
    const carrying = new VpcPeeringReady(`${name}-peering-ready`, { clusterId: ready.clusterId, peering: request.id }, { parent: this, dependsOn: [accepter] });
    const zone = new aws.route53.ZoneAssociation(`${name}-peering-zone`, ...child(transform.zoneAssociation, {
      zoneId: carrying.privateHostedZoneId, vpcId: vpc.id, vpcRegion: region,
    }, { parent: this }));
    this.peeringId = request.peeringId;
    this.ready = pulumi.all([route.id, zone.id]).apply(() => "complete");
    this.registerOutputs({ peeringId: this.peeringId });
  }
}
