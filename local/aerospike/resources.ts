/** How requests of the API become calls of the core. */
import type { AnyModel, ResourceCall } from "../core/lifecycle";
import { clusterModel, CLUSTER } from "./cluster";
import { peeringModel, VPC_PEERING } from "./peering";

/** The account that the local API's keys belong to. */
const ACCOUNT = "aerospike";

/**
 * The API knows no URNs: one is made from the type and what a client looks a resource up by, so that the ledger shows two clusters of
 * one name, or two peerings of one VPC, as what they are.
 * @param urn of an existing record
 */
export function callOf(type: typeof CLUSTER | typeof VPC_PEERING, name: string, region: string, urn = `urn:pulumi:aerospike-cloud::account::${type}::${name}`): ResourceCall {
  const model = (type === CLUSTER ? clusterModel : peeringModel) as unknown as AnyModel;
  return { model, scope: { region, account: ACCOUNT, stack: "aerospike-cloud", urn, type, name, signal: new AbortController().signal } };
}

/** JSON merge patch (RFC 7396) of two objects. */
export function deepMerge(base: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof base === "object" && base !== null && !Array.isArray(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = deepMerge(result[key], value);
  }
  return result;
}
