/** IAM: roles, their policies and instance profiles, to read. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { numeric, text } from "../define";
import { attachedPolicies, inlinePolicies } from "../iam/role";
import { inAccount, INSTANCE_PROFILE, POLICY, requireRole, ROLE, ROLE_POLICY } from "../iam/shared";
import { page } from "./protocol";
import { queryService } from "./xml";
import type { QueryParameters, Xml } from "./xml";

type Members = { readonly [name: string]: Xml };

export const iamApi = queryService("iam", "local/aws/api/iam.ts", "https://iam.amazonaws.com/doc/2010-05-08/", "aws", {
  GetRole: (parameters, cloud, place) => ({
    Role: { ...role(roleOf(parameters, cloud, place)), Tags: tags(roleOf(parameters, cloud, place)) },
  }),
  ListRoles: (parameters, cloud, place) => paged(parameters, "Roles", withPrefix(parameters, inAccount(cloud, ROLE, place)).map(role)),
  ListRoleTags: (parameters, cloud, place) => ({ IsTruncated: false, Tags: tags(roleOf(parameters, cloud, place)) }),
  ListRolePolicies: (parameters, cloud, place) =>
    paged(
      parameters,
      "PolicyNames",
      inlinePolicies(cloud, roleOf(parameters, cloud, place)).map((policy) => text(policy.outputs["name"])),
    ),
  ListAttachedRolePolicies: (parameters, cloud, place) =>
    paged(
      parameters,
      "AttachedPolicies",
      attachedPolicies(cloud, roleOf(parameters, cloud, place)).map((arn) => ({ PolicyName: arn.split("/").at(-1), PolicyArn: arn })),
    ),
  GetRolePolicy(parameters, cloud, place) {
    const owner = roleOf(parameters, cloud, place);
    const name = parameters.require("PolicyName");
    const found = inAccount(cloud, ROLE_POLICY, place).find(
      (policy) => policy.inputs["role"] === owner.id && policy.outputs["name"] === name,
    );
    if (!found) throw new ServiceError("NoSuchEntity", `The role policy with name ${name} cannot be found.`, 404);
    // RFC 3986 encoding is how IAM returns documents.
    return { RoleName: owner.id, PolicyName: name, PolicyDocument: encodeURIComponent(text(found.outputs["policy"])) };
  },
  GetPolicy(parameters, cloud, place) {
    const arn = parameters.require("PolicyArn");
    const found = inAccount(cloud, POLICY, place).find((policy) => policy.arn === arn);
    if (!found) throw new ServiceError("NoSuchEntity", `Policy ${arn} was not found.`, 404);
    return { Policy: { ...policy(found), Tags: tags(found) } };
  },
  // Policies of AWS itself are not modelled, so every scope has the account's own only.
  ListPolicies: (parameters, cloud, place) =>
    paged(parameters, "Policies", withPrefix(parameters, inAccount(cloud, POLICY, place)).map(policy)),
  GetInstanceProfile(parameters, cloud, place) {
    const name = parameters.require("InstanceProfileName");
    const found = inAccount(cloud, INSTANCE_PROFILE, place).find((profile) => profile.id === name);
    if (!found) throw new ServiceError("NoSuchEntity", `Instance Profile ${name} cannot be found.`, 404);
    return { InstanceProfile: { ...profile(found, cloud, place), Tags: tags(found) } };
  },
  ListInstanceProfiles: (parameters, cloud, place) =>
    paged(
      parameters,
      "InstanceProfiles",
      withPrefix(parameters, inAccount(cloud, INSTANCE_PROFILE, place)).map((record) => profile(record, cloud, place)),
    ),
});

function roleOf(parameters: QueryParameters, cloud: CloudContext, place: Place): ResourceRecord {
  return requireRole(cloud, place, parameters.require("RoleName"));
}

function withPrefix(parameters: QueryParameters, records: readonly ResourceRecord[]): ResourceRecord[] {
  return records.filter((record) => text(record.outputs["path"], "/").startsWith(parameters.get("PathPrefix") ?? "/"));
}

/** IAM pages by marker; the size is the API's own default. */
function paged(parameters: QueryParameters, name: string, all: readonly Xml[]): Members {
  const { items, next } = page(all, Number(parameters.get("MaxItems") ?? 100), parameters.get("Marker"));
  return { IsTruncated: next !== undefined, Marker: next, [name]: { member: items } };
}

function tags(record: ResourceRecord): Members {
  return { member: Object.entries(record.tags).map(([Key, Value]) => ({ Key, Value })) };
}

function role(record: ResourceRecord): Members {
  return {
    Path: text(record.outputs["path"], "/"),
    RoleName: record.id,
    RoleId: text(record.outputs["uniqueId"]),
    Arn: record.arn,
    CreateDate: text(record.outputs["createDate"]),
    AssumeRolePolicyDocument: encodeURIComponent(text(record.outputs["assumeRolePolicy"])),
    Description: text(record.outputs["description"]),
    MaxSessionDuration: numeric(record.outputs["maxSessionDuration"], 3600),
  };
}

function policy(record: ResourceRecord): Members {
  return {
    PolicyName: text(record.outputs["name"]),
    PolicyId: text(record.outputs["policyId"]),
    Arn: record.arn,
    Path: text(record.outputs["path"], "/"),
    DefaultVersionId: "v1",
    AttachmentCount: 0,
    IsAttachable: true,
    CreateDate: record.createdAt,
    UpdateDate: record.createdAt,
  };
}

function profile(record: ResourceRecord, cloud: CloudContext, place: Place): Members {
  const holder =
    record.inputs["role"] === undefined ? undefined : inAccount(cloud, ROLE, place).find((each) => each.id === record.inputs["role"]);
  return {
    Path: text(record.outputs["path"], "/"),
    InstanceProfileName: record.id,
    InstanceProfileId: text(record.outputs["uniqueId"]),
    Arn: record.arn,
    CreateDate: text(record.outputs["createDate"]),
    Roles: { member: holder ? [role(holder)] : [] },
  };
}
