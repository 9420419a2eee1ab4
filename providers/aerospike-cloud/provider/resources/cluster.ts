/** `Cluster`: made or found by its name, resized in place, deleted. */
import { isDeepStrictEqual } from "node:util";
import { ApiError } from "../../api/errors";
import type { Cluster, ClusterCreate, ClusterPatch } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import { NotReady, type CallContext, type Found, type ResourceHandler } from "../handler";
import { done, makeOnce, orGone, waitFor, waiting } from "../poll";
import { clusterBody, clusterFaults, clusterInputs, schemaFaults } from "./inputs";
import { offeringFaults } from "./offerings";
import { DELETE_SECONDS, isGone, stuckReason, UPDATE_SECONDS } from "./status";

export const clusterHandler: ResourceHandler = {
  type: "aerospikecloud:index:Cluster",
  replaceOn: [
    "dataPlaneVersion", "infrastructure.provider", "infrastructure.region", "infrastructure.availabilityZoneCount", "infrastructure.zoneIds",
    "infrastructure.cidrBlock", "infrastructure.networkAttachedStorage.type", "aerospikeCloud.dataStorage", "aerospikeCloud.dataResiliency",
    "aerospikeServer.namespaces.name",
  ],
  // A second cluster of the same name would be taken for the first one.
  deleteBeforeReplace: true,

  async check(inputs, unknowns, { client }, changed) {
    const faults = [...schemaFaults(clusterInputs, inputs, unknowns), ...clusterFaults(inputs)];
    return changed ? [...faults, ...(await offeringFaults(inputs, client))] : faults;
  },

  async create(inputs, context) {
    const body = clusterBody(inputs);
    const existing = await findByName(body.name, context);
    if (existing === undefined) {
      const made = await makeOnce({ send: () => context.client.createCluster(body), find: () => findByName(body.name, context) }, context);
      return { id: made.id, outputs: outputsOf(inputs, made, false) };
    }
    const differences = immutableDifferences(body, existing);
    if (differences.length > 0) {
      throw new Error(`a cluster "${body.name}" (${existing.id}) exists and can't become what is declared: ${differences.join("; ")}; declare it as it is, choose another name, or delete it`);
    }
    context.info(`cluster "${body.name}" exists already (${existing.id}, ${existing.health?.status ?? "unknown"}): taken over, none is created`);
    const outputs = outputsOf(inputs, existing, true);
    const patch = patchOf(bodyOf(existing), body);
    if (patch !== undefined) await applied(existing.id, outputs, () => change(existing.id, patch, context));
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
    const outputs = { ...state, ...news };
    await applied(id, outputs, async () => (patch === undefined ? settled(id, context) : change(id, patch, context)));
    const cluster = await context.client.cluster(id, context.signal);
    return outputsOf(news, cluster, state["detected"] === true);
  },

  async delete(id, _state, context) {
    if ((await orGone(context.client.deleteCluster(id).then(() => true))) === undefined) return;
    await waitFor({
      what: `cluster ${id} to be gone`, usualSeconds: DELETE_SECONDS, timeoutSeconds: 3_600,
      look: async (signal) => {
        const cluster = await orGone(context.client.cluster(id, signal));
        return cluster === undefined || cluster.health?.status === "decommissioned" ? done(undefined) : waiting(cluster.health?.status ?? "unknown");
      },
    }, context);
  },
};

/** @throws {Error} when several living clusters have the name */
async function findByName(name: string, { client }: CallContext): Promise<Cluster | undefined> {
  const found = await client.clustersNamed(name);
  if (found.length <= 1) return found[0];
  throw new Error(`${found.length} living clusters are named "${name}" (${found.map(({ id }) => id).join(", ")}); expected at most one; import the one that is meant, or delete the others`);
}

/** Patches an active cluster and waits until it is active again. */
async function change(id: string, patch: ClusterPatch, context: CallContext): Promise<void> {
  await waitFor({
    // A cluster that is just being made or changed refuses: its turn comes.
    what: `cluster ${id} to accept a change`, usualSeconds: 0, timeoutSeconds: 5_400,
    look: async (signal) => {
      const busy = await busyPhase(id, context, signal);
      if (busy !== undefined) return waiting(busy, "before the change");
      try {
        await context.client.updateCluster(id, patch, signal);
        return done(undefined);
      } catch (error) {
        if (error instanceof ApiError && error.kind === "conflict") return waiting("updating", "another change is under way");
        throw error;
      }
    },
  }, context);
  await settled(id, context);
}

async function settled(id: string, context: CallContext): Promise<void> {
  await waitFor({
    what: `cluster ${id} to be active`, usualSeconds: UPDATE_SECONDS, timeoutSeconds: 5_400,
    look: async (signal) => {
      const phase = await busyPhase(id, context, signal);
      return phase === undefined ? done(undefined) : waiting(phase);
    },
  }, context);
}

/** Undefined when the cluster is active. @throws {Error} when it won't become so by itself */
async function busyPhase(id: string, { client }: CallContext, signal: AbortSignal): Promise<string | undefined> {
  const cluster = await client.cluster(id, signal);
  const status = cluster.health?.status ?? "unknown";
  const stuck = stuckReason(cluster);
  if (stuck !== undefined) throw new Error(stuck);
  return status === "active" ? undefined : status;
}

/** A change that was not finished: the engine keeps the cluster with what it is to become. */
async function applied(id: string, outputs: Properties, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new NotReady(id, outputs, error instanceof Error ? error.message : String(error));
  }
}

