/** What the command line does beside runs: outputs of stacks, the environment of a by-hand `pulumi`, a reset of the state. */
import { execFile } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { isLive, listStacks, rawOutputs, readCheckpoint } from "../backend/checkpoint";
import { readIfExists } from "../backend/files";
import { FleetError } from "../errors";
import { findRoot, layoutAt, TARGETS, type Layout, type Target } from "../layout";
import { nearest } from "../topology";
import { attach } from "../target/attach";
import { backendOf, cliEnvironment, prepareTarget, type TargetContext } from "../target/target";
import { findToolchain, type Toolchain } from "../toolchain";
import { readDeployed } from "./deployed";
import { refuseBesideRun } from "./lock";
import { loadFleet } from "./prepare";
import type { RunOptions } from "./types";

export interface CommandOptions extends Pick<RunOptions, "config" | "cwd" | "target"> {
  readonly report?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** One output of a stack; `value` is undefined for a secret that was not asked for in the clear. */
export interface StackOutput { readonly value: unknown; readonly secret: boolean }

/**
 * Outputs by stack. Without `showSecrets` they come out of the checkpoints, with no process started.
 * @throws FleetError `unknown-stack`
 */
export async function readOutputs(options: CommandOptions & { readonly stack?: string; readonly showSecrets?: boolean }): Promise<Record<string, Record<string, StackOutput>>> {
  const { layout, topology } = await loadFleet(options);
  const target = options.target ?? "local";
  const { stateDir } = backendOf(layout, target, topology, process.env);
  const known = stateDir === undefined ? topology.stacks.map(({ name }) => name) : [...new Set([...topology.stacks.map(({ name }) => name), ...listStacks(stateDir, topology.project)])].sort();
  if (options.stack !== undefined && !known.includes(options.stack)) {
    const close = nearest(options.stack, known);
    throw new FleetError("unknown-stack", `unknown stack; got ${options.stack}; expected one of ${known.join(", ")}`, { source: "user", fix: close ? `did you mean ${close}?` : "see `stackfleet graph`" });
  }
  const names = options.stack === undefined ? known : [options.stack];
  if (stateDir !== undefined && !options.showSecrets) {
    return Object.fromEntries(names.map((name) => [name, masked(rawOutputs(readCheckpoint(stateDir, topology.project, name)))]));
  }
  const { context, toolchain } = await byHand(options, { layout, target, topology });
  const deployed = await readDeployed(layout, target, topology, options);
  const entries = await Promise.all(names.map(async (name) => [name, deployed.has(name) ? await outputsByCli(name, options.showSecrets ?? false, context, toolchain) : {}] as const));
  return Object.fromEntries(entries);
}

/** Pulumi's mark of a secret in a checkpoint (sdk/go/common/resource/sig). */
const SECRET_KEY = "4dabf18193072939515e22adb298388d";

function masked(outputs: Readonly<Record<string, unknown>>): Record<string, StackOutput> {
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, hasSecret(value) ? { value: undefined, secret: true } : { value, secret: false }]));
}

function hasSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return SECRET_KEY in value || Object.values(value).some(hasSecret);
}

