/** Internet gateways, elastic addresses and NAT gateways. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import { arn, dnsSuffix } from "../arn";
import type { Place } from "../arn";
import { defineResource, list, object, text } from "../define";
import { EIP, inPlace, INSTANCE, INTERNET_GATEWAY, NAT_GATEWAY, networkOf, refuseWhenUsed, requireSubnet, requireVpc, SUBNET } from "./shared";

const FILE = "local/aws/ec2/gateways.ts";

export const internetGateway = defineResource({
  type: INTERNET_GATEWAY,
  file: FILE,
  shape: { vpcId: z.string().optional() },
  replaceOn: [],
  begin(inputs, scope, cloud) {
    if (inputs.vpcId !== undefined) requireAttachable(cloud, scope, inputs.vpcId);
    const id = `igw-${cloud.ids.hex(17)}`;
    const gatewayArn = arn(scope, "ec2", `internet-gateway/${id}`);
    return { id, arn: gatewayArn, outputs: { arn: gatewayArn, ownerId: scope.account, vpcId: inputs.vpcId ?? "" } };
  },
  async update(record, inputs, scope, cloud) {
    if (inputs.vpcId !== undefined && inputs.vpcId !== record.outputs["vpcId"]) requireAttachable(cloud, scope, inputs.vpcId);
    return { vpcId: inputs.vpcId ?? "" };
  },
  // The provider detaches before it deletes; EC2 refuses that while the network has mapped public addresses.
  beforeDelete(record, cloud) {
    const vpcId = text(record.outputs["vpcId"]);
    const subnets = new Set(
      inPlace(cloud, SUBNET, record)
        .filter((subnet) => subnet.outputs["vpcId"] === vpcId)
        .map((subnet) => subnet.id),
    );
    const publicServices = inPlace(cloud, "aws:ecs/service:Service", record).filter((service) => {
      const network = networkOf(service);
      return network["assignPublicIp"] === true && list(network["subnets"]).some((id) => typeof id === "string" && subnets.has(id));
    });
    const natGateways = inPlace(cloud, NAT_GATEWAY, record).filter((gateway) => subnets.has(text(gateway.outputs["subnetId"])));
    const publicInstances = inPlace(cloud, INSTANCE, record).filter((instance) => subnets.has(text(instance.outputs["subnetId"])) && text(instance.outputs["publicIp"]) !== "");
    refuseWhenUsed(`network ${vpcId}'s internet gateway '${record.id}' (mapped public addresses)`, [...publicServices, ...natGateways, ...publicInstances]);
  },
});

function requireAttachable(cloud: CloudContext, place: Place, vpcId: string): void {
  requireVpc(cloud, place, vpcId);
  const other = inPlace(cloud, INTERNET_GATEWAY, place).find((gateway) => gateway.outputs["vpcId"] === vpcId);
  if (other) throw new ServiceError("InvalidParameterValue", `Network ${vpcId} already has an internet gateway attached (${other.id})`);
}

export const eip = defineResource({
  type: EIP,
  file: FILE,
  shape: { domain: z.literal("vpc").optional() },
  replaceOn: ["domain"],
  begin(_inputs, scope, cloud) {
    const id = `eipalloc-${cloud.ids.hex(17)}`;
    const addressArn = arn(scope, "ec2", `elastic-ip/${id}`);
    const publicIp = publicAddress(id);
    return {
      id,
      arn: addressArn,
      outputs: {
        arn: addressArn,
        allocationId: id,
        publicIp,
        domain: "vpc",
        associationId: "",
        privateIp: "",
        publicIpv4Pool: "amazon",
        publicDns: `ec2-${publicIp.replaceAll(".", "-")}.${scope.region}.compute.${dnsSuffix(scope.region)}`,
      },
    };
  },
  beforeDelete(record, cloud) {
    const users = inPlace(cloud, NAT_GATEWAY, record).filter((gateway) => gateway.inputs["allocationId"] === record.id);
    if (users[0])
      throw new ServiceError("InvalidIPAddress.InUse", `Address ${text(record.outputs["publicIp"])} is in use by ${users[0].id}`);
  },
});

/** An address of TEST-NET-3 (RFC 5737), which never routes: the form is real, the address nobody's. */
export function publicAddress(seed: string): string {
  const byte = createHash("sha256").update(seed).digest()[0] ?? 0;
  return `203.0.113.${byte}`;
}

export const natGateway = defineResource({
  type: NAT_GATEWAY,
  file: FILE,
  shape: { subnetId: z.string(), allocationId: z.string().optional(), connectivityType: z.enum(["public", "private"]).optional() },
  replaceOn: ["subnetId", "allocationId", "connectivityType"],
  begin(inputs, scope, cloud) {
    requireSubnet(cloud, scope, inputs.subnetId);
    const isPublic = (inputs.connectivityType ?? "public") === "public";
    if (isPublic && inputs.allocationId === undefined)
      throw new ServiceError(
        "MissingParameter",
        "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
      );
    const address =
      inputs.allocationId === undefined
        ? undefined
        : cloud.store.get(EIP, inputs.allocationId, { region: scope.region, account: scope.account });
    if (inputs.allocationId !== undefined && !address)
      throw new ServiceError("InvalidAllocationID.NotFound", `The allocation ID '${inputs.allocationId}' does not exist`);
    const rival = inPlace(cloud, NAT_GATEWAY, scope).find((gateway) => isPublic && gateway.inputs["allocationId"] === inputs.allocationId);
    if (rival)
      throw new ServiceError(
        "Resource.AlreadyAssociated",
        `Elastic IP address [${inputs.allocationId}] is already associated with ${rival.id}`,
      );
    const id = `nat-${cloud.ids.hex(17)}`;
    return {
      id,
      arn: arn(scope, "ec2", `natgateway/${id}`),
      outputs: {
        connectivityType: isPublic ? "public" : "private",
        networkInterfaceId: `eni-${cloud.ids.hex(17)}`,
        associationId: isPublic ? `eipassoc-${cloud.ids.hex(17)}` : "",
        publicIp: text(object(address?.outputs)["publicIp"]),
      },
    };
  },
});