/** The part of the declaration that changes in place, where it differs. */
export function patchOf(before: Partial<ClusterCreate>, after: ClusterCreate): ClusterPatch | undefined {
  const infrastructure = {
    ...(after.infrastructure.instanceType !== before.infrastructure?.instanceType && { instanceType: after.infrastructure.instanceType }),
    ...(after.infrastructure.networkAttachedStorage !== undefined
      && !isDeepStrictEqual(after.infrastructure.networkAttachedStorage, before.infrastructure?.networkAttachedStorage)
      && { networkAttachedStorage: after.infrastructure.networkAttachedStorage }),
  };
  const patch: ClusterPatch = {
    ...(after.name !== before.name && { name: after.name }),
    ...(Object.keys(infrastructure).length > 0 && { infrastructure }),
    ...(after.aerospikeCloud.clusterSize !== before.aerospikeCloud?.clusterSize && { aerospikeCloud: { clusterSize: after.aerospikeCloud.clusterSize } }),
    ...(before.aerospikeServer !== undefined && !isDeepStrictEqual(after.aerospikeServer, before.aerospikeServer) && { aerospikeServer: after.aerospikeServer }),
    ...(!isDeepStrictEqual(after.logging?.authorizedRoles ?? [], before.logging?.authorizedRoles ?? []) && { logging: { authorizedRoles: after.logging?.authorizedRoles ?? [] } }),
  };
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The existing cluster in the form of a declaration. Server settings are left out: the service adds defaults of its own to them. */
function bodyOf(cluster: Cluster): Partial<ClusterCreate> {
  const { aerospikeServer: _server, ...body } = clusterInputs.partial().parse({
    name: cluster.name,
    infrastructure: { ...pick(cluster.infrastructure, ["provider", "instanceType", "region", "availabilityZoneCount", "networkAttachedStorage"]) },
    aerospikeCloud: pick(cluster.aerospikeCloud, ["clusterSize", "dataStorage", "dataResiliency"]),
    ...(cluster.logging?.authorizedRoles !== undefined && { logging: { authorizedRoles: cluster.logging.authorizedRoles } }),
  });
  return body;
}

/** Where an existing cluster differs from the declaration in what no update can change. What isn't declared doesn't count. */
export function immutableDifferences(body: ClusterCreate, { infrastructure, aerospikeCloud }: Cluster): string[] {
  const declared = body.infrastructure;
  const pairs: [string, unknown, unknown][] = [
    ["infrastructure.provider", declared.provider, infrastructure.provider],
    ["infrastructure.region", declared.region, infrastructure.region],
    ["infrastructure.availabilityZoneCount", declared.availabilityZoneCount, infrastructure.availabilityZoneCount],
    ["infrastructure.zoneIds", declared.zoneIds?.toSorted(), infrastructure.zoneIds?.toSorted()],
    ["infrastructure.cidrBlock", declared.cidrBlock, infrastructure.cidrBlock],
    ["aerospikeCloud.dataStorage", body.aerospikeCloud.dataStorage, aerospikeCloud.dataStorage],
    ["aerospikeCloud.dataResiliency", "dataResiliency" in body.aerospikeCloud ? body.aerospikeCloud.dataResiliency : undefined, aerospikeCloud.dataResiliency],
  ];
  return pairs.filter(([, wanted, is]) => wanted !== undefined && !isDeepStrictEqual(wanted, is)).map(([path, wanted, is]) => `${path} is ${JSON.stringify(is)}, declared is ${JSON.stringify(wanted)}`);
}

/** The declaration as a refresh or an import finds it. */
function liveInputs(inputs: Properties, cluster: Cluster): Properties {
  const { infrastructure, aerospikeCloud } = cluster;
  const declared = (inputs["infrastructure"] ?? {}) as Properties;
  // An import has no declaration yet: then everything counts that a declaration may say.
  const imported = Object.keys(inputs).length === 0;
  const optional = (key: "zoneIds" | "cidrBlock" | "networkAttachedStorage") => ((imported || key in declared) && infrastructure[key] !== undefined ? { [key]: infrastructure[key] } : {});
  return {
    ...inputs,
    name: cluster.name,
    infrastructure: {
      ...pick(infrastructure, ["provider", "instanceType", "region", "availabilityZoneCount"]), ...optional("zoneIds"), ...optional("cidrBlock"), ...optional("networkAttachedStorage"),
    } as Properties,
    aerospikeCloud: pick(aerospikeCloud, ["clusterSize", "dataStorage", "dataResiliency"]) as Properties,
    ...(imported && { aerospikeServer: { namespaces: namespaceNames(cluster) } }),
    ...((imported || "logging" in inputs) && cluster.logging?.authorizedRoles !== undefined && { logging: { authorizedRoles: cluster.logging.authorizedRoles } }),
  };
}

function namespaceNames({ aerospikeServer }: Cluster): Properties[] {
  const { namespaces } = aerospikeServer;
  return Array.isArray(namespaces) ? namespaces.map(({ name }: { name: string }) => ({ name })) : [{ name: "test" }];
}

function outputsOf(inputs: Properties, cluster: Cluster, detected: boolean): Properties {
  const { infrastructure } = cluster;
  return {
    ...inputs,
    dataPlaneVersion: cluster.dataPlaneVersion,
    cidrBlock: infrastructure.cidrBlock ?? DEFAULT_CLUSTER_CIDR,
    createdAt: cluster.createdAt, detected, status: cluster.health?.status ?? "unknown",
  };
}

/** Source: the vendor's documentation of VPC peering. */
const DEFAULT_CLUSTER_CIDR = "10.128.0.0/19";

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined && value !== ""));
}

