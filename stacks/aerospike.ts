/** Stack program: a managed Aerospike cluster with its clients and their peering. */
import * as pulumi from "@pulumi/pulumi";
import { AerospikeClusterPeering } from "../components/aerospike-cluster-peering";
import type { aerospikeOutputs } from "./aerospike-outputs";
import { aerospikeConfig } from "./config";
import { readConfig } from "./values";

export const program = async (): Promise<Record<string, unknown>> => {
  const { clusterRegion, ...config } = readConfig(aerospikeConfig);
  const clientRegion = new pulumi.Config("aws").require("region");
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as Partial<typeof config>;
  const database = new AerospikeClusterPeering("database", { region: clusterRegion ?? clientRegion, clientRegion, ...given });
  const contract = {
    clusterId: database.clusterId,
    host: database.host,
    port: database.port,
    tlsCertificate: database.tlsCertificate,
    vpcId: database.vpcId,
  } satisfies Record<keyof typeof aerospikeOutputs, unknown>;
  return {
    ...contract,
    clusterName: database.clusterName, metricsPort: database.metricsPort, clusterCidrBlock: database.clusterCidrBlock,
    clientInstanceIds: database.clientInstanceIds, clientPrivateIps: database.clientPrivateIps, peeringId: database.peeringId, phases: database.phases,
  };
};
