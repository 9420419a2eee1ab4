/** `aws:lambda/function:Function` and `permission`: the code is unpacked and really runs when invoked. */
import { rmSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { Archive, CallScope, CloudContext, Properties, ResourceRecord } from "../../model";
import { arn, nameOf, partitionOf } from "../arn";
import type { Place } from "../arn";
import { localCredentials } from "../credentials";
import { defineResource, numeric, object, text } from "../define";
import { requireSecurityGroup, requireSubnet } from "../ec2/shared";
import { roleOfArn } from "../iam/shared";
import { ROLE_PROPAGATION } from "../latencies";
import { unpack } from "./code";

const FILE = "local/aws/lambda/function.ts";
export const LAMBDA_FUNCTION = "aws:lambda/function:Function";
const PERMISSION = "aws:lambda/permission:Permission";
// Source: Lambda developer guide, defaults and quotas (read November 2026).
const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_MEMORY_MB = 128;

const archive = z.custom<Archive>(
  (value) => typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "archive",
  "an archive is expected",
);
const functionName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9_-]+$/, "only letters, digits, - and _ are allowed");

const lambdaFunction = defineResource({
  type: LAMBDA_FUNCTION,
  file: FILE,
  shape: {
    name: functionName.optional(),
    role: z.string(),
    code: archive,
    handler: z.string(),
    runtime: z
      .string()
      .regex(/^nodejs\d+\.x$/, "only Node.js runtimes run in the local cloud; expected nodejs20.x, nodejs22.x or nodejs24.x"),
    timeout: z.number().int().min(1).max(900).optional(),
    memorySize: z.number().int().min(128).max(10_240).optional(),
    environment: z.strictObject({ variables: z.record(z.string(), z.string()).optional() }).optional(),
    packageType: z.literal("Zip").optional(),
    publish: z.literal(false).optional(),
    skipDestroy: z.literal(false).optional(),
    vpcConfig: z.strictObject({ subnetIds: z.array(z.string()), securityGroupIds: z.array(z.string()) }).optional(),
    // Kept, without effect here: no program can tell from inside.
    description: z.string().max(256).optional(),
    architectures: z
      .array(z.enum(["x86_64", "arm64"]))
      .max(1)
      .optional(),
    sourceCodeHash: z.string().optional(),
    kmsKeyArn: z.string().optional(),
    ephemeralStorage: z.strictObject({ size: z.number().int().min(512).max(10_240) }).optional(),
    tracingConfig: z.strictObject({ mode: z.enum(["Active", "PassThrough"]) }).optional(),
    loggingConfig: z
      .strictObject({
        logFormat: z.enum(["Text", "JSON"]),
        logGroup: z.string().optional(),
        applicationLogLevel: z.string().optional(),
        systemLogLevel: z.string().optional(),
      })
      .optional(),
  },
  replaceOn: ["name", "packageType"],
  autoname: { property: "name", maxLength: 64 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (findFunction(cloud, scope, name)) throw new ServiceError("ResourceConflictException", `Function already exist: ${name}`, 409);
    requireAssumableRole(cloud, scope, inputs.role);
    for (const id of inputs.vpcConfig?.subnetIds ?? []) requireSubnet(cloud, scope, id);
    for (const id of inputs.vpcConfig?.securityGroupIds ?? []) requireSecurityGroup(cloud, scope, id);
    const functionArn = arn(scope, "lambda", `function:${name}`);
    return {
      id: name,
      arn: functionArn,
      outputs: {
        ...addresses(scope, functionArn),
        ...settings(inputs, cloud),
        name,
        packageType: "Zip",
        version: "$LATEST",
        publish: false,
        sourceCodeSize: 0,
      },
    };
  },
  async settle(record, scope, cloud) {
    await waitForRole(record, scope, cloud);
    return deploy(record, cloud);
  },
  async restore(record, cloud) {
    if (record.status !== "creating") await cloud.functions.deploy(specOf(record, cloud));
  },
  async update(record, inputs, scope, cloud) {
    requireAssumableRole(cloud, scope, inputs.role);
    // The record still has its old inputs while an update runs.
    const next: ResourceRecord = { ...record, inputs: { ...inputs } as Properties };
    return { ...settings(inputs, cloud), ...(await deploy(next, cloud)) };
  },
  async destroy(record, _scope, cloud) {
    await cloud.functions.remove(runtimeName(record, record.id));
    rmSync(codeFolder(record, cloud), { recursive: true, force: true });
  },
});

function addresses(scope: Place, functionArn: string): Properties {
  const invoke = (api: string, suffix: string, qualifier = "") =>
    `arn:${partitionOf(scope.region)}:apigateway:${scope.region}:lambda:path/${api}/functions/${functionArn}${qualifier}/${suffix}`;
  return {
    arn: functionArn,
    qualifiedArn: `${functionArn}:$LATEST`,
    invokeArn: invoke("2015-03-31", "invocations"),
    qualifiedInvokeArn: invoke("2015-03-31", "invocations", ":$LATEST"),
    responseStreamingInvokeArn: invoke("2021-11-15", "response-streaming-invocations"),
    signingJobArn: "",
    signingProfileVersionArn: "",
  };
}

interface Settings {
  readonly code: Archive;
  readonly timeout?: number | undefined;
  readonly memorySize?: number | undefined;
  readonly architectures?: string[] | undefined;
  readonly sourceCodeHash?: string | undefined;
}

