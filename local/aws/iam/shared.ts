/** What the IAM models share: account-wide look-ups and the forms of names and paths. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { nameOf } from "../arn";

export const ROLE = "aws:iam/role:Role";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const POLICY = "aws:iam/policy:Policy";
export const ROLE_POLICY_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
export const INSTANCE_PROFILE = "aws:iam/instanceProfile:InstanceProfile";

/** Entity names. Source: IAM user guide, "IAM name requirements". */
export const namePattern = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^[\w+=,.@-]+$/, "only letters, digits and _+=,.@- are allowed");
/** Entity paths begin and end with a slash. */
export const pathPattern = z.string().regex(/^\/([\x21-\x7e]+\/)?$/, "a path begins and ends with /");

/** IAM is account-wide: the region plays no part. */
export function inAccount(cloud: CloudContext, type: string, place: { readonly account: string }): ResourceRecord[] {
  return cloud.store.list(type, { account: place.account });
}

/** The role of that name. @throws {ServiceError} `NoSuchEntity` */
export function requireRole(cloud: CloudContext, place: { readonly account: string }, name: string): ResourceRecord {
  const found = inAccount(cloud, ROLE, place).find((role) => role.id === name);
  if (!found) throw new ServiceError("NoSuchEntity", `The role with name ${name} cannot be found.`, 404);
  return found;
}

/** The role behind an ARN, or nothing. */
export function roleOfArn(cloud: CloudContext, place: { readonly account: string }, roleArn: string): ResourceRecord | undefined {
  const found = inAccount(cloud, ROLE, place).find((role) => role.id === nameOf(roleArn));
  return found?.arn === roleArn ? found : undefined;
}

/** IAM's dates have no milliseconds: `2026-11-21T09:30:00Z`. */
export function timestamp(cloud: CloudContext): string {
  return cloud.clock
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
}
