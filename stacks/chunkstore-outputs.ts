/** What `chunkstore` hands to stacks that use the store, as a contract that is checked on both sides. */
import { z } from "zod";

const node = z.object({
  name: z.string(), role: z.enum(["controller", "chunkserver"]), containerId: z.string(), containerName: z.string(),
  /** Of controllers. */
  endpoint: z.string().optional(),
});

export const chunkstoreOutputs = {
  /** Base URLs of the clients' API; any of them will do. */
  endpoints: z.array(z.string()),
  networkName: z.string(),
  nodes: z.array(node),
  replicationFactor: z.union([z.literal("all"), z.int().positive()]),
  accountNames: z.array(z.string()),
  /** Of the user `admin`; secret. */
  adminPassword: z.string(),
} as const;
