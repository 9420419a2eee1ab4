/** What is deployed now, by stack: from the checkpoints of a `file://` backend, or by asking Pulumi for any other. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { deployedCount, isLive, listStacks, readCheckpoint, resourcesOf, type CheckpointFile } from "../backend/checkpoint";
import { FleetError } from "../errors";
import type { Layout, Target } from "../layout";
import { backendOf, cliEnvironment, prepareTarget } from "../target/target";
import { findToolchain } from "../toolchain";
import type { Topology } from "../topology/types";
import type { RunOptions } from "./types";

export interface DeployedStack {
  /** Anything but the stack's own record and its providers is there, or is pending. */
  readonly live: boolean;
  /** Resources that an update will touch; undefined when none are known. */
  readonly resources: number | undefined;
  /** Stacks that it has references to; empty where the backend does not tell. */
  readonly references: readonly string[];
}

/** Every stack that the backend has for the project. */
export async function readDeployed(layout: Layout, target: Target, topology: Topology, options: Pick<RunOptions, "report" | "signal">): Promise<ReadonlyMap<string, DeployedStack>> {
  const { stateDir } = backendOf(layout, target, topology, process.env);
  if (stateDir === undefined) return askPulumi(layout, target, topology, options);
  return new Map(listStacks(stateDir, topology.project).map((name) => [name, fromCheckpoint(readCheckpoint(stateDir, topology.project, name))]));
}

function fromCheckpoint(checkpoint: CheckpointFile | undefined): DeployedStack {
  const references = resourcesOf(checkpoint).flatMap(({ type, inputs }) => {
    const name = type === "pulumi:pulumi:StackReference" ? inputs?.["name"] : undefined;
    return typeof name === "string" ? [name.slice(name.lastIndexOf("/") + 1)] : []; // organization/project/stack
  });
  return { live: isLive(checkpoint), resources: deployedCount(checkpoint), references };
}

const listSchema = z.array(z.object({ name: z.string(), resourceCount: z.number().optional() }));

async function askPulumi(layout: Layout, target: Target, topology: Topology, options: Pick<RunOptions, "report" | "signal">): Promise<ReadonlyMap<string, DeployedStack>> {
  const toolchain = await findToolchain({ report: options.report ?? (() => undefined), ...(options.signal && { signal: options.signal }) });
  const context = prepareTarget({ layout, target, topology, toolchain, attach: {}, env: process.env });
  try {
    const { stdout } = await promisify(execFile)(toolchain.pulumi, ["stack", "ls", "--json", "--non-interactive"], {
      cwd: context.projectDir, env: cliEnvironment(context, process.env), maxBuffer: 64 * 1024 * 1024, ...(options.signal && { signal: options.signal }),
    });
    // Names come qualified where the organization is not the default one.
    return new Map(listSchema.parse(JSON.parse(stdout)).map(({ name, resourceCount = 0 }) => [
      name.slice(name.lastIndexOf("/") + 1), { live: resourceCount > 0, resources: resourceCount || undefined, references: [] },
    ]));
  } catch (cause) {
    const { stderr } = cause as { readonly stderr?: string };
    const [line] = (stderr ?? String(cause)).split("\n").filter((text) => text.startsWith("error: "));
    const what = withoutPassword(line?.replace("error: ", "") ?? (cause instanceof Error ? cause.message : String(cause)));
    throw new FleetError("backend-unreachable", `the backend can't be asked for its stacks; got ${what}`, {
      source: "user", exitCode: 1, cause, fix: `check the backend URL and its credentials (${withoutPassword(context.backendUrl)})`,
    });
  }
}

/** A backend URL may carry one: `postgres://user:password@host/db`. */
function withoutPassword(text: string): string {
  return text.replace(/(\/\/[^\s/:@]*):[^\s/@]*@/g, "$1:***@");
}
