/** Reads the checkpoints of a `file://` backend: what is deployed, what is pending, what a stack's outputs are. */
import { readdirSync } from "node:fs";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { FleetError } from "../errors";

const resourceSchema = z.looseObject({
  urn: z.string(),
  custom: z.boolean().optional(),
  id: z.string().optional(),
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  delete: z.boolean().optional(),
  external: z.boolean().optional(),
  provider: z.string().optional(),
});
/** One resource of a checkpoint; fields that are not named here are kept as they are. */
export type CheckpointResource = z.infer<typeof resourceSchema>;

const deploymentSchema = z.looseObject({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.looseObject({ resource: resourceSchema, type: z.string() })).nullish(),
});
/** A stack's deployment as Pulumi exports it. */
export type Deployment = z.infer<typeof deploymentSchema>;
export interface PendingOperation { readonly type: string; readonly resource: CheckpointResource }

const checkpointSchema = z.looseObject({
  version: z.number().int(),
  checkpoint: z.looseObject({ stack: z.string().optional(), latest: deploymentSchema.nullish() }),
});
/** A whole checkpoint file. */
export type CheckpointFile = z.infer<typeof checkpointSchema>;

const STACK_TYPE = "pulumi:pulumi:Stack";

/** Where a `file://` backend keeps a project's checkpoints. */
export function stacksDir(stateDir: string, project: string): string {
  return path.join(stateDir, ".pulumi", "stacks", project);
}

export function checkpointFile(stateDir: string, project: string, stack: string): string {
  return path.join(stacksDir(stateDir, project), `${stack}.json`);
}

/**
 * Reads one checkpoint; undefined when the stack was never initialised.
 * @throws FleetError `checkpoint-corrupt` naming the file and Pulumi's own backup
 */
export function readCheckpoint(stateDir: string, project: string, stack: string): CheckpointFile | undefined {
  const file = checkpointFile(stateDir, project, stack);
  const raw = readBytes(file) ?? readBytes(`${file}.gz`);
  if (raw === undefined) return undefined;
  try {
    const text = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw).toString("utf8") : raw.toString("utf8");
    return checkpointSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FleetError("checkpoint-corrupt", `stack ${stack}: the checkpoint can't be read: ${file} is not a Pulumi checkpoint`, {
      source: "engine", cause,
      fix: `restore it from Pulumi's backup of the last good one (${path.basename(file)}.bak beside it, older ones under .pulumi/backups), then run the command again`,
    });
  }
}

/** The resources that are deployed, the stack's own record and providers not counted as work but included. */
export function resourcesOf(checkpoint: CheckpointFile | undefined): readonly CheckpointResource[] {
  return checkpoint?.checkpoint.latest?.resources ?? [];
}

export function pendingOf(checkpoint: CheckpointFile | undefined): readonly PendingOperation[] {
  return checkpoint?.checkpoint.latest?.pending_operations ?? [];
}

/** True when something is deployed: any resource but the stack's own record and its providers, or anything pending. */
export function isLive(checkpoint: CheckpointFile | undefined): boolean {
  return pendingOf(checkpoint).length > 0 || resourcesOf(checkpoint).some((resource) => !isBookkeeping(resource.type));
}

/** Resources that an update of the stack will touch, as the renderers count them; undefined when nothing is deployed. */
export function deployedCount(checkpoint: CheckpointFile | undefined): number | undefined {
  const count = resourcesOf(checkpoint).filter((resource) => resource.type !== STACK_TYPE).length;
  return count === 0 ? undefined : count;
}

/** The stack's outputs, secrets still in their encrypted form. */
export function rawOutputs(checkpoint: CheckpointFile | undefined): Record<string, unknown> {
  return resourcesOf(checkpoint).find((resource) => resource.type === STACK_TYPE)?.outputs ?? {};
}

/** Names of all stacks that a project has in this backend, sorted. */
export function listStacks(stateDir: string, project: string): string[] {
  let names: string[];
  try {
    names = readdirSync(stacksDir(stateDir, project));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return [...new Set(names.flatMap((name) => /^(.+)\.json(?:\.gz)?$/.exec(name)?.[1] ?? []))].sort();
}

function isBookkeeping(type: string): boolean {
  return type === STACK_TYPE || type.startsWith("pulumi:providers:");
}

function readBytes(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
