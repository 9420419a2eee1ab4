/**
 * The demo fleet: a multi-region load test with its home and one stack a region, in the form of its sample config; a distributed chunk
 * store; and a managed Aerospike cluster with its clients. The three are independent of each other.
 */
import { constellation, defineFleet } from "stackfleet";

export default defineFleet({
  stacks: {
    ...constellation("./examples/constellation.json"),
    chunkstore: {
      program: "chunkstore",
      config: {
        clusterKey: { secretFromEnv: "CHUNKSTORE_CLUSTER_KEY", generateLocally: true },
        adminPassword: { secretFromEnv: "CHUNKSTORE_ADMIN_PASSWORD", generateLocally: true },
      },
    },
    aerospike: { program: "aerospike", region: "us-east-1" },
  },
});
