/** A managed Aerospike cluster, clients for it, and the peering between the two, set up side by side. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { refuseFaults } from "../arguments";
import { type AerospikeClusterPeeringArgs, type CompleteArgs, withDefaults } from "./args";
import { ClientFleet } from "./client-fleet";
import { ManagedCluster } from "./managed-cluster";
import { Peering } from "./peering";
import { clusterPorts, faultsOf } from "./plan";

export { DEFAULTS, type AerospikeClusterPeeringArgs, type AerospikeClusterPeeringTransforms, type AttachedStorage } from "./args";

const TYPE = "stackfleet:aerospike:AerospikeClusterPeering";

/** Where each part of the set-up is. */
export interface Phases {
  readonly cluster: string;
  readonly client: string;
  readonly peering: string;
}

/**
 * A cluster in Aerospike Cloud and the clients that use it.
 *
 * Everything that needs no active cluster is done while it is provisioned: the clients' network at once, the clients themselves as soon
 * as the cluster is registered. The peering is requested on the first `active`. A client that fails leaves the cluster alone; a cluster
 * that can't be created keeps the clients from starting. The blocks of both networks are checked before anything is created.
 *
 * Credentials: `AEROSPIKE_CLOUD_KEY` and `AEROSPIKE_CLOUD_SECRET`, or an explicit provider of the package `aerospikecloud`.
 *
 * @throws {pulumi.RunError} with every fault of the arguments
 * @example
 * const database = new AerospikeClusterPeering("database", { region: "us-east-1", clusterSize: 3, clientCount: 2 });
 * export const host = database.host;
 */
export class AerospikeClusterPeering extends pulumi.ComponentResource {
  readonly clusterId: pulumi.Output<string>;
  readonly clusterName: pulumi.Output<string>;
  /** Name that clients connect to; resolves in the clients' VPC once the peering is complete. */
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly metricsPort: pulumi.Output<number>;
  /** PEM. */
  readonly tlsCertificate: pulumi.Output<string>;
  readonly clusterCidrBlock: pulumi.Output<string>;
  readonly vpcId: pulumi.Output<string>;
  readonly clientInstanceIds: pulumi.Output<string[]>;
  readonly clientPrivateIps: pulumi.Output<string[]>;
  /** `pcx-…`; empty without a peering. */
  readonly peeringId: pulumi.Output<string>;
  /** `complete` for each part that is up, `none` for one that isn't asked for. */
  readonly phases: pulumi.Output<Phases>;

  constructor(name: string, args: AerospikeClusterPeeringArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    const complete = withDefaults(name, args);
    refuseFaults("AerospikeClusterPeering", name, faultsOf(complete));
    const clientRegion = checkedRegion(complete, this);

    const database = new ManagedCluster(name, complete, clientRegion.apply(() => complete.region), { parent: this });
    const clients = new ClientFleet(name, complete, clientRegion, database.cluster, { parent: this });
    const peering = complete.peering ? new Peering(name, complete, { cluster: database, network: clients.network, region: clientRegion }, { parent: this }) : undefined;

    const [service, metrics] = clusterPorts(complete.isSecureConnection);
    this.clusterId = database.cluster.id;
    this.clusterName = database.cluster.name;
    this.host = database.ready.host;
    this.port = pulumi.output(service?.port ?? 0);
    this.metricsPort = pulumi.output(metrics?.port ?? 0);
    this.tlsCertificate = database.ready.tlsCertificate;
    this.clusterCidrBlock = database.cluster.cidrBlock;
    this.vpcId = clients.network.vpc.id;
    this.clientInstanceIds = pulumi.all(clients.instances.map(({ id }) => id));
    this.clientPrivateIps = pulumi.all(clients.instances.map(({ privateIp }) => privateIp));
    this.peeringId = peering?.peeringId ?? pulumi.output("");
    this.phases = pulumi.all([database.ready.host, clients.ready, peering?.ready ?? "none"]).apply(([, client, peered]) => ({ cluster: "complete", client, peering: peered }));
    this.registerOutputs({
      clusterId: this.clusterId, clusterName: this.clusterName, host: this.host, port: this.port, metricsPort: this.metricsPort, tlsCertificate: this.tlsCertificate,
      clusterCidrBlock: this.clusterCidrBlock, vpcId: this.vpcId, clientInstanceIds: this.clientInstanceIds, clientPrivateIps: this.clientPrivateIps,
      peeringId: this.peeringId, phases: this.phases,
    });
  }
}

/** The clients' region, once it is certain that the provider works there. Everything that is created waits for it. */
function checkedRegion(args: CompleteArgs, parent: pulumi.Resource): pulumi.Output<string> {
  return aws.getRegionOutput({}, { parent }).apply(({ region }) => {
    if (region === args.clientRegion) return region;
    throw new pulumi.RunError(`clientRegion: not the region of the aws provider; got ${args.clientRegion}; expected ${region}; give the component a provider of ${args.clientRegion}, or change clientRegion`);
  });
}
