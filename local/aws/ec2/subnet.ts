/** `aws:ec2/subnet:Subnet`: a block inside its VPC, in one availability zone. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { contains, overlaps, parseCidr } from "../cidr";
import { defineResource, text } from "../define";
import { zonesOf } from "../regions";
import type { Zone } from "../regions";
import { inPlace, refuseWhenUsed, requireVpc, SUBNET, usersOfSubnet } from "./shared";

export const subnet = defineResource({
  type: SUBNET,
  file: "local/aws/ec2/subnet.ts",
  shape: {
    vpcId: z.string(),
    cidrBlock: z.string(),
    availabilityZone: z.string().optional(),
    availabilityZoneId: z.string().optional(),
    mapPublicIpOnLaunch: z.boolean().optional(),
    enableResourceNameDnsARecordOnLaunch: z.boolean().optional(),
    privateDnsHostnameTypeOnLaunch: z.enum(["ip-name", "resource-name"]).optional(),
  },
  replaceOn: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"],
  begin(inputs, scope, cloud) {
    const vpc = requireVpc(cloud, scope, inputs.vpcId);
    const siblings = inPlace(cloud, SUBNET, scope).filter((other) => other.outputs["vpcId"] === vpc.id);
    checkBlock(inputs.cidrBlock, vpc, siblings);
    const zone = chooseZone(scope, siblings.length, inputs);
    const id = `subnet-${cloud.ids.hex(17)}`;
    const subnetArn = arn(scope, "ec2", `subnet/${id}`);
    return {
      id,
      arn: subnetArn,
      outputs: {
        arn: subnetArn,
        ownerId: scope.account,
        availabilityZone: zone.name,
        availabilityZoneId: zone.id,
        mapPublicIpOnLaunch: inputs.mapPublicIpOnLaunch ?? false,
        assignIpv6AddressOnCreation: false,
        ipv6CidrBlockAssociationId: "",
        enableResourceNameDnsARecordOnLaunch: inputs.enableResourceNameDnsARecordOnLaunch ?? false,
        privateDnsHostnameTypeOnLaunch: inputs.privateDnsHostnameTypeOnLaunch ?? "ip-name",
      },
    };
  },
  async update(record, inputs) {
    return {
      availabilityZone: record.outputs["availabilityZone"] ?? null,
      availabilityZoneId: record.outputs["availabilityZoneId"] ?? null,
      mapPublicIpOnLaunch: inputs.mapPublicIpOnLaunch ?? false,
      enableResourceNameDnsARecordOnLaunch: inputs.enableResourceNameDnsARecordOnLaunch ?? false,
    };
  },
  beforeDelete(record, cloud: CloudContext) {
    refuseWhenUsed(`subnet '${record.id}'`, usersOfSubnet(cloud, record, record.id));
  },
});

function checkBlock(cidrBlock: string, vpc: ResourceRecord, siblings: readonly ResourceRecord[]): void {
  const block = parseCidr(cidrBlock);
  if (!block)
    throw new ServiceError(
      "InvalidParameterValue",
      `Value (${cidrBlock}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
    );
  const outer = parseCidr(text(vpc.outputs["cidrBlock"]));
  // Source: VPC user guide, "Subnet sizing": /16 to /28, inside the VPC's block.
  if (!outer || !contains(outer, block) || block.prefix > 28) {
    throw new ServiceError(
      "InvalidSubnet.Range",
      `The CIDR '${cidrBlock}' is invalid; expected a block between /16 and /28 inside ${text(vpc.outputs["cidrBlock"])}`,
    );
  }
  for (const other of siblings) {
    const taken = parseCidr(text(other.outputs["cidrBlock"]));
    if (taken && overlaps(taken, block))
      throw new ServiceError(
        "InvalidSubnet.Conflict",
        `The CIDR '${cidrBlock}' conflicts with another subnet (${other.id}, ${text(other.outputs["cidrBlock"])})`,
      );
  }
}

function chooseZone(
  place: Place,
  index: number,
  inputs: { availabilityZone?: string | undefined; availabilityZoneId?: string | undefined },
): Zone {
  const zones = zonesOf(place.region);
  const wanted = inputs.availabilityZone ?? inputs.availabilityZoneId;
  const zone = wanted === undefined ? zones[index % zones.length] : zones.find((each) => each.name === wanted || each.id === wanted);
  if (!zone) {
    throw new ServiceError(
      "InvalidParameterValue",
      `Value (${wanted}) for parameter availabilityZone is invalid. Subnets can currently only be created in: ${zones.map((each) => each.name).join(", ")}.`,
    );
  }
  return zone;
}
