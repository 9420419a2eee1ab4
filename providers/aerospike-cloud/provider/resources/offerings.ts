/** Checks a cluster's place and size against what the account may order, before anything is created. */
import { ApiError } from "../../api/errors";
import type { AerospikeCloudClient } from "../../api/client";
import type { CloudProviders } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import type { CheckFault } from "../handler";

const known = new WeakMap<AerospikeCloudClient, Promise<CloudProviders>>();

/** One question a provider process: the offer doesn't change while it runs. */
function offeringsOf(client: AerospikeCloudClient): Promise<CloudProviders> {
  const asked = known.get(client) ?? client.offerings();
  known.set(client, asked);
  asked.catch(() => known.delete(client));
  return asked;
}

/**
 * Faults of region and instance type. A service that can't be asked now is no fault of the input; a key that it refuses is, because
 * nothing could be created with it.
 */
export async function offeringFaults(inputs: Properties, client: AerospikeCloudClient): Promise<CheckFault[]> {
  const infrastructure = inputs["infrastructure"];
  if (typeof infrastructure !== "object" || infrastructure === null || Array.isArray(infrastructure)) return [];
  const { provider, region, instanceType } = infrastructure as Properties;
  if (typeof provider !== "string") return [];
  let offer: CloudProviders;
  try {
    offer = await offeringsOf(client);
  } catch (error) {
    if (error instanceof ApiError && (error.kind === "unauthorized" || error.kind === "forbidden")) return [{ property: "", reason: error.message }];
    return [];
  }
  const place = offer.results.find(({ id }) => id === provider);
  if (place === undefined) return [{ property: "infrastructure.provider", reason: notOffered(provider, offer.results.map(({ id }) => id)) }];
  if (typeof region !== "string") return [];
  const found = place.regions.find(({ name }) => name === region);
  if (found === undefined) return [{ property: "infrastructure.region", reason: notOffered(region, place.regions.map(({ name }) => name)) }];
  const types = found.instanceTypes.map((type) => type.instanceType);
  if (typeof instanceType !== "string" || types.includes(instanceType)) return [];
  return [{ property: "infrastructure.instanceType", reason: `${notOffered(instanceType, types)} in ${region}` }];
}

function notOffered(got: string, offered: readonly string[]): string {
  return `got "${got}"; expected one that Aerospike Cloud offers: ${offered.join(", ")}`;
}
