/** `aws:ec2/vpc:Vpc`: one IPv4 block, with its default route table, network ACL and security group. */
import { z } from "zod";
import { ServiceError } from "../../model";
import { arn } from "../arn";
import { parseCidr } from "../cidr";
import { defineResource } from "../define";
import { inPlace, INTERNET_GATEWAY, refuseWhenUsed, ROUTE_TABLE, SECURITY_GROUP, SUBNET, VPC } from "./shared";

export const vpc = defineResource({
  type: VPC,
  file: "local/aws/ec2/vpc.ts",
  shape: {
    cidrBlock: z.string(),
    enableDnsHostnames: z.boolean().optional(),
    enableDnsSupport: z.boolean().optional(),
    enableNetworkAddressUsageMetrics: z.boolean().optional(),
    instanceTenancy: z.enum(["default", "dedicated"]).optional(),
  },
  replaceOn: ["cidrBlock"],
  begin(inputs, scope, cloud) {
    const block = parseCidr(inputs.cidrBlock);
    if (!block)
      throw new ServiceError(
        "InvalidParameterValue",
        `Value (${inputs.cidrBlock}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
      );
    // Source: VPC user guide, "VPC CIDR blocks": /16 to /28.
    if (block.prefix < 16 || block.prefix > 28)
      throw new ServiceError("InvalidVpc.Range", `The CIDR '${inputs.cidrBlock}' is invalid; expected a prefix between /16 and /28`);
    const id = `vpc-${cloud.ids.hex(17)}`;
    const vpcArn = arn(scope, "ec2", `vpc/${id}`);
    return {
      id,
      arn: vpcArn,
      outputs: {
        arn: vpcArn,
        ownerId: scope.account,
        enableDnsHostnames: inputs.enableDnsHostnames ?? false,
        enableDnsSupport: inputs.enableDnsSupport ?? true,
        enableNetworkAddressUsageMetrics: inputs.enableNetworkAddressUsageMetrics ?? false,
        instanceTenancy: inputs.instanceTenancy ?? "default",
        defaultNetworkAclId: `acl-${cloud.ids.hex(17)}`,
        defaultRouteTableId: `rtb-${cloud.ids.hex(17)}`,
        defaultSecurityGroupId: `sg-${cloud.ids.hex(17)}`,
        dhcpOptionsId: `dopt-${cloud.ids.hex(17)}`,
        mainRouteTableId: `rtb-${cloud.ids.hex(17)}`,
        ipv6AssociationId: "",
        ipv6CidrBlock: "",
      },
    };
  },
  async update(record, inputs) {
    return {
      enableDnsHostnames: inputs.enableDnsHostnames ?? false,
      enableDnsSupport: inputs.enableDnsSupport ?? true,
      enableNetworkAddressUsageMetrics: inputs.enableNetworkAddressUsageMetrics ?? false,
      instanceTenancy: inputs.instanceTenancy ?? record.outputs["instanceTenancy"] ?? "default",
    };
  },
  beforeDelete(record, cloud) {
    const users = [SUBNET, SECURITY_GROUP, ROUTE_TABLE, INTERNET_GATEWAY]
      .flatMap((type) => inPlace(cloud, type, record))
      .filter((other) => other.outputs["vpcId"] === record.id);
    refuseWhenUsed(`vpc '${record.id}'`, users);
  },
});
