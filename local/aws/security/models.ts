/** Parameters, secrets and keys: their lives, names and values; nothing is encrypted in the local cloud. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { defineResource, documentText, jsonDocument, text } from "../define";

const FILE = "local/aws/security/models.ts";
export const PARAMETER = "aws:ssm/parameter:Parameter";
export const SECRET = "aws:secretsmanager/secret:Secret";
export const SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion";
export const KEY = "aws:kms/key:Key";
const ALIAS = "aws:kms/alias:Alias";

function here(cloud: CloudContext, type: string, place: Place): ResourceRecord[] {
  return cloud.store.list(type, { region: place.region, account: place.account });
}

const parameter = defineResource({
  type: PARAMETER,
  file: FILE,
  shape: {
    name: z
      .string()
      .max(2048)
      .regex(/^[\w.\-/]+$/, "only letters, digits and _.-/ are allowed")
      .optional(),
    type: z.enum(["String", "StringList", "SecureString"]),
    value: z.string().max(8192).optional(),
    insecureValue: z.string().max(8192).optional(),
    description: z.string().optional(),
    tier: z.enum(["Standard", "Advanced"]).optional(),
    dataType: z.literal("text").optional(),
    keyId: z.string().optional(),
    overwrite: z.literal(false).optional(),
  },
  replaceOn: ["name"],
  autoname: { property: "name", maxLength: 2048 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (here(cloud, PARAMETER, scope).some((other) => other.id === name))
      throw new ServiceError(
        "ParameterAlreadyExists",
        `The parameter already exists. To overwrite this value, set the overwrite option in the request to true. (${name})`,
      );
    const parameterArn = arn(scope, "ssm", `parameter${name.startsWith("/") ? "" : "/"}${name}`);
    return {
      id: name,
      arn: parameterArn,
      outputs: {
        arn: parameterArn,
        name,
        version: 1,
        tier: inputs.tier ?? "Standard",
        dataType: "text",
        value: inputs.value ?? inputs.insecureValue ?? "",
        hasValueWo: false,
      },
    };
  },
  async update(record, inputs) {
    return { value: inputs.value ?? inputs.insecureValue ?? "", version: Number(record.outputs["version"] ?? 1) + 1 };
  },
});

const secret = defineResource({
  type: SECRET,
  file: FILE,
  shape: {
    name: z
      .string()
      .max(512)
      .regex(/^[\w/+=.@-]+$/, "only letters, digits and /_+=.@- are allowed")
      .optional(),
    description: z.string().optional(),
    kmsKeyId: z.string().optional(),
    // Deletion is at once here, whatever the window: the name is free again, as with a window of 0.
    recoveryWindowInDays: z.number().int().optional(),
    policy: jsonDocument.optional(),
  },
  replaceOn: ["name"],
  autoname: { property: "name", maxLength: 512 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (here(cloud, SECRET, scope).some((other) => other.outputs["name"] === name))
      throw new ServiceError("ResourceExistsException", `The operation failed because the secret ${name} already exists.`);
    const secretArn = arn(scope, "secretsmanager", `secret:${name}-${cloud.ids.alphanumeric(6)}`);
    return {
      id: secretArn,
      arn: secretArn,
      outputs: {
        arn: secretArn,
        name,
        recoveryWindowInDays: inputs.recoveryWindowInDays ?? 30,
        ...(inputs.policy === undefined ? {} : { policy: documentText(inputs.policy) }),
      },
    };
  },
  async destroy(record, _scope, cloud) {
    cloud.log.info("secret deleted at once; the real service keeps it for its recovery window", { id: record.id });
  },
});

/** A secret by its ARN or name. @throws {ServiceError} `ResourceNotFoundException` */
export function requireSecret(cloud: CloudContext, place: Place, nameOrArn: string): ResourceRecord {
  const found = here(cloud, SECRET, place).find((each) => each.id === nameOrArn || each.outputs["name"] === nameOrArn);
  if (!found) throw new ServiceError("ResourceNotFoundException", `Secrets Manager can't find the specified secret. (${nameOrArn})`);
  return found;
}

const secretVersion = defineResource({
  type: SECRET_VERSION,
  file: FILE,
  taggable: false,
  shape: { secretId: z.string(), secretString: z.string().optional(), secretBinary: z.string().optional() },
  replaceOn: ["secretId", "secretString", "secretBinary"],
  begin(inputs, scope, cloud) {
    const owner = requireSecret(cloud, scope, inputs.secretId);
    const versionId = cloud.ids.uuid();
    return {
      id: `${inputs.secretId}|${versionId}`,
      outputs: { arn: owner.id, secretArn: owner.id, versionId, versionStages: ["AWSCURRENT"], hasSecretStringWo: false },
    };
  },
});

const key = defineResource({
  type: KEY,
  file: FILE,
  shape: {
    description: z.string().optional(),
    deletionWindowInDays: z.number().int().min(7).max(30).optional(),
    enableKeyRotation: z.boolean().optional(),
    isEnabled: z.boolean().optional(),
    policy: jsonDocument.optional(),
    keyUsage: z.literal("ENCRYPT_DECRYPT").optional(),
    customerMasterKeySpec: z.literal("SYMMETRIC_DEFAULT").optional(),
    multiRegion: z.literal(false).optional(),
  },
  replaceOn: ["keyUsage", "customerMasterKeySpec"],
  begin(inputs, scope, cloud) {
    const id = cloud.ids.uuid();
    const keyArn = arn(scope, "kms", `key/${id}`);
    return {
      id,
      arn: keyArn,
      outputs: {
        arn: keyArn,
        keyId: id,
        isEnabled: inputs.isEnabled ?? true,
        enableKeyRotation: inputs.enableKeyRotation ?? false,
        keyUsage: "ENCRYPT_DECRYPT",
        customerMasterKeySpec: "SYMMETRIC_DEFAULT",
        ...(inputs.policy === undefined ? {} : { policy: documentText(inputs.policy) }),
      },
    };
  },
});

const alias = defineResource({
  type: ALIAS,
  file: FILE,
  taggable: false,
  shape: {
    name: z
      .string()
      .regex(/^alias\/[\w/-]+$/, "begins with alias/")
      .optional(),
    targetKeyId: z.string(),
  },
  replaceOn: ["name"],
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `alias/terraform-${cloud.ids.hex(26)}`;
    if (here(cloud, ALIAS, scope).some((other) => other.id === name))
      throw new ServiceError("AlreadyExistsException", `An alias with the name ${name} already exists`);
    return { id: name, outputs: { name, arn: arn(scope, "kms", name), targetKeyArn: requireKey(cloud, scope, inputs.targetKeyId) } };
  },
  async update(_record, inputs, scope, cloud) {
    return { targetKeyArn: requireKey(cloud, scope, inputs.targetKeyId) };
  },
});

/** Every alias of a place, with the ARN of the key behind it. */
export function aliasesOf(cloud: CloudContext, place: Place): { readonly name: string; readonly arn: string; readonly target: string }[] {
  return here(cloud, ALIAS, place).map(({ id, outputs }) => ({ name: id, arn: text(outputs["arn"]), target: text(outputs["targetKeyArn"]) }));
}

function requireKey(cloud: CloudContext, place: Place, wanted: string): string {
  const found = here(cloud, KEY, place).find((each) => each.id === wanted || each.arn === wanted);
  if (!found) throw new ServiceError("NotFoundException", `Key '${wanted}' does not exist`);
  return text(found.outputs["arn"]);
}

export const securityModels = [parameter, secret, secretVersion, key, alias];
