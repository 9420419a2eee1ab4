/** `ClusterReady`: the wait for `active`, and what is known from then on. */
import type { Cluster } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import type { CallContext, ResourceHandler } from "../handler";
import { done, ofCluster, orGone, waitFor, waiting } from "../poll";
import { clusterReadyInputs, schemaFaults } from "./inputs";
import { isGone, PROVISIONING_SECONDS, stuckReason } from "./status";

/** How long statuses that say nothing are put up with, in simulated seconds from the first look. */
const UNKNOWN_SECONDS = 300;

export const clusterReadyHandler: ResourceHandler = {
  type: "aerospikecloud:index:ClusterReady",
  replaceOn: ["clusterId"],
  deleteBeforeReplace: false,

  check: async (inputs, unknowns) => schemaFaults(clusterReadyInputs, inputs, unknowns),

  async create(inputs, context) {
    const { clusterId } = clusterReadyInputs.parse(inputs);
    const cluster = await untilActive(clusterId, context);
    return { id: clusterId, outputs: outputsOf(cluster, ((context.now() - Date.parse(cluster.createdAt)) / 1000) * context.timeScale) };
  },

  async read(id, _inputs, state, context) {
    const cluster = await orGone(context.client.cluster(id, context.signal));
    // One that isn't active any more (an update, a pause) was ready once; who needs it again looks at the cluster's status.
    if (cluster === undefined || isGone(cluster)) return undefined;
    if (cluster.connectionDetails.host === undefined) return undefined;
    const seconds = state["provisioningSeconds"];
    return { id, inputs: { clusterId: id }, outputs: outputsOf(cluster, typeof seconds === "number" ? seconds : 0) };
  },

  update: async (_id, state) => state,
  delete: async () => undefined,
};

async function untilActive(clusterId: string, context: CallContext): Promise<Cluster> {
  const first = await ofCluster(clusterId, context.client.cluster(clusterId, context.signal));
  const begun = context.now();
  return waitFor({
    what: `cluster "${first.name}" (${clusterId}) to be active`,
    startedAt: Date.parse(first.createdAt), usualSeconds: PROVISIONING_SECONDS, timeoutSeconds: 3_600,
    look: async (signal) => {
      const cluster = await ofCluster(clusterId, context.client.cluster(clusterId, signal));
      const status = cluster.health?.status ?? "unknown";
      if (status === "active" && cluster.connectionDetails.host !== undefined && cluster.connectionDetails.host !== "") return done(cluster, status);
      const stuck = stuckReason(cluster);
      if (stuck !== undefined) throw new Error(stuck);
      const waited = ((context.now() - begun) / 1000) * context.timeScale;
      if ((status === "unknown" || status === "not-available" || status === "multiple") && waited > UNKNOWN_SECONDS) {
        throw new Error(`cluster "${cluster.name}" (${clusterId}) is ${status} for ${Math.round(waited)} s; expected provisioning or active; look at it in the console, and run the same command again`);
      }
      return waiting(status, status === "active" ? "waiting for its connection details" : undefined);
    },
  }, context);
}

function outputsOf(cluster: Cluster, provisioningSeconds: number): Properties {
  const { infrastructure, connectionDetails } = cluster;
  return {
    clusterId: cluster.id,
    host: connectionDetails.host ?? "", tlsCertificate: connectionDetails.tlsCertificate ?? "",
    networkId: infrastructure.networkId ?? "", accountId: infrastructure.accountId ?? "", cidrBlock: infrastructure.cidrBlock ?? "",
    provisioningSeconds: Math.max(0, Math.round(provisioningSeconds)),
  };
}
