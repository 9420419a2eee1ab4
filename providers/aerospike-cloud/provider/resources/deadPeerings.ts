/** Peerings that came to their end stay in the service's list until someone deletes them. */
import { ApiError } from "../../api/errors";
import type { Peering } from "../../api/schemas";
import type { CallContext } from "../handler";
import { orGone } from "../poll";
import { PEERING_DEAD } from "./status";

/**
 * Deletes the dead peerings of one VPC. What can't be deleted is in nobody's way: it is told of.
 * @param listed of the cluster; those that live, and those of other VPCs, are left alone
 */
export async function deleteDead(clusterId: string, vpcId: string, listed: readonly Peering[], { client, signal, info, warn }: Pick<CallContext, "client" | "signal" | "info" | "warn">): Promise<void> {
  for (const { id, status } of listed.filter((one) => one.vpcId === vpcId && one.status !== undefined && PEERING_DEAD.includes(one.status))) {
    try {
      await orGone(client.deletePeering(clusterId, id, signal));
      info(`peering ${id} with ${vpcId} was ${status}: deleted`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      warn(`peering ${id} with ${vpcId} is ${status} and could not be deleted: ${error.message}; delete it in the console`);
    }
  }
}
