/** The two ends of a VPC peering: the connection, whoever requested it, and its acceptance in the accepter's region and account. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import { overlaps, parseCidr } from "../cidr";
import { defineResource, text } from "../define";
import { PEERING_CONNECTION, requireVpc, VPC } from "./shared";

const FILE = "local/aws/ec2/peering.ts";

export const vpcPeeringConnection = defineResource({
  type: PEERING_CONNECTION,
  file: FILE,
  shape: { vpcId: z.string(), peerVpcId: z.string(), peerOwnerId: z.string().optional(), peerRegion: z.string().optional(), autoAccept: z.boolean().optional() },
  replaceOn: ["vpcId", "peerVpcId", "peerOwnerId", "peerRegion"],
  begin(inputs, scope, cloud) {
    const vpc = requireVpc(cloud, scope, inputs.vpcId);
    const peer = { region: inputs.peerRegion ?? scope.region, account: inputs.peerOwnerId ?? scope.account };
    const peerVpc = cloud.store.get(VPC, inputs.peerVpcId, peer);
    const [one, other] = [vpc, peerVpc].map((end) => parseCidr(text(end?.outputs["cidrBlock"])));
    // AWS answers the request all the same, and ends it as `failed`; the provider reports that.
    if (peerVpc === undefined || one === undefined || other === undefined || overlaps(one, other)) {
      throw new ServiceError("InvalidVpcPeeringConnectionState", `The VPC peering connection failed: ${peerVpc === undefined ? "incorrect VPC ID, account ID, or overlapping CIDR range" : "the CIDR ranges overlap"}`);
    }
    const id = `pcx-${cloud.ids.hex(17)}`;
    const sameAccount = peer.account === scope.account && peer.region === scope.region;
    if (inputs.autoAccept === true && !sameAccount) throw new ServiceError("InvalidParameterValue", "autoAccept needs both VPCs in one account and region");
    return {
      id,
      arn: arn(scope, "ec2", `vpc-peering-connection/${id}`),
      outputs: { acceptStatus: inputs.autoAccept === true ? "active" : "pending-acceptance", peerOwnerId: peer.account, peerRegion: peer.region, ownerId: scope.account },
    };
  },
});

export const vpcPeeringConnectionAccepter = defineResource({
  type: "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
  file: FILE,
  shape: { vpcPeeringConnectionId: z.string(), autoAccept: z.boolean().optional() },
  replaceOn: ["vpcPeeringConnectionId"],
  begin(inputs, scope, cloud) {
    const connection = findConnection(cloud, inputs.vpcPeeringConnectionId, scope);
    const status = text(connection.outputs["acceptStatus"]);
    if (inputs.autoAccept === true && status !== "active") {
      if (status !== "pending-acceptance") {
        throw new ServiceError("InvalidStateTransition", `Invalid state transition for ${connection.id}, attempted to transition from ${status} to active`);
      }
      cloud.store.patch(connection.key, { acceptStatus: "active" });
    }
    return {
      id: connection.id,
      arn: arn(scope, "ec2", `vpc-peering-connection/${connection.id}`),
      outputs: {
        acceptStatus: inputs.autoAccept === true ? "active" : status, vpcId: connection.outputs["peerVpcId"] ?? "", peerVpcId: connection.outputs["vpcId"] ?? "",
        peerOwnerId: connection.outputs["ownerId"] ?? "", peerRegion: connection.region,
      },
    };
  },
  read: async (record, cloud) => {
    const connection = cloud.store.get(PEERING_CONNECTION, record.id);
    if (connection === undefined || ["deleted", "expired", "rejected", "failed"].includes(text(connection.outputs["acceptStatus"]))) return undefined;
    return { ...record.outputs, acceptStatus: connection.outputs["acceptStatus"] ?? "" };
  },
  // "Destroying" an accepter leaves the connection as it is: it is the requester's. So does the real provider.
});

/** @throws {ServiceError} `InvalidVpcPeeringConnectionID.NotFound` in any region or account but the accepter's, as the real service */
function findConnection(cloud: CloudContext, id: string, place: { readonly region: string; readonly account: string }): ResourceRecord {
  const found = cloud.store.list(PEERING_CONNECTION, { id }).find(({ outputs }) => outputs["peerRegion"] === place.region && outputs["peerOwnerId"] === place.account);
  if (found) return found;
  throw new ServiceError("InvalidVpcPeeringConnectionID.NotFound", `The vpcPeeringConnection ID '${id}' does not exist`);
}

/** Refuses a route through a connection that carries no traffic for this VPC. */
export function requireRoutable(cloud: CloudContext, id: string, vpcId: string): void {
  const connection = cloud.store.list(PEERING_CONNECTION, { id })[0];
  if (!connection) throw new ServiceError("InvalidVpcPeeringConnectionID.NotFound", `The vpcPeeringConnection ID '${id}' does not exist`);
  const status = text(connection.outputs["acceptStatus"]);
  if (status !== "active") throw new ServiceError("InvalidStateTransition", `The VPC peering connection ${id} is ${status}; a route needs an active one`);
  if (connection.outputs["vpcId"] !== vpcId && connection.outputs["peerVpcId"] !== vpcId) {
    throw new ServiceError("InvalidParameterValue", `route table and vpc peering connection ${id} belong to different networks`);
  }
}