async function outputsByCli(stack: string, showSecrets: boolean, context: TargetContext, toolchain: Toolchain): Promise<Record<string, StackOutput>> {
  const ask = async (...flags: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await promisify(execFile)(toolchain.pulumi, ["stack", "output", "--json", "--stack", stack, "--non-interactive", ...flags], {
      cwd: context.projectDir, env: cliEnvironment(context, process.env), maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const [hidden, clear] = await Promise.all([ask(), showSecrets ? ask("--show-secrets") : undefined]);
  return Object.fromEntries(Object.entries(hidden).map(([name, value]) => {
    const secret = value === "[secret]";
    return [name, { value: clear ? clear[name] : secret ? undefined : value, secret }];
  }));
}

/**
 * What a shell needs for plain `pulumi` on this fleet. Finds the toolchain, starts the local cloud and initialises the stacks,
 * so that `pulumi up -s home` works at once.
 *
 * `functions` are lines of shell code: what another target left in the shell is taken out, and `pulumi` becomes a function where the
 * project's own Pulumi.yaml does not serve this target.
 */
export async function shellEnvironment(options: CommandOptions): Promise<{ exports: Record<string, string>; functions: string[] }> {
  const { layout, topology } = await loadFleet(options);
  const target = options.target ?? "local";
  const { context } = await byHand(options, { layout, target, topology });
  // The user's own passphrase is in the shell already; it is never printed.
  const { PULUMI_CONFIG_PASSPHRASE: _secret, PATH: _path, ...exports } = context.exports;
  return { exports: { ...exports, PATH: context.exports["PATH"] ?? "" }, functions: shellCode(layout, target, context) };
}

/** Variables that only the local target sets. */
const LOCAL_ONLY = ["STACKFLEET_LOCAL_SECRETS", "PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "PULUMI_DEBUG_PROVIDERS", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

function shellCode(layout: Layout, target: Target, context: TargetContext): string[] {
  const pulumi = servedByRoot(layout, target) ? "unset -f pulumi" : `pulumi() { command pulumi -C '${context.projectDir.replaceAll("'", "'\\''")}' "$@"; }`;
  return [...(target === "cloud" && process.env["STACKFLEET_TARGET"] === "local" ? [`unset ${LOCAL_ONLY.join(" ")}`] : []), pulumi];
}

/** True when the project's own Pulumi.yaml keeps its stack settings where this target's are. */
function servedByRoot(layout: Layout, target: Target): boolean {
  const text = readIfExists(path.join(layout.root, "Pulumi.yaml"));
  const dir = /^stackConfigDir:\s*["']?([^"'\s]+)/m.exec(text ?? "")?.[1];
  return dir !== undefined && path.resolve(layout.root, dir) === layout.target(target).project;
}

async function byHand(options: CommandOptions, fleet: { layout: Layout; target: Target; topology: Awaited<ReturnType<typeof loadFleet>>["topology"] }): Promise<{ context: TargetContext; toolchain: Toolchain }> {
  const report = options.report ?? (() => undefined);
  const waiting = { report, ...(options.signal && { signal: options.signal }) };
  const toolchain = await findToolchain(waiting);
  const attachment = await attach(fleet.layout, fleet.target, waiting);
  return { toolchain, context: prepareTarget({ ...fleet, toolchain, attach: attachment.env, env: process.env }) };
}

/**
 * Removes the state of a fleet: checkpoints, journals, the local cloud. Refuses while anything is deployed or running.
 * @returns the folders removed
 * @throws FleetError `resources-exist`, `run-in-progress`
 */
export async function resetFleet(options: Pick<CommandOptions, "cwd">): Promise<string[]> {
  const layout = layoutAt(findRoot(options.cwd ?? process.cwd()));
  refuseBesideRun(layout.runLock);
  const live = TARGETS.flatMap((target) => liveStacks(layout, target).map((name) => `${name} (${target})`));
  if (live.length > 0) {
    throw new FleetError("resources-exist", `reset would forget deployed resources; still up: ${live.join(", ")}`, {
      source: "user", exitCode: 1, fix: "run `stackfleet destroy` first (with --target cloud for the cloud's, with --removed for stacks no longer in the config)",
    });
  }
  await stopLocalCloud(layout);
  const removed = TARGETS.map((target) => path.join(layout.home, target)).concat(layout.runs);
  for (const dir of removed) rmSync(dir, { recursive: true, force: true });
  return removed;
}

async function stopLocalCloud(layout: Layout): Promise<void> {
  const { connect } = await import("../../local/client.js");
  await (await connect(layout.localCloud))?.stop();
}

/** Stacks with resources, over every project that a target's `file://` backend has. */
function liveStacks(layout: Layout, target: Target): string[] {
  const { state } = layout.target(target);
  return projectsIn(state).flatMap((project) => listStacks(state, project).filter((stack) => isLive(readCheckpoint(state, project, stack))));
}

function projectsIn(stateDir: string): string[] {
  try {
    return readdirSync(path.join(stateDir, ".pulumi", "stacks"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
