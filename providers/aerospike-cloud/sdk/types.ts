/** Nested arguments and outputs of the resources, in the vendor's vocabulary. */
import type { Input } from "@pulumi/pulumi";

/** EBS volumes of the nodes. Limits of the vendor: gp3 500 IOPS a GB, io1 50, io2 1,000. */
export interface NetworkStorageArgs {
  readonly type: Input<"gp2" | "gp3" | "io1" | "io2">;
  readonly sizeInGB: Input<number>;
  /** Needed by gp3 (3,000 to 16,000), io1 and io2 (100 to 64,000); gp2 has none. */
  readonly iops?: Input<number>;
}

/** Where the cluster's nodes run. All but `instanceType` and the storage's size replace the cluster when they change. */
export interface InfrastructureArgs {
  /** @default "aws" */
  readonly provider?: Input<"aws" | "gcp">;
  /** As `getOfferings` lists them, for example `i4i.large`. Changes in place. */
  readonly instanceType: Input<string>;
  readonly region: Input<string>;
  /** 1 to 3. */
  readonly availabilityZoneCount: Input<number>;
  /** One a zone, for example `use1-az1`. @default the service's choice */
  readonly zoneIds?: Input<Input<string>[]>;
  /** A /19 outside of 10.129.0.0/24, which the service keeps for itself. @default 10.128.0.0/19, by the service */
  readonly cidrBlock?: Input<string>;
  readonly networkAttachedStorage?: Input<NetworkStorageArgs>;
}

/** Size and storage. Only `clusterSize` changes in place. */
export interface AerospikeCloudArgs {
  /** Nodes. */
  readonly clusterSize: Input<number>;
  readonly dataStorage: Input<"memory" | "local-disk" | "network-storage">;
  /** Where data is kept beside `dataStorage`: `local-disk` or `network-storage` for memory, `network-storage` for local disks. @default nowhere */
  readonly dataResiliency?: Input<"local-disk" | "network-storage">;
}

export interface NamespaceArgs {
  /** 1 to 31 of letters, digits, `-`, `_`, `$` and spaces. */
  readonly name: Input<string>;
  /** Settings of the namespace in the server's own words, for example `"replication-factor": 2`. */
  readonly [setting: string]: Input<unknown>;
}

/** The server's configuration in its own words; the service checks it. */
export interface AerospikeServerArgs {
  /** At least one. A name that comes or goes replaces the cluster. */
  readonly namespaces: Input<Input<NamespaceArgs>[]>;
  readonly [section: string]: Input<unknown>;
}

export interface LoggingArgs {
  /** ARNs of roles, users or accounts that may read the log bucket. */
  readonly authorizedRoles?: Input<Input<string>[]>;
}

/** What the service says of a cluster's place. */
export interface Infrastructure {
  readonly provider: string;
  readonly instanceType: string;
  readonly region: string;
  readonly availabilityZoneCount: number;
  readonly zoneIds?: string[];
  readonly cidrBlock?: string;
}

/** One instance type of the service's offer. */
export interface InstanceTypeOffering {
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly localDisks: number;
  readonly localStorageGib: number;
  readonly architectures: string[];
}