function settings(inputs: Settings, cloud: CloudContext): Properties {
  const sha256 = Buffer.from(inputs.code.hash, "hex").toString("base64");
  return {
    timeout: inputs.timeout ?? DEFAULT_TIMEOUT_SECONDS,
    memorySize: inputs.memorySize ?? DEFAULT_MEMORY_MB,
    architectures: inputs.architectures ?? ["x86_64"],
    sourceCodeHash: inputs.sourceCodeHash ?? sha256,
    codeSha256: sha256,
    lastModified: cloud.clock.now().toISOString().replace("Z", "+0000"),
  };
}

function requireAssumableRole(cloud: CloudContext, place: Place, roleArn: string): void {
  const role = roleOfArn(cloud, place, roleArn);
  if (!role || !text(role.outputs["assumeRolePolicy"]).includes("lambda.amazonaws.com")) {
    throw new ServiceError(
      "InvalidParameterValueException",
      `The role defined for the function cannot be assumed by Lambda (${roleArn}${role ? ": its trust policy does not name lambda.amazonaws.com" : ": there is no such role"}).`,
    );
  }
}

/** A role that has just been made can't be assumed yet; the provider retries until it can. */
async function waitForRole(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<void> {
  const role = roleOfArn(cloud, record, text(record.inputs["role"]));
  if (!role) return;
  const ageSeconds = ((cloud.clock.now().getTime() - Date.parse(role.createdAt)) / 1000) * cloud.clock.timeScale;
  const left = ROLE_PROPAGATION.seconds - ageSeconds;
  if (left > 0) await cloud.clock.sleep(left, scope.signal);
}

async function deploy(record: ResourceRecord, cloud: CloudContext): Promise<Properties> {
  const code = record.inputs["code"];
  const sourceCodeSize = await unpack(code as Archive, codeFolder(record, cloud));
  await cloud.functions.deploy(specOf(record, cloud));
  return { sourceCodeSize };
}

function specOf(record: ResourceRecord, cloud: CloudContext): Parameters<CloudContext["functions"]["deploy"]>[0] {
  const variables = object(object(record.inputs["environment"])["variables"]);
  const timeoutSeconds = numeric(record.inputs["timeout"], DEFAULT_TIMEOUT_SECONDS);
  const memoryMb = numeric(record.inputs["memorySize"], DEFAULT_MEMORY_MB);
  return {
    name: runtimeName(record, record.id),
    codeDir: codeFolder(record, cloud),
    handler: text(record.inputs["handler"]),
    timeoutSeconds,
    memoryMb,
    environment: {
      ...localCredentials(record),
      AWS_REGION: record.region,
      AWS_DEFAULT_REGION: record.region,
      AWS_LAMBDA_FUNCTION_NAME: record.id,
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)])),
    },
  };
}

function codeFolder(record: ResourceRecord, cloud: CloudContext): string {
  return path.join(cloud.dataDir, "lambda", runtimeName(record, record.id));
}

/** Name of a function in the function runtime, which knows no accounts or regions. */
export function runtimeName(place: Place, name: string): string {
  return `${place.account}-${place.region}-${name}`;
}

/** The function of that name or ARN, with or without a qualifier. */
export function findFunction(cloud: Pick<CloudContext, "store">, place: Place, nameOrArn: string): ResourceRecord | undefined {
  const name = /^(?:arn:[\w-]+:lambda:[\w-]+:\d+:function:|\d+:function:)?([\w-]+)(?::[\w$-]+)?$/.exec(nameOrArn)?.[1];
  return name === undefined ? undefined : cloud.store.get(LAMBDA_FUNCTION, name, { region: place.region, account: place.account });
}

const permission = defineResource({
  type: PERMISSION,
  file: FILE,
  taggable: false,
  shape: {
    action: z.string(),
    function: z.string(),
    principal: z.string(),
    statementId: z.string().optional(),
    sourceArn: z.string().optional(),
    sourceAccount: z.string().optional(),
    principalOrgId: z.string().optional(),
  },
  replaceOn: ["action", "function", "principal", "statementId", "sourceArn", "sourceAccount", "principalOrgId"],
  autoname: { property: "statementId", maxLength: 100 },
  begin(inputs, scope, cloud) {
    const fn = findFunction(cloud, scope, inputs.function);
    if (!fn) throw new ServiceError("ResourceNotFoundException", `Function not found: ${inputs.function}`, 404);
    const id = inputs.statementId ?? `terraform-${cloud.ids.hex(26)}`;
    const same = cloud.store
      .list(PERMISSION, { region: scope.region, account: scope.account })
      .filter((other) => other.outputs["statementId"] === id);
    if (same.some((other) => findFunction(cloud, scope, text(other.inputs["function"]))?.key === fn.key)) {
      throw new ServiceError(
        "ResourceConflictException",
        `The statement id (${id}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        409,
      );
    }
    // Statement ids are unique in a function only, records' ids in a region.
    return { id: same.length === 0 ? id : `${fn.id}/${id}`, outputs: { statementId: id } };
  },
  importIds: (record) => [`${nameOf(text(record.inputs["function"]))}/${text(record.outputs["statementId"])}`],
});

export const lambdaModels = [lambdaFunction, permission];
