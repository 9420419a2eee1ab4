/** A managed Aerospike cluster, and the wait until it serves. */
import * as pulumi from "@pulumi/pulumi";
import { withDefaults } from "./options";
import type { AerospikeCloudArgs, AerospikeServerArgs, Infrastructure, InfrastructureArgs, LoggingArgs } from "./types";

export interface ClusterArgs {
  /** Unique among the account's living clusters: an existing one of this name is taken over instead of making a second one. 1 to 100 characters. @default the resource's name */
  readonly name?: pulumi.Input<string>;
  /** @default the service's latest at the time of creation; a change replaces the cluster */
  readonly dataPlaneVersion?: pulumi.Input<string>;
  readonly infrastructure: pulumi.Input<InfrastructureArgs>;
  readonly aerospikeCloud: pulumi.Input<AerospikeCloudArgs>;
  /** @default one namespace, `test` */
  readonly aerospikeServer?: pulumi.Input<AerospikeServerArgs>;
  readonly logging?: pulumi.Input<LoggingArgs>;
}

/**
 * A cluster of Aerospike Cloud. Created (or found by its name) as soon as the service has registered its ID; it is still being
 * provisioned then, see {@link ClusterReady}. Import: `pulumi import aerospikecloud:index:Cluster <name> <cluster id>`.
 */
export class Cluster extends pulumi.CustomResource {
  static readonly TYPE = "aerospikecloud:index:Cluster";

  declare readonly name: pulumi.Output<string>;
  declare readonly dataPlaneVersion: pulumi.Output<string>;
  declare readonly infrastructure: pulumi.Output<Infrastructure>;
  /** Block of the database's VPC. */
  declare readonly cidrBlock: pulumi.Output<string>;
  /** ISO 8601. */
  declare readonly createdAt: pulumi.Output<string>;
  /** True when the cluster was there already and was taken over. */
  declare readonly detected: pulumi.Output<boolean>;
  /** Status at the last look; what it is now is `ClusterReady`'s. */
  declare readonly status: pulumi.Output<string>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.CustomResourceOptions) {
    super(Cluster.TYPE, name, {
      ...(opts?.id === undefined ? declarationOf(name, args) : { name: undefined, infrastructure: undefined, aerospikeCloud: undefined, aerospikeServer: undefined, logging: undefined }),
      dataPlaneVersion: args.dataPlaneVersion,
      cidrBlock: undefined, createdAt: undefined, detected: undefined, status: undefined,
    }, withDefaults(opts));
  }

  /** Looks up an existing cluster by ID. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts?: pulumi.CustomResourceOptions): Cluster {
    // The arguments come from the service when an ID is given.
    return new Cluster(name, {} as ClusterArgs, { ...opts, id });
  }
}

function declarationOf(name: string, args: ClusterArgs): pulumi.Inputs {
  return {
    name: args.name ?? name,
    infrastructure: pulumi.output(args.infrastructure).apply((infrastructure) => ({ ...infrastructure, provider: infrastructure.provider ?? "aws" })),
    aerospikeCloud: args.aerospikeCloud,
    aerospikeServer: args.aerospikeServer ?? { namespaces: [{ name: "test" }] },
    logging: args.logging,
  };
}

export interface ClusterReadyArgs {
  /** A change waits anew. */
  readonly clusterId: pulumi.Input<string>;
}

/**
 * Waits until a cluster is `active`; holds what is known from then on. Deleting it deletes nothing. Polls every 5 to 10 seconds, more
 * often when the end is near. `customTimeouts.create` limits the wait. @default 60 minutes
 */
export class ClusterReady extends pulumi.CustomResource {
  static readonly TYPE = "aerospikecloud:index:ClusterReady";

  declare readonly clusterId: pulumi.Output<string>;
  /** Name that clients connect to, TLS on port 4000. */
  declare readonly host: pulumi.Output<string>;
  /** PEM. */
  declare readonly tlsCertificate: pulumi.Output<string>;
  /** The database's VPC and account. */
  declare readonly networkId: pulumi.Output<string>;
  declare readonly accountId: pulumi.Output<string>;
  declare readonly cidrBlock: pulumi.Output<string>;
  /** Seconds that the cluster took from its creation to `active`, as seen by the last wait. */
  declare readonly provisioningSeconds: pulumi.Output<number>;

  constructor(name: string, args: ClusterReadyArgs, opts?: pulumi.CustomResourceOptions) {
    super(ClusterReady.TYPE, name, {
      clusterId: args.clusterId,
      host: undefined, tlsCertificate: undefined, networkId: undefined, accountId: undefined, cidrBlock: undefined, provisioningSeconds: undefined,
    }, withDefaults(opts));
  }
}
