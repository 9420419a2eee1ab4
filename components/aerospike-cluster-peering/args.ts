/** Arguments of an Aerospike cluster with its clients and their peering: what they mean, and their defaults. */
import type * as aws from "@pulumi/aws";
import type { ClusterArgs, VpcPeeringArgs } from "../../providers/aerospike-cloud/sdk";
import type { Transform } from "../arguments";

/** EBS volumes of the cluster's nodes. */
export interface AttachedStorage { readonly type: "gp2" | "gp3" | "io1" | "io2"; readonly sizeInGB: number; readonly iops?: number }

export interface AerospikeClusterPeeringArgs {
  /** Code of the cluster's region, e.g. `us-east-1`. */
  readonly region: string;
  /** Unique among the account's living clusters: an existing one of this name is taken over. @default the component's name */
  readonly clusterName?: string;
  /** Instance type of the cluster's nodes, as Aerospike Cloud offers it. Changes in place. @default "i4i.large" */
  readonly instanceType?: string;
  /** Nodes of the cluster. Changes in place. @default 2 */
  readonly clusterSize?: number;
  /** 1 to 3 zones. @default 2 */
  readonly availabilityZoneCount?: number;
  /** Zone IDs such as `use1-az1`, as many as zones. @default the service's choice */
  readonly zoneIds?: readonly string[];
  /** @default "memory" */
  readonly dataStorage?: "memory" | "local-disk" | "network-storage";
  /** Where data is kept beside `dataStorage`. @default nowhere */
  readonly dataResiliency?: "local-disk" | "network-storage";
  /** Needed with `network-storage`. */
  readonly networkAttachedStorage?: AttachedStorage;
  /** Names of the namespaces, at least one. A change replaces the cluster. @default ["test"] */
  readonly namespaces?: readonly string[];
  /** ARNs that may read the cluster's logs. @default none */
  readonly logAuthorizedRoles?: readonly string[];
  /** The /19 of the cluster's VPC, outside of 10.129.0.0/24, which the service keeps. @default "10.128.0.0/19" */
  readonly clusterCidrBlock?: string;

  /** Code of the clients' region: that of the `aws` provider. @default `region` */
  readonly clientRegion?: string;
  /** IPv4 block of the clients' VPC, /16 to /28; must not overlap with the cluster's. @default "10.0.0.0/16" */
  readonly clientCidrBlock?: string;
  /** Client instances; 0 for a network without any. @default 1 */
  readonly clientCount?: number;
  /** @default "t3.medium" */
  readonly clientInstanceType?: string;
  /** Zones of the clients' subnets, 1 to 6. @default 2 */
  readonly clientZoneCount?: number;
  /** GiB of a client's encrypted root volume. @default 20 */
  readonly clientDiskSizeGiB?: number;
  /** Version of the Aerospike tools on the clients. @default "11.2.2" */
  readonly toolsVersion?: string;
  /** SHA-256 of the tools' archive; without it, the archive is trusted as downloaded over HTTPS. */
  readonly toolsSha256?: string;

  /** Peers the clients' VPC with the cluster's. @default true */
  readonly peering?: boolean;
  /** TLS through the peering: port 4000, else 3000 in the clear. @default true */
  readonly isSecureConnection?: boolean;

  /** Changes a child's arguments and options, after everything else. */
  readonly transform?: AerospikeClusterPeeringTransforms;
}

/** One key per child; children of one kind share it. */
export interface AerospikeClusterPeeringTransforms {
  readonly cluster?: Transform<ClusterArgs>;
  readonly vpc?: Transform<aws.ec2.VpcArgs>;
  readonly internetGateway?: Transform<aws.ec2.InternetGatewayArgs>;
  readonly routeTable?: Transform<aws.ec2.RouteTableArgs>;
  readonly route?: Transform<aws.ec2.RouteArgs>;
  readonly subnet?: Transform<aws.ec2.SubnetArgs>;
  readonly routeTableAssociation?: Transform<aws.ec2.RouteTableAssociationArgs>;
  readonly securityGroup?: Transform<aws.ec2.SecurityGroupArgs>;
  readonly role?: Transform<aws.iam.RoleArgs>;
  readonly instanceProfile?: Transform<aws.iam.InstanceProfileArgs>;
  readonly instance?: Transform<aws.ec2.InstanceArgs>;
  readonly tools?: Transform<aws.ssm.AssociationArgs>;
  readonly vpcPeering?: Transform<VpcPeeringArgs>;
  readonly accepter?: Transform<aws.ec2.VpcPeeringConnectionAccepterArgs>;
  readonly zoneAssociation?: Transform<aws.route53.ZoneAssociationArgs>;
}

export const DEFAULTS = {
  instanceType: "i4i.large",
  clusterSize: 2,
  availabilityZoneCount: 2,
  dataStorage: "memory",
  namespaces: ["test"],
  logAuthorizedRoles: [],
  clusterCidrBlock: "10.128.0.0/19",
  clientCidrBlock: "10.0.0.0/16",
  clientCount: 1,
  clientInstanceType: "t3.medium",
  clientZoneCount: 2,
  clientDiskSizeGiB: 20,
  toolsVersion: "11.2.2",
  peering: true,
  isSecureConnection: true,
} as const;

type Defaulted = keyof typeof DEFAULTS | "clusterName" | "clientRegion";
export type CompleteArgs = AerospikeClusterPeeringArgs & Required<Pick<AerospikeClusterPeeringArgs, Defaulted>>;

/** Arguments with the defaults where nothing, or `undefined`, was given. */
export function withDefaults(name: string, args: AerospikeClusterPeeringArgs): CompleteArgs {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as unknown as AerospikeClusterPeeringArgs;
  return { ...DEFAULTS, clusterName: name, clientRegion: args.region, ...given };
}

