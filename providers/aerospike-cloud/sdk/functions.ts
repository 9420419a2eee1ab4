/** Look-ups. */
import * as pulumi from "@pulumi/pulumi";
import { withInvokeDefaults } from "./options";
import type { Infrastructure, InstanceTypeOffering } from "./types";

export interface GetClusterArgs { readonly name: string }
export interface GetClusterResult {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  /** Absent until the cluster is active. */
  readonly host?: string;
  readonly tlsCertificate?: string;
  readonly infrastructure: Infrastructure;
  readonly clusterSize: number;
}

/** The living cluster of this name. @throws when there is none, or several */
export function getCluster(args: GetClusterArgs, opts?: pulumi.InvokeOptions): Promise<GetClusterResult> {
  return pulumi.runtime.invoke("aerospikecloud:index:getCluster", { name: args.name }, withInvokeDefaults(opts)) as Promise<GetClusterResult>;
}

/** As {@link getCluster}, of an output. */
export function getClusterOutput(args: { readonly name: pulumi.Input<string> }, opts?: pulumi.InvokeOptions): pulumi.Output<GetClusterResult> {
  return pulumi.output(args.name).apply((name) => getCluster({ name }, opts));
}

/** Each filter is optional. */
export interface GetOfferingsArgs {
  /** `aws`, `gcp` or `azure`. */
  readonly cloudProvider?: string;
  readonly region?: string;
  readonly minMemoryGib?: number;
  readonly minLocalDisks?: number;
  readonly minLocalStorageGib?: number;
}
export interface GetOfferingsResult {
  readonly providers: { readonly id: string; readonly name: string; readonly regions: { readonly name: string; readonly instanceTypes: InstanceTypeOffering[] }[] }[];
}

/** What the account may order: cloud providers, their regions and instance types. */
export function getOfferings(args: GetOfferingsArgs = {}, opts?: pulumi.InvokeOptions): Promise<GetOfferingsResult> {
  return pulumi.runtime.invoke("aerospikecloud:index:getOfferings", { ...args }, withInvokeDefaults(opts)) as Promise<GetOfferingsResult>;
}
