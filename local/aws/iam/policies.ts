/** IAM policies: inline ones of a role, managed ones, and attachments. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CallScope, CloudContext } from "../../model";
import { globalArn } from "../arn";
import { defineResource, documentText, jsonDocument, text } from "../define";
import { inAccount, namePattern, pathPattern, POLICY, requireRole, ROLE_POLICY, ROLE_POLICY_ATTACHMENT } from "./shared";

const FILE = "local/aws/iam/policies.ts";
// Source: IAM user guide, "IAM and AWS STS quotas": 6,144 characters a managed policy, 10,240 all inline policies of a role.
const MANAGED_LIMIT = 6144;
const INLINE_LIMIT = 10_240;
const ATTACHED_LIMIT = 10;

export const rolePolicy = defineResource({
  type: ROLE_POLICY,
  file: FILE,
  global: true,
  taggable: false,
  shape: { name: namePattern(128).optional(), role: z.string(), policy: jsonDocument },
  replaceOn: ["name", "role"],
  autoname: { property: "name", maxLength: 128 },
  // PutRolePolicy overwrites: a create that is sent twice leaves one policy, as on the real service; the ledger shows both.
  begin(inputs, scope, cloud) {
    requireRole(cloud, scope, inputs.role);
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    const policy = documentText(inputs.policy);
    const siblings = inAccount(cloud, ROLE_POLICY, scope).filter(
      (other) => other.inputs["role"] === inputs.role && other.outputs["name"] !== name,
    );
    const total = siblings.reduce((sum, other) => sum + compact(text(other.outputs["policy"])), compact(policy));
    if (total > INLINE_LIMIT)
      throw new ServiceError("LimitExceeded", `Maximum policy size of ${INLINE_LIMIT} bytes exceeded for role ${inputs.role}`, 409);
    return { id: `${inputs.role}:${name}`, outputs: { name, policy } };
  },
  async update(_record, inputs) {
    return { policy: documentText(inputs.policy) };
  },
});

function compact(document: string): number {
  return document.replace(/\s/g, "").length;
}

export const policy = defineResource({
  type: POLICY,
  file: FILE,
  global: true,
  shape: { name: namePattern(128).optional(), path: pathPattern.optional(), description: z.string().optional(), policy: jsonDocument },
  replaceOn: ["name", "path", "description"],
  autoname: { property: "name", maxLength: 128 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (inAccount(cloud, POLICY, scope).some((other) => text(other.outputs["name"]).toLowerCase() === name.toLowerCase())) {
      throw new ServiceError("EntityAlreadyExists", `A policy called ${name} already exists. Duplicate names are not allowed.`, 409);
    }
    const document = documentText(inputs.policy);
    if (compact(document) > MANAGED_LIMIT)
      throw new ServiceError("LimitExceeded", `Cannot exceed quota for PolicySize: ${MANAGED_LIMIT}`, 409);
    const path = inputs.path ?? "/";
    const policyArn = globalArn(scope, "iam", `policy${path}${name}`);
    return {
      id: policyArn,
      arn: policyArn,
      outputs: {
        arn: policyArn,
        name,
        path,
        policy: document,
        policyId: `ANPA${cloud.ids.alphanumeric(17, true)}`,
        attachmentCount: 0,
        description: inputs.description ?? "",
      },
    };
  },
  async update(_record, inputs) {
    return { policy: documentText(inputs.policy) };
  },
  async read(record, cloud) {
    return { ...record.outputs, attachmentCount: attachments(cloud, record.account, record.id) };
  },
  beforeDelete(record, cloud) {
    if (attachments(cloud, record.account, record.id) > 0)
      throw new ServiceError("DeleteConflict", "Cannot delete a policy attached to entities.", 409);
  },
});

function attachments(cloud: CloudContext, account: string, policyArn: string): number {
  return inAccount(cloud, ROLE_POLICY_ATTACHMENT, { account }).filter((link) => link.inputs["policyArn"] === policyArn).length;
}

export const rolePolicyAttachment = defineResource({
  type: ROLE_POLICY_ATTACHMENT,
  file: FILE,
  global: true,
  taggable: false,
  shape: { role: z.string(), policyArn: z.string() },
  replaceOn: ["role", "policyArn"],
  begin(inputs, scope, cloud) {
    requireRole(cloud, scope, inputs.role);
    requirePolicy(cloud, scope, inputs.policyArn);
    const links = inAccount(cloud, ROLE_POLICY_ATTACHMENT, scope).filter((link) => link.inputs["role"] === inputs.role);
    // Source: IAM quotas, "Managed policies attached to an IAM role".
    if (links.length >= ATTACHED_LIMIT)
      throw new ServiceError("LimitExceeded", `Cannot exceed quota for PoliciesPerRole: ${ATTACHED_LIMIT}`, 409);
    // AttachRolePolicy is idempotent: a create that is sent twice leaves one attachment. The id is the import syntax.
    return { id: `${inputs.role}/${inputs.policyArn}`, outputs: {} };
  },
});

/** Policies of AWS itself (`arn:aws:iam::aws:policy/…`) are taken as existing: their list is not modelled. */
function requirePolicy(cloud: CloudContext, scope: CallScope, policyArn: string): void {
  if (/^arn:aws[\w-]*:iam::aws:policy\//.test(policyArn)) return;
  if (!inAccount(cloud, POLICY, scope).some((known) => known.arn === policyArn)) {
    throw new ServiceError("NoSuchEntity", `Policy ${policyArn} does not exist or is not attachable.`, 404);
  }
}
