/** Security groups and their rules, as EC2 describes them. */
import type { CloudContext } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { text } from "../define";
import { defaultGroups, describedRules } from "../ec2/securityGroups";
import type { DescribedRule } from "../ec2/securityGroups";
import { inPlace, SECURITY_GROUP } from "../ec2/shared";
import { tagSet } from "./ec2Describe";
import type { Described } from "./ec2Describe";

/** Every group of a place, the default ones of its VPCs included. */
export function securityGroups(cloud: CloudContext, place: Place): Described[] {
  const rules = describedRules(cloud, place);
  const group = (id: string, name: string, description: string, vpcId: string, tags: Readonly<Record<string, string>>): Described => ({
    id,
    tags,
    attributes: { "group-id": [id], "group-name": [name], "vpc-id": [vpcId], description: [description], "owner-id": [place.account] },
    xml: {
      groupId: id,
      groupName: name,
      groupDescription: description,
      vpcId,
      ownerId: place.account,
      securityGroupArn: arn(place, "ec2", `security-group/${id}`),
      ipPermissions: { item: permissions(rules, id, false, place) },
      ipPermissionsEgress: { item: permissions(rules, id, true, place) },
      tagSet: tagSet(tags),
    },
  });
  return [
    ...defaultGroups(cloud, place).map(({ vpc, id }) => group(id, "default", "default VPC security group", vpc.id, {})),
    ...inPlace(cloud, SECURITY_GROUP, place).map(({ id, outputs, tags }) =>
      group(id, text(outputs["name"]), text(outputs["description"]), text(outputs["vpcId"]), tags),
    ),
  ];
}

function permissions(rules: readonly DescribedRule[], groupId: string, egress: boolean, place: Place) {
  return rules
    .filter((rule) => rule.groupId === groupId && rule.egress === egress)
    .map((rule) => ({
      ipProtocol: rule.protocol,
      ...(rule.protocol === "-1" ? {} : { fromPort: rule.fromPort, toPort: rule.toPort }),
      groups: { item: rule.referencedGroupId === undefined ? [] : [{ groupId: rule.referencedGroupId, userId: place.account }] },
      ipRanges: { item: rule.cidrIpv4 === undefined ? [] : [{ cidrIp: rule.cidrIpv4, description: rule.description || undefined }] },
      ipv6Ranges: { item: rule.cidrIpv6 === undefined ? [] : [{ cidrIpv6: rule.cidrIpv6 }] },
      prefixListIds: { item: rule.prefixListId === undefined ? [] : [{ prefixListId: rule.prefixListId }] },
    }));
}

/** Every rule of a place, inline ones included. */
export function securityGroupRules(cloud: CloudContext, place: Place): Described[] {
  return describedRules(cloud, place).map((rule) => ({
    id: rule.id,
    tags: rule.tags,
    attributes: { "security-group-rule-id": [rule.id], "group-id": [rule.groupId] },
    xml: {
      securityGroupRuleId: rule.id,
      groupId: rule.groupId,
      groupOwnerId: place.account,
      isEgress: rule.egress,
      ipProtocol: rule.protocol,
      fromPort: rule.fromPort,
      toPort: rule.toPort,
      cidrIpv4: rule.cidrIpv4,
      cidrIpv6: rule.cidrIpv6,
      prefixListId: rule.prefixListId,
      referencedGroupInfo: rule.referencedGroupId === undefined ? undefined : { groupId: rule.referencedGroupId, userId: place.account },
      description: rule.description || undefined,
      securityGroupRuleArn: arn(place, "ec2", `security-group-rule/${rule.id}`),
      tagSet: tagSet(rule.tags),
    },
  }));
}
