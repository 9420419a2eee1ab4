/** The managed cluster, from its registration until it serves. */
import * as pulumi from "@pulumi/pulumi";
import { Cluster, ClusterReady } from "../../providers/aerospike-cloud/sdk";
import { child } from "../arguments";
import type { CompleteArgs } from "./args";

const TYPE = "stackfleet:aerospike:ManagedCluster";

/** Part `cluster` of {@link AerospikeClusterPeering}. */
export class ManagedCluster extends pulumi.ComponentResource {
  /** Registered: it has an ID, and is still being provisioned. */
  readonly cluster: Cluster;
  /** Active. */
  readonly ready: ClusterReady;

  /** @param region checked to be one that the clients can be peered from */
  constructor(name: string, args: CompleteArgs, region: pulumi.Input<string>, opts: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    this.cluster = new Cluster(`${name}-cluster`, ...child(args.transform?.cluster, {
      name: args.clusterName,
      infrastructure: {
        provider: "aws", region, instanceType: args.instanceType, availabilityZoneCount: args.availabilityZoneCount, cidrBlock: args.clusterCidrBlock,
        ...(args.zoneIds && { zoneIds: [...args.zoneIds] }),
        ...(args.networkAttachedStorage && { networkAttachedStorage: { ...args.networkAttachedStorage } }),
      },
      aerospikeCloud: { clusterSize: args.clusterSize, dataStorage: args.dataStorage, ...(args.dataResiliency && { dataResiliency: args.dataResiliency }) },
      aerospikeServer: { namespaces: args.namespaces.map((namespace) => ({ name: namespace })) },
      ...(args.logAuthorizedRoles.length > 0 && { logging: { authorizedRoles: [...args.logAuthorizedRoles] } }),
    }, { parent: this }));
    this.ready = new ClusterReady(`${name}-cluster-ready`, { clusterId: this.cluster.id }, { parent: this });
    this.registerOutputs({ clusterId: this.cluster.id, host: this.ready.host });
  }
}
