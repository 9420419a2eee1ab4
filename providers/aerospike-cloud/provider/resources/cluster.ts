/** `Cluster`: made or found by its name, resized in place, deleted. */
import type { AerospikeCloudClient } from "../../api/client";
import { ApiError } from "../../api/errors";
import type { Cluster, ClusterPatch } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import { NotReady, type CallContext, type Found, type ResourceHandler } from "../handler";
import { done, makeOnce, ofCluster, orGone, waitFor, waiting } from "../poll";
import { changesOf, comparable, immutableDifferences, liveInputs, outputsOf, patchOf, writtenDown } from "./declaration";
import { clusterBody, clusterFaults, clusterInputs, schemaFaults } from "./inputs";
import { offeringFaults } from "./offerings";
import { DELETE_SECONDS, isCorrectable, isGone, stuckReason, UPDATE_SECONDS } from "./status";

export const clusterHandler: ResourceHandler = {
  type: "aerospikecloud:index:Cluster",
  replaceOn: [
    "dataPlaneVersion", "infrastructure.provider", "infrastructure.region", "infrastructure.availabilityZoneCount", "infrastructure.zoneIds",
    "infrastructure.cidrBlock", "infrastructure.networkAttachedStorage.type", "aerospikeCloud.dataStorage", "aerospikeCloud.dataResiliency",
    "aerospikeServer.namespaces.name",
  ],
  // A second cluster of the same name would be taken for the first one.
  deleteBeforeReplace: true,
  effective: writtenDown,

  async check(inputs, unknowns, context, changed) {
    const faults = [...schemaFaults(clusterInputs, inputs, unknowns), ...clusterFaults(inputs, unknowns)];
    return changed ? [...faults, ...(await offeringFaults(inputs, context))] : faults;
  },

  async create(inputs, context) {
    const body = clusterBody(inputs);
    claim(body.name, context);
    const existing = await findByName(body.name, context, context.signal);
    if (existing === undefined) {
      const made = await makeOnce({ send: () => context.client.createCluster(body, context.signal), find: (signal) => findByName(body.name, context, signal) }, context);
      return { id: made.id, outputs: outputsOf(inputs, made, false) };
    }
    const differences = immutableDifferences(body, existing);
    if (differences.length > 0) {
      throw new Error(`a cluster "${body.name}" (${existing.id}) exists and can't become what is declared: ${differences.join("; ")}; declare it as it is, choose another name, or delete it`);
    }
    const before = comparable(existing, body);
    const patch = patchOf(before, body);
    const changes = patch === undefined ? [] : changesOf(before, patch);
    context.warn([
      `cluster "${body.name}" exists already (${existing.id}, ${existing.health?.status ?? "unknown"}): taken over, none is created`,
      ...(changes.length > 0 ? [`its ${changes.join(", its ")}`] : []), "a destroy deletes it",
    ].join("; "));
    const outputs = outputsOf(inputs, existing, true);
    if (patch !== undefined) await change(existing.id, patch, outputs, context);
    return { id: existing.id, outputs };
  },

  async read(id, inputs, state, context): Promise<Found | undefined> {
    const cluster = await orGone(context.client.cluster(id, context.signal));
    if (cluster === undefined || isGone(cluster)) return undefined;
    const live = liveInputs(inputs, cluster);
    return { id: cluster.id, inputs: live, outputs: outputsOf(live, cluster, state["detected"] === true) };
  },

  async update(id, state, olds, news, context) {
    const patch = patchOf(clusterBody(olds), clusterBody(news));
    if (patch?.name !== undefined) await refuseTaken(patch.name, id, context);
    const outputs = { ...state, ...news };
    await (patch === undefined ? settled(id, outputs, context) : change(id, patch, outputs, context));
    const cluster = await ofCluster(id, context.client.cluster(id, context.signal));
    return outputsOf(news, cluster, state["detected"] === true);
  },

  async delete(id, _state, context) {
    if (!(await sendDelete(id, context))) return;
    await waitFor({
      what: `cluster ${id} to be gone`, usualSeconds: DELETE_SECONDS, timeoutSeconds: 3_600,
      look: async (signal) => {
        const cluster = await orGone(context.client.cluster(id, signal));
        return cluster === undefined || cluster.health?.status === "decommissioned" ? done(undefined, "gone") : waiting(cluster.health?.status ?? "unknown");
      },
    }, context);
  },
};

