/** A peering between a cluster's VPC and one of the client's, and the wait until it carries traffic. */
import * as pulumi from "@pulumi/pulumi";
import { withDefaults } from "./options";

export interface VpcPeeringArgs {
  /** The cluster must be `active`: depend on its `ClusterReady`. All arguments replace the peering. */
  readonly clusterId: pulumi.Input<string>;
  /** The client's VPC, with DNS support and DNS host names enabled. */
  readonly vpcId: pulumi.Input<string>;
  /** Block of the client's VPC; must not overlap with the cluster's. */
  readonly cidrBlock: pulumi.Input<string>;
  /** Twelve digits: account of the client's VPC. */
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  /** TLS. @default true */
  readonly isSecureConnection?: pulumi.Input<boolean>;
}

/**
 * A peering request. Created (or found by its VPC) when AWS knows it and it waits for acceptance; accept it in the VPC's region with
 * `aws.ec2.VpcPeeringConnectionAccepter`, then wait with {@link VpcPeeringReady}. A request that nobody accepts expires after 7 days.
 * Import: `<cluster id>/<peering id>`, the latter Aerospike's UUID.
 */
export class VpcPeering extends pulumi.CustomResource {
  static readonly TYPE = "aerospikecloud:index:VpcPeering";

  declare readonly clusterId: pulumi.Output<string>;
  declare readonly vpcId: pulumi.Output<string>;
  declare readonly cidrBlock: pulumi.Output<string>;
  declare readonly accountId: pulumi.Output<string>;
  declare readonly region: pulumi.Output<string>;
  declare readonly isSecureConnection: pulumi.Output<boolean>;
  /** `pcx-…`, to be accepted. */
  declare readonly peeringId: pulumi.Output<string>;
  /** Status at the last look. */
  declare readonly status: pulumi.Output<string>;

  constructor(name: string, args: VpcPeeringArgs, opts?: pulumi.CustomResourceOptions) {
    super(VpcPeering.TYPE, name, {
      clusterId: args.clusterId, vpcId: args.vpcId, cidrBlock: args.cidrBlock, accountId: args.accountId, region: args.region,
      isSecureConnection: args.isSecureConnection ?? true,
      peeringId: undefined, status: undefined,
    }, withDefaults(opts));
  }
}

export interface VpcPeeringReadyArgs {
  readonly clusterId: pulumi.Input<string>;
  /** The `id` of the {@link VpcPeering}. */
  readonly peering: pulumi.Input<string>;
}

/** Waits until an accepted peering is `active` and its private hosted zone is known. Deleting it deletes nothing. `customTimeouts.create` limits the wait. @default 15 minutes */
export class VpcPeeringReady extends pulumi.CustomResource {
  static readonly TYPE = "aerospikecloud:index:VpcPeeringReady";

  declare readonly clusterId: pulumi.Output<string>;
  declare readonly peering: pulumi.Output<string>;
  /** Zone to associate with the client's VPC, so that the cluster's name resolves there. */
  declare readonly privateHostedZoneId: pulumi.Output<string>;

  constructor(name: string, args: VpcPeeringReadyArgs, opts?: pulumi.CustomResourceOptions) {
    super(VpcPeeringReady.TYPE, name, { clusterId: args.clusterId, peering: args.peering, privateHostedZoneId: undefined }, withDefaults(opts));
  }
}
