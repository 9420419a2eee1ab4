/** The AWS look-ups of recovery: by tag through the tagging API, by type where tagging can't search. Same code in the cloud and in the local cloud. */
import { GetResourcesCommand, ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { alive } from "./aws-alive";
import { clientSettings, type AwsAccess } from "./aws-access";
import type { Found, Lookup, Sought } from "./lookup";
import { idFromArn } from "./aws-ids";
import { untaggedLookups } from "./aws-untagged";
import { waitUntilUsable } from "./aws-readiness";
import { isSecret } from "./secret";
import { URN_HASH_TAG, urnHash } from "./urn";

export type { AwsAccess } from "./aws-access";

/** Look-ups for the package `aws`. */
export function awsLookup(access: AwsAccess): Lookup {
  const taggingClients = new Map<string, ResourceGroupsTaggingAPIClient>();
  const byType = untaggedLookups(access);
  const taggingClient = (region: string): ResourceGroupsTaggingAPIClient => {
    const client = taggingClients.get(region) ?? new ResourceGroupsTaggingAPIClient(clientSettings(access, region));
    taggingClients.set(region, client);
    return client;
  };
  return {
    handles: (sought) => byType.has(sought.type) || (sought.type.startsWith("aws:") && carriesHash(sought)),
    find: async (sought) => {
      const lookup = byType.get(sought.type);
      return lookup ? lookup(sought) : alive(clientSettings(access, sought.region), sought, await findByTag(taggingClient(sought.region), sought));
    },
    settled: (sought, found) => waitUntilUsable(access, sought, found),
  };
}

/** True when the create was sent with the tag to search for. */
function carriesHash(sought: Sought): boolean {
  const tags = sought.inputs["tags"];
  // What can't be read is taken to carry it, as all taggable resources of a fleet do.
  if (isSecret(tags)) return true;
  return typeof tags === "object" && tags !== null && (tags as Record<string, unknown>)[URN_HASH_TAG] === urnHash(sought.urn);
}

async function findByTag(client: ResourceGroupsTaggingAPIClient, sought: Sought): Promise<readonly Found[]> {
  const found: Found[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new GetResourcesCommand({
      TagFilters: [{ Key: URN_HASH_TAG, Values: [urnHash(sought.urn)] }],
      ...(token && { PaginationToken: token }),
    }));
    for (const { ResourceARN: arn } of page.ResourceTagMappingList ?? []) {
      if (arn !== undefined) found.push({ id: idFromArn(sought.type, arn), arn });
    }
    token = page.PaginationToken;
  } while (token);
  return found;
}
