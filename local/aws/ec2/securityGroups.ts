/** Security groups with inline rules, and the stand-alone ingress and egress rules. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { Begun, CallScope, CloudContext, Properties, ResourceRecord } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { parseCidr } from "../cidr";
import { defineResource, echo, list, numeric, object, text } from "../define";
import {
  EGRESS_RULE,
  inPlace,
  INGRESS_RULE,
  refuseWhenUsed,
  requireSecurityGroup,
  requireVpc,
  SECURITY_GROUP,
  usersOfSecurityGroup,
  VPC,
} from "./shared";

/** GroupDescription of CreateSecurityGroup and Description of IpRange (Amazon EC2 API Reference): the same characters and length. */
const descriptionText = z.string().max(255).regex(/^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]*$/, "characters that a description may not have; expected a-z A-Z 0-9 and . _-:/()#,@[]+=&;{}!$*");

const FILE = "local/aws/ec2/securityGroups.ts";
const port = z.number().int().min(-1).max(65_535);

const inlineRule = z.strictObject({
  protocol: z.string(),
  fromPort: port,
  toPort: port,
  cidrBlocks: z.array(z.string()).optional(),
  ipv6CidrBlocks: z.array(z.string()).optional(),
  prefixListIds: z.array(z.string()).optional(),
  securityGroups: z.array(z.string()).optional(),
  self: z.boolean().optional(),
  description: descriptionText.optional(),
});
type InlineRule = z.output<typeof inlineRule>;

export const securityGroup = defineResource({
  type: SECURITY_GROUP,
  file: FILE,
  shape: {
    name: z.string().optional(),
    description: descriptionText.optional(),
    vpcId: z.string().optional(),
    ingress: z.array(inlineRule).optional(),
    egress: z.array(inlineRule).optional(),
    revokeRulesOnDelete: z.boolean().optional(),
  },
  replaceOn: ["name", "description", "vpcId"],
  autoname: { property: "name", maxLength: 255 },
  begin(inputs, scope, cloud) {
    // Without a VPC the real service uses the account's default one; this account has none, as in accounts where it was removed.
    if (inputs.vpcId === undefined) throw new ServiceError("VPCIdNotSpecified", "No default VPC for this user");
    requireVpc(cloud, scope, inputs.vpcId);
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (name.startsWith("sg-"))
      throw new ServiceError("InvalidParameterValue", "invalid value for parameter group-name: a name may not start with sg-");
    const rival = inPlace(cloud, SECURITY_GROUP, scope).find(
      (group) => group.outputs["name"] === name && group.outputs["vpcId"] === inputs.vpcId,
    );
    if (rival) throw new ServiceError("InvalidGroup.Duplicate", `The security group '${name}' already exists for VPC '${inputs.vpcId}'`);
    const id = `sg-${cloud.ids.hex(17)}`;
    checkInline([...(inputs.ingress ?? []), ...(inputs.egress ?? [])], id, scope, cloud);
    const groupArn = arn(scope, "ec2", `security-group/${id}`);
    return {
      id,
      arn: groupArn,
      outputs: {
        arn: groupArn,
        ownerId: scope.account,
        name,
        description: inputs.description ?? "Managed by Pulumi",
        ingress: (inputs.ingress ?? []).map(completeRule),
        egress: (inputs.egress ?? []).map(completeRule),
        revokeRulesOnDelete: inputs.revokeRulesOnDelete ?? false,
      },
    };
  },
  async update(record, inputs, scope, cloud) {
    checkInline([...(inputs.ingress ?? []), ...(inputs.egress ?? [])], record.id, scope, cloud);
    return {
      description: inputs.description ?? "Managed by Pulumi",
      ingress: (inputs.ingress ?? []).map(completeRule),
      egress: (inputs.egress ?? []).map(completeRule),
    };
  },
  beforeDelete(record, cloud) {
    refuseWhenUsed(`security group '${record.id}'`, usersOfSecurityGroup(cloud, record, record.id));
  },
});

function completeRule(rule: InlineRule): Properties {
  return {
    protocol: rule.protocol,
    fromPort: rule.fromPort,
    toPort: rule.toPort,
    cidrBlocks: rule.cidrBlocks ?? [],
    ipv6CidrBlocks: rule.ipv6CidrBlocks ?? [],
    prefixListIds: rule.prefixListIds ?? [],
    securityGroups: rule.securityGroups ?? [],
    self: rule.self ?? false,
    description: rule.description ?? "",
  };
}

function checkInline(rules: readonly InlineRule[], self: string, place: Place, cloud: CloudContext): void {
  for (const rule of rules) {
    for (const block of rule.cidrBlocks ?? []) requireBlock(block);
    for (const group of rule.securityGroups ?? []) if (group !== self) requireSecurityGroup(cloud, place, group);
  }
}

function requireBlock(block: string): void {
  if (!parseCidr(block)) throw new ServiceError("InvalidParameterValue", `CIDR block ${block} is malformed`);
}

const ruleShape = {
  securityGroupId: z.string(),
  ipProtocol: z.string(),
  fromPort: port.optional(),
  toPort: port.optional(),
  description: descriptionText.optional(),
  cidrIpv4: z.string().optional(),
  cidrIpv6: z.string().optional(),
  prefixListId: z.string().optional(),
  referencedSecurityGroupId: z.string().optional(),
};
const SOURCES = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"] as const;

