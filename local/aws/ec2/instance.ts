/** `aws:ec2/instance:Instance`: the record of a virtual machine. No program runs in it: user data is kept, not executed. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { dotted, parseCidr } from "../cidr";
import { defineResource, list, text } from "../define";
import { publicAddress } from "./gateways";
import { inPlace, INSTANCE, requireSecurityGroup, requireSubnet, requireVpc } from "./shared";

const PROFILE = "aws:iam/instanceProfile:InstanceProfile";
/** Addresses of a subnet that AWS keeps for itself at its start. Source: VPC user guide, "Subnet sizing". */
const RESERVED_AT_START = 4;

export const instance = defineResource({
  type: INSTANCE,
  file: "local/aws/ec2/instance.ts",
  shape: {
    ami: z.string(),
    instanceType: z.string(),
    subnetId: z.string(),
    availabilityZone: z.string().optional(),
    vpcSecurityGroupIds: z.array(z.string()).optional(),
    iamInstanceProfile: z.string().optional(),
    associatePublicIpAddress: z.boolean().optional(),
    userData: z.string().optional(),
    userDataBase64: z.string().optional(),
    userDataReplaceOnChange: z.boolean().optional(),
    ebsOptimized: z.boolean().optional(),
    monitoring: z.boolean().optional(),
    metadataOptions: z.strictObject({
      httpEndpoint: z.enum(["enabled", "disabled"]).optional(), httpTokens: z.enum(["optional", "required"]).optional(),
      httpPutResponseHopLimit: z.number().int().min(1).max(64).optional(), instanceMetadataTags: z.enum(["enabled", "disabled"]).optional(),
    }).optional(),
    rootBlockDevice: z.strictObject({
      encrypted: z.boolean().optional(), volumeSize: z.number().int().positive().optional(), volumeType: z.enum(["gp2", "gp3", "io1", "io2"]).optional(),
      deleteOnTermination: z.boolean().optional(), kmsKeyId: z.string().optional(),
    }).optional(),
  },
  // A change of the type stops and starts the machine; the rest stays for its life.
  replaceOn: ["ami", "subnetId", "availabilityZone", "associatePublicIpAddress", "rootBlockDevice.encrypted", "rootBlockDevice.kmsKeyId"],
  begin(inputs, scope, cloud) {
    if (!/^ami-[0-9a-f]{8}([0-9a-f]{9})?$/.test(inputs.ami)) throw new ServiceError("InvalidAMIID.Malformed", `Invalid id: "${inputs.ami}"`);
    if (!/^[a-z0-9-]+\.[a-z0-9-]+$/.test(inputs.instanceType)) throw new ServiceError("InvalidParameterValue", `Invalid value '${inputs.instanceType}' for InstanceType.`);
    const subnet = requireSubnet(cloud, scope, inputs.subnetId);
    const vpcId = text(subnet.outputs["vpcId"]);
    const groups = inputs.vpcSecurityGroupIds ?? [text(requireVpc(cloud, scope, vpcId).outputs["defaultSecurityGroupId"])];
    for (const group of groups) {
      if (requireSecurityGroup(cloud, scope, group).vpcId !== vpcId) throw new ServiceError("InvalidParameter", `Security group ${group} and subnet ${subnet.id} belong to different networks.`);
    }
    if (inputs.iamInstanceProfile !== undefined) requireProfile(cloud, scope, inputs.iamInstanceProfile);
    const id = `i-${cloud.ids.hex(17)}`;
    const instanceArn = arn(scope, "ec2", `instance/${id}`);
    const privateIp = freeAddress(cloud, scope, subnet.id, text(subnet.outputs["cidrBlock"]));
    const isPublic = inputs.associatePublicIpAddress ?? subnet.outputs["mapPublicIpOnLaunch"] === true;
    return {
      id,
      arn: instanceArn,
      outputs: {
        arn: instanceArn, instanceState: "pending", privateIp, privateDns: `ip-${privateIp.replaceAll(".", "-")}.${scope.region}.compute.internal`,
        publicIp: isPublic ? publicAddress(id) : "", associatePublicIpAddress: isPublic, availabilityZone: subnet.outputs["availabilityZone"] ?? "",
        vpcSecurityGroupIds: groups, primaryNetworkInterfaceId: `eni-${cloud.ids.hex(17)}`, tenancy: "default",
        // The provider keeps a hash of user data in the state (SHA-1, as its schema says), not the text.
        ...(inputs.userData !== undefined && { userData: createHash("sha1").update(inputs.userData).digest("hex") }),
      },
    };
  },
  settle: async () => ({ instanceState: "running" }),
  async update(record, inputs, scope, cloud) {
    for (const group of inputs.vpcSecurityGroupIds ?? []) requireSecurityGroup(cloud, scope, group);
    if (inputs.iamInstanceProfile !== undefined) requireProfile(cloud, scope, inputs.iamInstanceProfile);
    return {
      vpcSecurityGroupIds: inputs.vpcSecurityGroupIds ?? list(record.outputs["vpcSecurityGroupIds"]),
      availabilityZone: record.outputs["availabilityZone"] ?? "", associatePublicIpAddress: record.outputs["associatePublicIpAddress"] ?? false,
      ...(inputs.userData !== undefined && { userData: createHash("sha1").update(inputs.userData).digest("hex") }),
    };
  },
});

function requireProfile(cloud: CloudContext, place: Place, name: string): void {
  const known = cloud.store.list(PROFILE, { account: place.account }).some((profile) => profile.id === name || profile.outputs["name"] === name);
  if (!known) throw new ServiceError("InvalidParameterValue", `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`);
}

function freeAddress(cloud: CloudContext, place: Place, subnetId: string, cidrBlock: string): string {
  const block = parseCidr(cidrBlock);
  const taken = new Set(inPlace(cloud, INSTANCE, place).filter((other) => other.outputs["subnetId"] === subnetId).map((other) => text(other.outputs["privateIp"])));
  // The last address of a subnet is AWS's as well.
  for (let address = (block?.first ?? 0) + RESERVED_AT_START; address < (block?.last ?? 0); address++) {
    if (!taken.has(dotted(address))) return dotted(address);
  }
  throw new ServiceError("InsufficientFreeAddressesInSubnet", `The subnet '${subnetId}' has no free addresses`);
}
