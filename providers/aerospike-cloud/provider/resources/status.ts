/** What the service's statuses mean to someone who waits, and how long things usually take. */
import type { Cluster, ClusterStatus, PeeringStatus } from "../../api/schemas";
import { REFRESH } from "../poll";

/** Least usual seconds of each kind of work. Source: 15 to 20 min of provisioning and 2 to 5 min of peering, as published for the vendor's set-up tool; the others are assumed alike or shorter. */
export const PROVISIONING_SECONDS = 15 * 60;
export const UPDATE_SECONDS = 5 * 60;
export const DELETE_SECONDS = 5 * 60;
export const PEERING_SECONDS = 2 * 60;

const FIXES: Partial<Record<ClusterStatus, string>> = {
  "action-required": "the service waits for you: look at the cluster in the console, do what it asks for, and run the same command again",
  "config-error": "its configuration is refused: look at the cluster in the console, correct the declaration, and run the same command again",
  "usage-exceeded": "the account's limit is reached: raise it, or delete what isn't needed, and run the same command again",
  paused: "resume it in the console, and run the same command again",
  pausing: "wait until it is paused, resume it in the console, and run the same command again",
  decommissioning: `it was deleted: ${REFRESH}`,
  decommissioned: `it was deleted: ${REFRESH}`,
};

/** Why a cluster won't become active by itself, or undefined. */
export function stuckReason(cluster: Cluster): string | undefined {
  const status = cluster.health?.status ?? "unknown";
  const fix = FIXES[status];
  return fix === undefined ? undefined : `cluster "${cluster.name}" (${cluster.id}) is ${status}; expected active; ${fix}`;
}

/** Whether a change of the declaration may be what a stuck cluster needs. */
export function isCorrectable(cluster: Cluster): boolean {
  return ["config-error", "usage-exceeded", "action-required"].includes(cluster.health?.status ?? "unknown");
}

export function isGone(cluster: Cluster): boolean {
  return cluster.health?.status === "decommissioned" || cluster.health?.status === "decommissioning";
}

/** Statuses of a peering that nothing can come of any more, and that the service keeps until it is deleted. */
export const PEERING_DEAD: readonly PeeringStatus[] = ["rejected", "expired", "failed"];
/** Statuses that a peering doesn't leave by itself. */
export const PEERING_ENDS: readonly PeeringStatus[] = [...PEERING_DEAD, "deleting", "deleted"];

/**
 * Why a peering in one of {@link PEERING_ENDS} came there, as far as the status tells.
 * @param next how to go on
 */
export function peeringReason(status: PeeringStatus, next: string): string {
  switch (status) {
    case "rejected": return `the owner of the VPC rejected the request; talk to them, then ${next}`;
    case "expired": return `nobody accepted the request within 7 days; ${next}, and accept it`;
    case "failed": return `AWS refused it: blocks that overlap are the usual reason; compare the VPC's block with the cluster's, then ${next}`;
    default: return `it was deleted; ${next}`;
  }
}
