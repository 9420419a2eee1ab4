/** Checks a cluster's place and size against what the account may order, before anything is created. */
import { ApiError } from "../../api/errors";
import type { AerospikeCloudClient } from "../../api/client";
import type { CloudProviders } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import { SharedWork } from "../../api/shared";
import type { CheckContext, CheckFault } from "../handler";

/** An early check must not hold up a preview for long: what it would tell, the service tells at the creation too. */
const PATIENCE_MS = 10_000;

const questions = new WeakMap<AerospikeCloudClient, SharedWork<CloudProviders | ApiError>>();
const answers = new WeakMap<AerospikeCloudClient, CloudProviders | ApiError>();

/** One question a provider process: the offer doesn't change while it runs, and a service that doesn't answer is not asked for each cluster. */
async function offeringsOf(client: AerospikeCloudClient, signal: AbortSignal): Promise<CloudProviders | ApiError> {
  const answered = answers.get(client);
  if (answered !== undefined) return answered;
  const asked = questions.get(client) ?? new SharedWork((ended) => ask(client, ended));
  questions.set(client, asked);
  return asked.join(signal);
}

async function ask(client: AerospikeCloudClient, signal: AbortSignal): Promise<CloudProviders | ApiError> {
  const answer = await client.offerings({}, signal, PATIENCE_MS).catch((error: unknown) => {
    if (error instanceof ApiError) return error;
    throw error;
  });
  answers.set(client, answer);
  return answer;
}

/**
 * Faults of region and instance type. A service that can't be asked now is no fault of the input; a key that it refuses is, because
 * nothing could be created with it.
 */
export async function offeringFaults(inputs: Properties, { client, signal, warn }: CheckContext): Promise<CheckFault[]> {
  const infrastructure = inputs["infrastructure"];
  if (typeof infrastructure !== "object" || infrastructure === null || Array.isArray(infrastructure)) return [];
  const { provider, region, instanceType } = infrastructure as Properties;
  if (typeof provider !== "string") return [];
  const offer = await offeringsOf(client, signal);
  if (offer instanceof ApiError) {
    if (offer.kind === "unauthorized" || offer.kind === "forbidden") return [{ property: "", reason: offer.message }];
    warn(`the account's offerings could not be read, so infrastructure.region and infrastructure.instanceType are not checked: ${offer.message}`);
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
