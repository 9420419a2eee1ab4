/** A cluster's declaration against the cluster that there is: what differs, what can change in place, what a refresh writes down. Pure. */
import { isDeepStrictEqual } from "node:util";
import type { Cluster, ClusterCreate, ClusterPatch } from "../../api/schemas";
import type { Properties } from "../../../wire/values";

/** Source: the vendor's documentation of VPC peering. */
export const DEFAULT_CLUSTER_CIDR = "10.128.0.0/19";
/** The service's word for its latest version. Source: the vendor's OpenAPI 1.0.0. */
const LATEST = "default";

/** What a comparison looks at: a declaration, or as much of one as an existing cluster tells. */
export interface Comparable {
  readonly name?: string;
  readonly infrastructure?: { readonly instanceType?: string; readonly networkAttachedStorage?: object };
  readonly aerospikeCloud?: { readonly clusterSize?: number };
  /** Absent: not to be compared. */
  readonly aerospikeServer?: object;
  readonly logging?: { readonly authorizedRoles?: readonly string[] };
}

/** The part of the declaration that changes in place, where it differs. */
export function patchOf(before: Comparable, after: ClusterCreate): ClusterPatch | undefined {
  const { instanceType, networkAttachedStorage: storage } = after.infrastructure;
  const infrastructure = {
    ...(instanceType !== before.infrastructure?.instanceType && { instanceType }),
    ...(storage !== undefined && !isDeepStrictEqual(storage, before.infrastructure?.networkAttachedStorage) && { networkAttachedStorage: storage }),
  };
  const roles = after.logging?.authorizedRoles ?? [];
  const patch: ClusterPatch = {
    ...(after.name !== before.name && { name: after.name }),
    ...(Object.keys(infrastructure).length > 0 && { infrastructure }),
    ...(after.aerospikeCloud.clusterSize !== before.aerospikeCloud?.clusterSize && { aerospikeCloud: { clusterSize: after.aerospikeCloud.clusterSize } }),
    ...(before.aerospikeServer !== undefined && !isDeepStrictEqual(after.aerospikeServer, before.aerospikeServer) && { aerospikeServer: after.aerospikeServer }),
    ...(!isDeepStrictEqual(roles, before.logging?.authorizedRoles ?? []) && { logging: { authorizedRoles: roles } }),
  };
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** What a patch changes, in words: `aerospikeCloud.clusterSize 8 becomes 2`. Server settings are named only: nobody reads them in one line. */
export function changesOf(before: Comparable, patch: ClusterPatch): string[] {
  const { infrastructure, aerospikeCloud, logging, aerospikeServer } = patch;
  const pairs: [path: string, was: unknown, becomes: unknown][] = [
    ["aerospikeCloud.clusterSize", before.aerospikeCloud?.clusterSize, aerospikeCloud?.clusterSize],
    ["infrastructure.instanceType", before.infrastructure?.instanceType, infrastructure?.instanceType],
    ["infrastructure.networkAttachedStorage", before.infrastructure?.networkAttachedStorage, infrastructure?.networkAttachedStorage],
    ["logging.authorizedRoles", before.logging?.authorizedRoles ?? [], logging?.authorizedRoles],
  ];
  return [
    ...pairs.filter(([, , becomes]) => becomes !== undefined).map(([path, was, becomes]) => `${path} ${valueText(was)} becomes ${valueText(becomes)}`),
    ...(aerospikeServer === undefined ? [] : ["aerospikeServer changes"]),
  ];
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "nothing" : JSON.stringify(value);
}

/** The existing cluster in the form of a declaration. Server settings are left out: the service adds defaults of its own to them. */
export function comparable({ name, infrastructure, aerospikeCloud, logging }: Cluster, declared: ClusterCreate): Comparable {
  const { instanceType, networkAttachedStorage: storage } = infrastructure;
  return {
    name, aerospikeCloud,
    infrastructure: { instanceType, ...(storage && { networkAttachedStorage: pick(storage, Object.keys(declared.infrastructure.networkAttachedStorage ?? {})) }) },
    ...(logging?.authorizedRoles && { logging: { authorizedRoles: logging.authorizedRoles } }),
  };
}

/** Where an existing cluster differs from the declaration in what no update can change. What isn't declared, or not told, doesn't count. */
export function immutableDifferences(body: ClusterCreate, { infrastructure, aerospikeCloud, aerospikeServer, dataPlaneVersion }: Cluster): string[] {
  const declared = body.infrastructure;
  const storage = infrastructure.networkAttachedStorage?.["type"];
  const pairs: [path: string, wanted: unknown, is: unknown][] = [
    ["dataPlaneVersion", body.dataPlaneVersion === LATEST ? undefined : body.dataPlaneVersion, dataPlaneVersion],
    ["infrastructure.provider", declared.provider, infrastructure.provider],
    ["infrastructure.region", declared.region, infrastructure.region],
    ["infrastructure.availabilityZoneCount", declared.availabilityZoneCount, infrastructure.availabilityZoneCount],
    ["infrastructure.zoneIds", infrastructure.zoneIds && declared.zoneIds?.toSorted(), infrastructure.zoneIds?.toSorted()],
    ["infrastructure.cidrBlock", declared.cidrBlock, infrastructure.cidrBlock ?? DEFAULT_CLUSTER_CIDR],
    ["infrastructure.networkAttachedStorage.type", storage === undefined ? undefined : declared.networkAttachedStorage?.type, storage],
    ["aerospikeCloud.dataStorage", body.aerospikeCloud.dataStorage, aerospikeCloud.dataStorage],
    ["aerospikeCloud.dataResiliency", "dataResiliency" in body.aerospikeCloud ? body.aerospikeCloud.dataResiliency : undefined, aerospikeCloud.dataResiliency],
    ["aerospikeServer.namespaces", namesOf(aerospikeServer) && namesOf(body.aerospikeServer), namesOf(aerospikeServer)],
  ];
  return pairs.filter(([, wanted, is]) => wanted !== undefined && !isDeepStrictEqual(wanted, is))
    .map(([path, wanted, is]) => `${path} is ${is === undefined ? "nothing" : JSON.stringify(is)}, declared is ${JSON.stringify(wanted)}`);
}

/** The declaration as a refresh or an import finds it. What was not declared stays so: the service's own choice is no difference. */
export function liveInputs(inputs: Properties, cluster: Cluster): Properties {
  const { infrastructure, aerospikeCloud, aerospikeServer, logging } = cluster;
  // An import has no declaration yet: then everything counts that a declaration may say.
  const imported = Object.keys(inputs).length === 0;
  const declared = (object: string) => Object.keys((inputs[object] ?? {}) as Properties);
  const kept = (object: string, always: readonly string[], optional: readonly string[]) => [...always, ...optional.filter((key) => imported || declared(object).includes(key))];
  const storage = ((inputs["infrastructure"] ?? {}) as Properties)["networkAttachedStorage"];
  const place = pick(infrastructure, kept("infrastructure", ["provider", "instanceType", "region", "availabilityZoneCount"], ["zoneIds", "cidrBlock", "networkAttachedStorage"]));
  const live = infrastructure.networkAttachedStorage;
  return {
    ...inputs,
    name: cluster.name,
    infrastructure: {
      ...place, ...("networkAttachedStorage" in place && live && { networkAttachedStorage: pick(live, imported ? ["type", "sizeInGB", "iops"] : Object.keys(storage ?? {})) }),
    } as Properties,
    aerospikeCloud: pick(aerospikeCloud, kept("aerospikeCloud", ["clusterSize", "dataStorage"], ["dataResiliency"])) as Properties,
    ...(imported && { aerospikeServer: { namespaces: (namesOf(aerospikeServer) ?? ["test"]).map((name) => ({ name })) } }),
    ...((imported || "logging" in inputs) && logging?.authorizedRoles !== undefined && { logging: { authorizedRoles: logging.authorizedRoles } }),
  };
}

/** The old declaration with what the new one merely writes down: saying what the service chose is no change. */
export function writtenDown(olds: Properties, state: Properties, news: Properties): Properties {
  const [before, after] = [olds["infrastructure"], news["infrastructure"]] as (Properties | undefined)[];
  const version = olds["dataPlaneVersion"] ?? (news["dataPlaneVersion"] === undefined ? undefined : state["dataPlaneVersion"]);
  const cidrBlock = before?.["cidrBlock"] ?? (typeof after === "object" && after["cidrBlock"] !== undefined ? state["cidrBlock"] : undefined);
  return {
    ...olds, ...(version !== undefined && { dataPlaneVersion: version }),
    ...(before !== undefined && { infrastructure: { ...before, ...(cidrBlock !== undefined && { cidrBlock }) } }),
  };
}

/** What the cluster's resource has for outputs. */
export function outputsOf(inputs: Properties, cluster: Cluster, detected: boolean): Properties {
  return {
    ...inputs,
    dataPlaneVersion: cluster.dataPlaneVersion,
    cidrBlock: cluster.infrastructure.cidrBlock ?? DEFAULT_CLUSTER_CIDR,
    createdAt: cluster.createdAt, detected, status: cluster.health?.status ?? "unknown",
  };
}

/** Names of the namespaces in their order, or undefined when the settings don't tell. */
function namesOf(server: { readonly [setting: string]: unknown }): string[] | undefined {
  const namespaces = server["namespaces"];
  if (!Array.isArray(namespaces)) return undefined;
  return namespaces.map((namespace: unknown) => (typeof namespace === "object" && namespace !== null && "name" in namespace ? String(namespace.name) : ""));
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined && value !== ""));
}
