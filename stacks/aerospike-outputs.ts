/** What `aerospike` hands to stacks that use the cluster: its outputs as a contract, checked on both sides. */
import { z } from "zod";

export const aerospikeOutputs = {
  clusterId: z.string(),
  host: z.string(),
  port: z.int(),
  tlsCertificate: z.string(),
  vpcId: z.string(),
} as const;