function defineRule(type: string) {
  return defineResource({
    type,
    file: FILE,
    shape: ruleShape,
    replaceOn: ["securityGroupId"],
    begin: (inputs, scope, cloud): Begun => {
      checkRule(type, echo(inputs), scope, cloud);
      const id = `sgr-${cloud.ids.hex(17)}`;
      const ruleArn = arn(scope, "ec2", `security-group-rule/${id}`);
      return { id, arn: ruleArn, outputs: { arn: ruleArn, securityGroupRuleId: id } };
    },
    async update(record, inputs, scope, cloud) {
      checkRule(type, echo(inputs), scope, cloud, record);
      return {};
    },
  });
}

function checkRule(type: string, inputs: Properties, scope: CallScope, cloud: CloudContext, self?: ResourceRecord): void {
  const groupId = text(inputs["securityGroupId"]);
  requireSecurityGroup(cloud, scope, groupId);
  const given = SOURCES.filter((source) => inputs[source] !== undefined);
  if (given.length !== 1)
    throw new ServiceError(
      "InvalidParameterCombination",
      `exactly one of ${SOURCES.join(", ")} is allowed; got ${given.length === 0 ? "none" : given.join(", ")}`,
    );
  if (inputs["cidrIpv4"] !== undefined) requireBlock(text(inputs["cidrIpv4"]));
  if (inputs["referencedSecurityGroupId"] !== undefined) requireSecurityGroup(cloud, scope, text(inputs["referencedSecurityGroupId"]));
  const key = ruleKey(inputs);
  const siblings = inPlace(cloud, type, scope).filter((rule) => rule.key !== self?.key && rule.inputs["securityGroupId"] === groupId);
  if (siblings.some((rule) => ruleKey(rule.inputs) === key)) {
    throw new ServiceError(
      "InvalidPermission.Duplicate",
      `the specified rule "peer: ${given.map((source) => text(inputs[source])).join()}, ${text(inputs["ipProtocol"])}" already exists`,
    );
  }
}

function ruleKey(inputs: Properties): string {
  return JSON.stringify(["ipProtocol", "fromPort", "toPort", ...SOURCES].map((property) => inputs[property] ?? null));
}

export const ingressRule = defineRule(INGRESS_RULE);
export const egressRule = defineRule(EGRESS_RULE);

/** One rule as EC2 describes it. */
export interface DescribedRule {
  readonly id: string;
  readonly groupId: string;
  readonly egress: boolean;
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly cidrIpv4?: string;
  readonly cidrIpv6?: string;
  readonly prefixListId?: string;
  readonly referencedGroupId?: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Every rule of a place, inline ones split as EC2 does: one rule a source. */
export function describedRules(cloud: CloudContext, place: Place): DescribedRule[] {
  const inline = inPlace(cloud, SECURITY_GROUP, place).flatMap((group) => [
    ...list(group.outputs["ingress"]).flatMap((rule, index) => splitInline(group.id, false, index, object(rule))),
    ...list(group.outputs["egress"]).flatMap((rule, index) => splitInline(group.id, true, index, object(rule))),
  ]);
  const alone = [INGRESS_RULE, EGRESS_RULE].flatMap((type) =>
    inPlace(cloud, type, place).map((rule) => standAlone(rule, type === EGRESS_RULE)),
  );
  return [...inline, ...alone];
}

function standAlone(rule: ResourceRecord, egress: boolean): DescribedRule {
  const { inputs } = rule;
  const optional = (name: string, from: string) => (inputs[from] === undefined ? {} : { [name]: text(inputs[from]) });
  return {
    id: rule.id,
    groupId: text(inputs["securityGroupId"]),
    egress,
    protocol: text(inputs["ipProtocol"]),
    fromPort: numeric(inputs["fromPort"], -1),
    toPort: numeric(inputs["toPort"], -1),
    description: text(inputs["description"]),
    tags: rule.tags,
    ...optional("cidrIpv4", "cidrIpv4"),
    ...optional("cidrIpv6", "cidrIpv6"),
    ...optional("prefixListId", "prefixListId"),
    ...optional("referencedGroupId", "referencedSecurityGroupId"),
  };
}

function splitInline(groupId: string, egress: boolean, index: number, rule: Properties): DescribedRule[] {
  const base = {
    groupId,
    egress,
    protocol: text(rule["protocol"]),
    fromPort: numeric(rule["fromPort"], -1),
    toPort: numeric(rule["toPort"], -1),
    description: text(rule["description"]),
    tags: {},
  };
  const sources = [
    ...list(rule["cidrBlocks"]).map((value) => ({ cidrIpv4: text(value) })),
    ...list(rule["ipv6CidrBlocks"]).map((value) => ({ cidrIpv6: text(value) })),
    ...list(rule["prefixListIds"]).map((value) => ({ prefixListId: text(value) })),
    ...list(rule["securityGroups"]).map((value) => ({ referencedGroupId: text(value) })),
    ...(rule["self"] === true ? [{ referencedGroupId: groupId }] : []),
  ];
  // Inline rules have no records of their own: their ids are derived, so that they stay the same from call to call.
  return sources.map((source, n) => ({
    ...base,
    ...source,
    id: `sgr-${groupId.slice(3, 14)}${egress ? "e" : "a"}${hexPad(index, 2)}${hexPad(n, 3)}`,
  }));
}

function hexPad(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}

/** Default groups that VPCs bring along: `[vpc, group id]`. */
export function defaultGroups(cloud: CloudContext, place: Place): { readonly vpc: ResourceRecord; readonly id: string }[] {
  return inPlace(cloud, VPC, place).map((vpc) => ({ vpc, id: text(vpc.outputs["defaultSecurityGroupId"]) }));
}
