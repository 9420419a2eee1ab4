/** The AWS look-ups of recovery: by tag through the tagging API, by type where tagging can't search. Same code in the cloud and in the local cloud. */
import { GetResourcesCommand, ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import type { Found, Lookup, Sought } from "./lookup";
import { idFromArn } from "./aws-ids";
import { untaggedLookups } from "./aws-untagged";
import { waitUntilUsable } from "./aws-readiness";
import { URN_HASH_TAG, urnHash } from "./urn";

/** How to reach the API: undefined members mean the SDK's own defaults. */
export interface AwsAccess {
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Simulated seconds a real second; scales the waits. 1 in the cloud. */
  readonly timeScale: number;
}

/** Client settings for one region. */
export function clientSettings(access: AwsAccess, region: string): { region: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string }; maxAttempts: number } {
  return { region, maxAttempts: 5, ...(access.endpoint && { endpoint: access.endpoint }), ...(access.credentials && { credentials: access.credentials }) };
}

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
    find: (sought) => {
      const lookup = byType.get(sought.type);
      return lookup ? lookup(sought) : findByTag(taggingClient(sought.region), sought);
    },
    settled: (sought, found) => waitUntilUsable(access, sought, found),
  };
}

/** True when the create was sent with the tag to search for. */
function carriesHash(sought: Sought): boolean {
  const tags = sought.inputs["tags"];
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