/** @throws {Error} when several living clusters have the name */
async function findByName(name: string, { client }: CallContext, signal: AbortSignal): Promise<Cluster | undefined> {
  const found = await client.clustersNamed(name, signal);
  if (found.length <= 1) return found[0];
  throw new Error(`${found.length} living clusters are named "${name}" (${found.map(({ id }) => id).join(", ")}); expected at most one; import the one that is meant, or delete the others`);
}

/** Two resources of one program that both look a name up before either has made it would make two. */
const claims = new WeakMap<AerospikeCloudClient, Map<string, string>>();

/** @throws {Error} when another resource of this run has taken the name */
function claim(name: string, { client, urn }: CallContext): void {
  const taken = claims.get(client) ?? new Map<string, string>();
  claims.set(client, taken);
  const owner = taken.get(name) ?? urn;
  if (owner !== urn) throw new Error(`name: "${name}" is the cluster of ${owner.split("::").at(-1)} already; expected another name; give each cluster its own`);
  taken.set(name, urn);
}

async function refuseTaken(name: string, id: string, context: CallContext): Promise<void> {
  const other = await findByName(name, context, context.signal);
  if (other !== undefined && other.id !== id) throw new Error(`name: another cluster (${other.id}) is named "${name}"; expected a free name; choose another one, or delete that cluster`);
}

/** False when there is nothing to wait for. One that is going already may refuse. */
async function sendDelete(id: string, { client, signal }: CallContext): Promise<boolean> {
  try {
    await client.deleteCluster(id, signal);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.kind === "not-found") return false;
    const cluster = error.kind === "conflict" || error.kind === "invalid" ? await orGone(client.cluster(id, signal)) : undefined;
    if (cluster === undefined || !isGone(cluster)) throw error;
    return true;
  }
}

/**
 * Changes a cluster and waits until it is active again.
 * @throws {NotReady} once the service has accepted the change; before that, what was declared is not yet true of the cluster, and the next
 * run has to see the difference
 */
async function change(id: string, patch: ClusterPatch, outputs: Properties, context: CallContext): Promise<void> {
  await waitFor({
    // A cluster that is just being made or changed refuses: its turn comes.
    what: `cluster ${id} to accept a change`, usualSeconds: 0, timeoutSeconds: 5_400,
    look: async (signal) => {
      const cluster = await ofCluster(id, context.client.cluster(id, signal));
      const stuck = stuckReason(cluster);
      // What is wrong with its configuration, or too much for the account, a change may set right.
      if (stuck !== undefined && !isCorrectable(cluster)) throw new Error(stuck);
      if (stuck === undefined && cluster.health?.status !== "active") return waiting(cluster.health?.status ?? "unknown", "before the change");
      try {
        await context.client.updateCluster(id, patch, signal);
        return done(undefined, "updating");
      } catch (error) {
        if (!(error instanceof ApiError) || error.kind !== "conflict") throw error;
        if (stuck !== undefined) throw new Error(stuck);
        return waiting("updating", "another change is under way");
      }
    },
  }, context);
  await settled(id, outputs, context);
}

/** Waits until a change that was accepted is done. @throws {NotReady} with what the cluster is to become */
async function settled(id: string, outputs: Properties, context: CallContext): Promise<void> {
  try {
    await waitFor({
      what: `cluster ${id} to be active`, usualSeconds: UPDATE_SECONDS, timeoutSeconds: 5_400,
      look: async (signal) => {
        const cluster = await ofCluster(id, context.client.cluster(id, signal));
        const stuck = stuckReason(cluster);
        if (stuck !== undefined) throw new Error(stuck);
        const status = cluster.health?.status ?? "unknown";
        return status === "active" ? done(undefined, status) : waiting(status);
      },
    }, context);
  } catch (error) {
    throw new NotReady(id, outputs, error instanceof Error ? error.message : String(error));
  }
}
