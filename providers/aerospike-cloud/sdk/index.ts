/** The SDK of the Pulumi package `aerospikecloud`. */
export { Cluster, ClusterReady, type ClusterArgs, type ClusterReadyArgs } from "./cluster";
export { VpcPeering, VpcPeeringReady, type VpcPeeringArgs, type VpcPeeringReadyArgs } from "./vpcPeering";
export { Provider, type ProviderArgs } from "./provider";
export { getCluster, getClusterOutput, getOfferings, type GetClusterArgs, type GetClusterResult, type GetOfferingsArgs, type GetOfferingsResult } from "./functions";
export type * from "./types";
