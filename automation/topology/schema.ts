/** The shape of a fleet as users write it, for zod and, as JSON schema, for editors. Names and references are checked in `checks.ts`. */
import { z } from "zod";
import { METRICS_STORE_REGIONS, REGIONS } from "./regions";
import type { ConfigValue, InlineProgram } from "./types";

/** Pulumi's rule for stack and project names (`ParseStackName`, `ValidateProjectName` in sdk/go/common/tokens of v3.220). */
export const NAME = /^[A-Za-z0-9_.-]{1,100}$/;
export const NAME_RULE = "1 to 100 of the characters A-Z a-z 0-9 _ - .";
/** Stays free of what selectors mean something by: `+`, `*`, `?`, blanks. */
export const TAG = /^[A-Za-z0-9_.:/=@-]{1,100}$/;
export const TAG_RULE = "1 to 100 of the characters A-Z a-z 0-9 _ . : / = @ -";
/** `key` or `namespace:key`, as `pulumi config set` takes it. */
export const CONFIG_KEY = /^(?:[^\s:]+:)?[^\s:]+$/;
/** POSIX: letters, digits and `_`, no digit first. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

const configValue: z.ZodType<ConfigValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(configValue), z.record(z.string(), configValue)])).meta({ id: "ConfigValue" });

/** A function can't be written in JSON: the JSON schema has the string alone. */
const programSchema = z.custom<string | InlineProgram>(
  (value) => typeof value === "function" || typeof value === "string", "a program name, a module path or a function").meta({ type: "string", minLength: 1 });

const describeAll = {
  program: "Name of a shipped program, or path of a module that exports `program` (relative to the config file).",
  dependsOn: "Names of stacks that must be up before this one.",
  region: "Region code; becomes `aws:region` of the stack.",
  tags: "For selection by `tag:x`.",
  config: "Stack configuration. Keys without a namespace belong to the project. {\"secretFromEnv\": \"NAME\"} takes a secret from the environment; with \"generateLocally\": true, the local target makes one up where the variable is not set.",
  parts: "Parts of the stack that `--only <name>` runs alone: the type token of a component resource, and of those it is a child of.",
};

/** A type token, as a component resource gives it to its parent class. */
const TYPE_TOKEN = /^[A-Za-z_][\w-]*:[\w/-]+:[A-Za-z_]\w*$/;
const partSchema = z.strictObject({
  component: z.string().regex(TYPE_TOKEN, "expected a type token such as stackfleet:aerospike:ManagedCluster"),
  under: z.array(z.string().regex(TYPE_TOKEN, "expected a type token")).optional(),
});

const stackSchema = z.strictObject({
  program: programSchema.meta({ description: describeAll.program }),
  dependsOn: z.array(z.string()).optional().meta({ description: describeAll.dependsOn, uniqueItems: true }),
  region: z.string().meta({ enum: [...REGIONS] }).optional().meta({ description: describeAll.region }),
  tags: z.array(z.string().meta({ pattern: TAG.source })).optional().meta({ description: describeAll.tags }),
  config: z.record(z.string(), configValue).optional().meta({ description: describeAll.config }),
  parts: z.record(z.string().regex(/^[A-Za-z][\w-]*$/), partSchema).optional().meta({ description: describeAll.parts }),
});

export const fleetSchema = z.strictObject({
  $schema: z.string().optional(),
  project: z.string().meta({ pattern: NAME.source }).optional().meta({ description: "Pulumi project name. Default: the name in a Pulumi.yaml beside this file, else stackfleet." }),
  stacks: z.record(z.string(), stackSchema).meta({ description: "Stacks by name.", propertyNames: { pattern: NAME.source } }),
  backend: z.string().optional().meta({ description: "Pulumi backend URL of the cloud target. Default: a file:// backend under .stackfleet/cloud/state." }),
  policyPacks: z.array(z.string()).optional().meta({ description: "Policy pack folders that `stackfleet preview` runs, relative to this file. Default: policy, when that folder exists." }),
}).meta({ id: "Fleet", title: "Fleet" });

/** Tasks that one ECS service runs at most: quota "Tasks per service", Amazon ECS endpoints and quotas, read November 2026. */
export const TASKS_PER_SERVICE = 5_000;
/** Virtual users that one load generator task drives. */
export const USERS_PER_TASK = 200;
/** Virtual users of one region: what one ECS service of load generators can drive. */
export const MAX_VIRTUAL_USERS = TASKS_PER_SERVICE * USERS_PER_TASK;

export const constellationSchema = z.strictObject({
  $schema: z.string().optional(),
  DURATION: z.number().meta({ description: "Length of the test in milliseconds.", type: "integer", exclusiveMinimum: 0 }),
  HOME_REGION: z.string().meta({ enum: [...METRICS_STORE_REGIONS], description: "Region of results and orchestration; one with Amazon Managed Service for Prometheus." }),
  REMOTE_REGIONS: z.record(z.string(), z.number().meta({ type: "integer", minimum: 1, maximum: MAX_VIRTUAL_USERS }))
    .meta({ description: "Virtual users by region.", propertyNames: { enum: [...REGIONS] }, minProperties: 1 }),
}).meta({ id: "Constellation", title: "Constellation load test" });
