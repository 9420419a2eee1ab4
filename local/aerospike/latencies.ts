/** How long the service takes, in simulated seconds. */
import { createHash } from "node:crypto";

/** From the request until a cluster serves: 15 to 20 min. Source: published times of the vendor's set-up tooling. */
const PROVISIONING = { least: 15 * 60, most: 20 * 60 } as const;
/** Changes of a running cluster. Assumed: the vendor publishes none. */
export const UPDATE_SECONDS = 8 * 60;
export const DECOMMISSION_SECONDS = 5 * 60;
/**
 * The service's own part of a peering. Assumed: published are 2 to 5 min for all of it, with polls of 10 s, an acceptance by another
 * command, and the zone's association, whose time is AWS's.
 */
export const PEERING = { untilOffered: 8, afterAcceptance: { least: 15, most: 30 }, deletion: 20, expiry: 7 * 24 * 3_600 } as const;
/** A new cluster appears in lists after so long. Assumed: the vendor's tool waits about 30 s for an ID to be registered. */
export const LIST_LAG_SECONDS = 5;
/** Lifetime of an access token. Source: the vendor's documentation, about 8 h. */
export const TOKEN_SECONDS = 8 * 3_600;

/** Differs from cluster to cluster, and is the same for one however often it is asked. */
export function provisioningSeconds(id: string): number {
  return within(id, PROVISIONING);
}

export function acceptanceSeconds(id: string): number {
  return within(id, PEERING.afterAcceptance);
}

function within(id: string, { least, most }: { readonly least: number; readonly most: number }): number {
  return least + (createHash("sha256").update(id).digest().readUInt16BE(0) % (most - least + 1));
}
