/** Stack program: a distributed chunk store on Docker. */
import { ChunkStoreCluster, type DockerPlatform } from "../components/chunk-store-cluster";
import type { chunkstoreOutputs } from "./chunkstore-outputs";
import { chunkstoreConfig } from "./config";
import { defined, readConfig } from "./values";

/** The one account that the stack makes. */
const ADMIN = "admin";

export const program = async (): Promise<Record<string, unknown>> => {
  const { clusterKey, adminPassword, networkName, publishFirstPort, baseImage, ...rest } = readConfig(chunkstoreConfig);
  const platform: DockerPlatform = { kind: "docker", ...defined({ networkName, baseImage, publish: publishFirstPort === undefined ? undefined : { firstPort: publishFirstPort } }) };
  const store = new ChunkStoreCluster("chunkstore", { clusterKey, accounts: { [ADMIN]: adminPassword }, platform, ...defined(rest) });
  return {
    endpoints: store.endpoints, networkName: store.networkName, nodes: store.nodes, replicationFactor: store.replicationFactor, accountNames: store.accountNames, adminPassword,
  } satisfies Record<keyof typeof chunkstoreOutputs, unknown>;
};
