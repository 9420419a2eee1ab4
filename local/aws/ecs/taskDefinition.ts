/** `aws:ecs/cluster:Cluster` and `taskDefinition`: where tasks run, and what they run. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, Properties } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { defineResource, numeric, text } from "../define";
import { roleOfArn } from "../iam/shared";
import { definitionFaults, parseDefinitions } from "./definition";
import { CLUSTER, clusterArn, ECS_SERVICE, here, TASK_DEFINITION, ecsName } from "./shared";

const FILE = "local/aws/ecs/taskDefinition.ts";

export const cluster = defineResource({
  type: CLUSTER,
  file: FILE,
  shape: {
    name: ecsName.optional(),
    // Kept, without effect: metrics are not modelled.
    settings: z
      .array(z.strictObject({ name: z.literal("containerInsights"), value: z.enum(["enabled", "disabled", "enhanced"]) }))
      .optional(),
  },
  replaceOn: ["name"],
  autoname: { property: "name", maxLength: 255 },
  // CreateCluster with the name of an active cluster hands that one back, so a create that is sent twice has one ARN, as on the real
  // service; the ledger still shows two creates.
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    const ownArn = arn(scope, "ecs", `cluster/${name}`);
    return {
      id: ownArn,
      arn: ownArn,
      outputs: { arn: ownArn, name, settings: inputs.settings ?? [{ name: "containerInsights", value: "disabled" }] },
    };
  },
  beforeDelete(record, cloud) {
    const user = here(cloud, ECS_SERVICE, record).find((service) => clusterArn(record, text(service.outputs["cluster"])) === record.arn);
    if (user)
      throw new ServiceError(
        "ClusterContainsServicesException",
        `The Cluster cannot be deleted while Services are active (${text(user.outputs["name"])}).`,
      );
  },
  importIds: (record) => [text(record.outputs["name"])],
});

export const taskDefinition = defineResource({
  type: TASK_DEFINITION,
  file: FILE,
  shape: {
    family: z
      .string()
      .max(255)
      .regex(/^[A-Za-z0-9_-]+$/, "only letters, digits, - and _ are allowed"),
    containerDefinitions: z.string(),
    requiresCompatibilities: z.array(z.enum(["FARGATE", "EC2"])).optional(),
    networkMode: z.literal("awsvpc"),
    cpu: z.string().optional(),
    memory: z.string().optional(),
    executionRoleArn: z.string().optional(),
    taskRoleArn: z.string().optional(),
    runtimePlatform: z
      .strictObject({ cpuArchitecture: z.enum(["X86_64", "ARM64"]).optional(), operatingSystemFamily: z.literal("LINUX").optional() })
      .optional(),
    ephemeralStorage: z.strictObject({ sizeInGib: z.number().int().min(21).max(200) }).optional(),
    skipDestroy: z.literal(false).optional(),
    trackLatest: z.literal(false).optional(),
    enableFaultInjection: z.literal(false).optional(),
  },
  replaceOn: [
    "family",
    "containerDefinitions",
    "requiresCompatibilities",
    "networkMode",
    "cpu",
    "memory",
    "executionRoleArn",
    "taskRoleArn",
    "runtimePlatform",
    "ephemeralStorage",
  ],
  check: (inputs) => [
    ...(typeof inputs["containerDefinitions"] === "string"
      ? definitionFaults(inputs["containerDefinitions"], "local/aws/ecs/definition.ts")
      : []),
    ...sizeFaults(inputs),
  ],
  begin(inputs, scope, cloud) {
    for (const role of [inputs.executionRoleArn, inputs.taskRoleArn]) {
      if (role !== undefined && !roleOfArn(cloud, scope, role)) throw new ServiceError("ClientException", `Role is not valid (${role})`);
    }
    const usesLogs = parseDefinitions(inputs.containerDefinitions).some((definition) => definition.logConfiguration);
    if (usesLogs && inputs.executionRoleArn === undefined)
      throw new ServiceError(
        "ClientException",
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
      );
    const revision = nextRevision(cloud, scope, inputs.family);
    const family = arn(scope, "ecs", `task-definition/${inputs.family}`);
    // The real provider's id is the family, the same for every revision; ids are unique here, so it is the ARN, which the provider
    // imports by.
    return {
      id: `${family}:${revision}`,
      arn: `${family}:${revision}`,
      outputs: { arn: `${family}:${revision}`, arnWithoutRevision: family, revision, trackLatest: false, skipDestroy: false },
    };
  },
  importIds: (record) => [text(record.inputs["family"])],
});

/** MiB of memory that Fargate offers for its CPU units. Source: ECS developer guide, "Task CPU and memory" (read November 2026). */
const FARGATE_SIZES: Readonly<Record<number, readonly [from: number, to: number, step: number]>> = {
  256: [512, 2048, 512],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16_384: [32_768, 122_880, 8192],
};

function sizeFaults(inputs: Properties): { property: string; reason: string }[] {
  if (inputs["cpu"] === undefined || inputs["memory"] === undefined) return [];
  const [cpu, memory] = [numeric(inputs["cpu"], Number.NaN), numeric(inputs["memory"], Number.NaN)];
  const range = FARGATE_SIZES[cpu];
  if (!range)
    return [
      {
        property: "cpu",
        reason: `no Fargate configuration exists for given values; got ${text(inputs["cpu"])}; expected one of ${Object.keys(FARGATE_SIZES).join(", ")}`,
      },
    ];
  const [from, to, step] = range;
  const odd = cpu === 256 ? ![512, 1024, 2048].includes(memory) : (memory - from) % step !== 0;
  return memory >= from && memory <= to && !odd
    ? []
    : [
        {
          property: "memory",
          reason: `no Fargate configuration exists for given values; got ${text(inputs["memory"])} with ${cpu} CPU units; expected ${from} to ${to} MiB in steps of ${step}`,
        },
      ];
}

/** Revisions count up for ever: a deregistered one is never used again, so the count outlives the records. */
function nextRevision(cloud: CloudContext, place: Place, family: string): number {
  const folder = path.join(cloud.dataDir, "ecs");
  const file = path.join(folder, "revisions.json");
  mkdirSync(folder, { recursive: true });
  const counts = readCounts(file);
  const key = `${place.account}/${place.region}/${family}`;
  const revision = (counts[key] ?? 0) + 1;
  writeFileSync(`${file}.new`, JSON.stringify({ ...counts, [key]: revision }));
  renameSync(`${file}.new`, file);
  return revision;
}

function readCounts(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
