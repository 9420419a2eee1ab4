/** IAM roles and instance profiles: account-wide names, ids of the real form. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { globalArn } from "../arn";
import { defineResource, documentText, jsonDocument, list, text } from "../define";
import {
  inAccount,
  INSTANCE_PROFILE,
  namePattern,
  pathPattern,
  requireRole,
  ROLE,
  ROLE_POLICY,
  ROLE_POLICY_ATTACHMENT,
  timestamp,
} from "./shared";

const FILE = "local/aws/iam/role.ts";

export const role = defineResource({
  type: ROLE,
  file: FILE,
  global: true,
  shape: {
    name: namePattern(64).optional(),
    path: pathPattern.optional(),
    description: z.string().max(1000).optional(),
    assumeRolePolicy: jsonDocument,
    // Source: IAM user guide, "Maximum session duration": 1 to 12 hours.
    maxSessionDuration: z.number().int().min(3600).max(43_200).optional(),
    forceDetachPolicies: z.boolean().optional(),
    permissionsBoundary: z.string().optional(),
  },
  replaceOn: ["name", "path"],
  autoname: { property: "name", maxLength: 64 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (inAccount(cloud, ROLE, scope).some((other) => text(other.outputs["name"]).toLowerCase() === name.toLowerCase())) {
      throw new ServiceError("EntityAlreadyExists", `Role with name ${name} already exists.`, 409);
    }
    const path = inputs.path ?? "/";
    const roleArn = globalArn(scope, "iam", `role${path}${name}`);
    return {
      id: name,
      arn: roleArn,
      outputs: {
        arn: roleArn,
        name,
        path,
        uniqueId: `AROA${cloud.ids.alphanumeric(17, true)}`,
        createDate: timestamp(cloud),
        description: inputs.description ?? "",
        assumeRolePolicy: documentText(inputs.assumeRolePolicy),
        maxSessionDuration: inputs.maxSessionDuration ?? 3600,
        forceDetachPolicies: inputs.forceDetachPolicies ?? false,
        inlinePolicies: [],
        managedPolicyArns: [],
      },
    };
  },
  async update(_record, inputs) {
    return {
      assumeRolePolicy: documentText(inputs.assumeRolePolicy),
      description: inputs.description ?? "",
      maxSessionDuration: inputs.maxSessionDuration ?? 3600,
    };
  },
  async read(record, cloud) {
    const attached = inAccount(cloud, ROLE_POLICY_ATTACHMENT, record).filter((link) => link.inputs["role"] === record.id);
    return { ...record.outputs, managedPolicyArns: attached.map((link) => text(link.inputs["policyArn"])) };
  },
  beforeDelete: refuseWhileUsed,
});

// The provider removes inline and attached policies itself only with forceDetachPolicies.
function refuseWhileUsed(record: ResourceRecord, cloud: CloudContext): void {
  const profile = inAccount(cloud, INSTANCE_PROFILE, record).find((each) => each.inputs["role"] === record.id);
  if (profile)
    throw new ServiceError("DeleteConflict", `Cannot delete entity, must remove roles from instance profile first (${profile.id}).`, 409);
  if (record.inputs["forceDetachPolicies"] === true) return;
  if (inAccount(cloud, ROLE_POLICY_ATTACHMENT, record).some((link) => link.inputs["role"] === record.id)) {
    throw new ServiceError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409);
  }
  if (inAccount(cloud, ROLE_POLICY, record).some((policy) => policy.inputs["role"] === record.id)) {
    throw new ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409);
  }
}

export const instanceProfile = defineResource({
  type: INSTANCE_PROFILE,
  file: FILE,
  global: true,
  shape: { name: namePattern(128).optional(), path: pathPattern.optional(), role: z.string().optional() },
  replaceOn: ["name", "path"],
  autoname: { property: "name", maxLength: 128 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (inAccount(cloud, INSTANCE_PROFILE, scope).some((other) => other.outputs["name"] === name)) {
      throw new ServiceError("EntityAlreadyExists", `Instance Profile ${name} already exists.`, 409);
    }
    if (inputs.role !== undefined) requireRole(cloud, scope, inputs.role);
    const path = inputs.path ?? "/";
    const profileArn = globalArn(scope, "iam", `instance-profile${path}${name}`);
    return {
      id: name,
      arn: profileArn,
      outputs: { arn: profileArn, name, path, uniqueId: `AIPA${cloud.ids.alphanumeric(17, true)}`, createDate: timestamp(cloud) },
    };
  },
  async update(_record, inputs, scope, cloud) {
    if (inputs.role !== undefined) requireRole(cloud, scope, inputs.role);
    return {};
  },
});

/** Names of the inline policies of a role, from the stand-alone records. */
export function inlinePolicies(cloud: CloudContext, record: ResourceRecord): ResourceRecord[] {
  return inAccount(cloud, ROLE_POLICY, record).filter((policy) => policy.inputs["role"] === record.id);
}

/** ARNs of the managed policies that are attached to a role. */
export function attachedPolicies(cloud: CloudContext, record: ResourceRecord): string[] {
  return inAccount(cloud, ROLE_POLICY_ATTACHMENT, record)
    .filter((link) => link.inputs["role"] === record.id)
    .flatMap((link) => list([link.inputs["policyArn"] ?? null]).map((value) => text(value)));
}
