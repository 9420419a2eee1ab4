/** How the provider reaches the service. */
import * as pulumi from "@pulumi/pulumi";
import { withDefaults } from "./options";

/** Every argument has a variable in the environment that counts when the argument is absent. */
export interface ProviderArgs {
  /** `AEROSPIKE_CLOUD_KEY` */
  readonly apiKeyId?: pulumi.Input<string>;
  /** `AEROSPIKE_CLOUD_SECRET`; kept encrypted in the state. */
  readonly apiKeySecret?: pulumi.Input<string>;
  /** `AEROSPIKE_CLOUD_API_URL` @default "https://api.aerospike.com/v1" */
  readonly apiUrl?: pulumi.Input<string>;
  /** `AEROSPIKE_CLOUD_CLUSTERS_PATH`; the older API has `/databases` below `https://api.aerospike.cloud/v2`. @default "/database/clusters" */
  readonly clustersPath?: pulumi.Input<string>;
  /** `AEROSPIKE_CLOUD_TOKEN_URL` @default "https://auth.control.aerospike.cloud/oauth/token" */
  readonly tokenUrl?: pulumi.Input<string>;
}

/** A provider of its own settings; without one, the stack's configuration (`aerospikecloud:apiUrl`…) and the environment count. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs = {}, opts?: pulumi.ResourceOptions) {
    super("aerospikecloud", name, {
      apiKeyId: args.apiKeyId,
      apiKeySecret: args.apiKeySecret === undefined ? undefined : pulumi.secret(args.apiKeySecret),
      apiUrl: args.apiUrl, clustersPath: args.clustersPath, tokenUrl: args.tokenUrl,
    }, withDefaults(opts));
  }
}
