/** What `constellation-home` hands to the stacks that depend on it: its outputs as a contract, checked on both sides. */
import { z } from "zod";

export const homeOutputs = {
  region: z.string(),
  remoteRegions: z.array(z.string()),
  orchestratorArn: z.string(),
  executionRoleArn: z.string(),
  aggregatorRoleArn: z.string(),
  generatorRoleArn: z.string(),
  logGroupPrefix: z.string(),
} as const;
