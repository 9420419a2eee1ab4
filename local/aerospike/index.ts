/** The local stand-in of Aerospike Cloud: an HTTP service that the real provider talks to. */
import type { HttpService } from "../daemon";
import type { ResourceModel } from "../model";
import { CLUSTER, clusterModel } from "./cluster";
import { peeringModel, VPC_PEERING } from "./peering";
import { aerospikeServer, REQUEST } from "./server";
import { localKeys } from "./tokens";

export const aerospikeService: HttpService = {
  name: "aerospike-cloud",
  resources: [clusterModel, peeringModel] as unknown as readonly ResourceModel<never>[],
  faults: { [CLUSTER]: ["slow", "action-required"], [VPC_PEERING]: ["slow", "rejected", "expired", "failed"], [REQUEST]: ["slow"] },
  serve: aerospikeServer,
  environment: (port, secret) => {
    const { full } = localKeys(secret);
    return {
      AEROSPIKE_CLOUD_KEY: full.id, AEROSPIKE_CLOUD_SECRET: full.secret,
      AEROSPIKE_CLOUD_API_URL: `http://127.0.0.1:${port}/v1`, AEROSPIKE_CLOUD_TOKEN_URL: `http://127.0.0.1:${port}/oauth/token`,
    };
  },
};
