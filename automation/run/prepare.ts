/** Everything that can be checked before a run starts: config, selection, dependencies; nothing is created and no cloud is asked. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import * as path from "node:path";
import { writeAtomic } from "../backend/files";
import { isSecretReference } from "../backend/project";
import { FleetError, inputError } from "../errors";
import { buildGraph, liveDependents, missingDependencies, reverse, select, subgraph, type Graph } from "../graph";
import { newRunId } from "../journal";
import { findRoot, layoutAt, type Layout, type Target } from "../layout";
import { findConfig, loadTopology } from "../topology";
import { partTargets, stackOfPart } from "../topology/parts";
import type { FleetDeclaration, StackNode, Topology } from "../topology/types";
import { readDeployed, type DeployedStack } from "./deployed";
import type { RunOptions } from "./types";

/** What was found out. */
export interface Plan {
  readonly id: string;
  readonly layout: Layout;
  readonly target: Target;
  readonly topology: Topology;
  /** The selected stacks, arrows in the order of the operation. */
  readonly graph: Graph;
  readonly nodes: ReadonlyMap<string, StackNode>;
  readonly selected: readonly string[];
  /** Deployed but no longer in the config. */
  readonly orphans: readonly string[];
  /** URN globs that the one stack's update is limited to. */
  readonly targets?: readonly string[];
  /** Resources deployed now, by stack. */
  readonly deployed: Readonly<Record<string, number>>;
}

/** @throws FleetError for every fault of config, selection or state folder */
export async function planRun(options: RunOptions): Promise<Plan> {
  const { layout, topology } = await loadFleet(options);
  const target = options.target ?? "local";
  requireWritable(layout);
  requireShellOf(target);
  const state = await readDeployed(layout, target, topology, options);
  const orphans = [...state.keys()].filter((name) => state.get(name)?.live && !topology.stacks.some((stack) => stack.name === name));
  const nodes = new Map(topology.stacks.map((stack) => [stack.name, stack]));
  const chosen = options.removed ? chooseRemoved(options, orphans, state, nodes) : choose(options, buildGraph(topology), state);
  if (options.operation === "destroy") requireNoLiveDependents(chosen.selected, orphans, state, options.removed === true);
  if (options.operation === "up" || options.operation === "preview") requireSecrets(target, topology, chosen.selected);
  const targets = options.only === undefined ? undefined : targetsOf(options.only, options.operation, topology, [...chosen.selected].flatMap((name) => nodes.get(name) ?? []));
  const part = subgraph(chosen.graph, chosen.selected);
  return {
    id: newRunId(new Date()), layout, target, topology, nodes, orphans,
    graph: options.operation === "destroy" ? reverse(part) : part,
    selected: [...chosen.selected].sort(),
    ...(targets && { targets }),
    deployed: Object.fromEntries([...state].flatMap(([name, { resources }]) => (resources === undefined ? [] : [[name, resources]]))),
  };
}

/** @throws FleetError `usage` for other operations: deleting or reading a part would leave the rest counting on it */
function targetsOf(only: string, operation: RunOptions["operation"], topology: Topology, selected: readonly StackNode[]): readonly string[] {
  if (operation !== "up" && operation !== "preview") throw new FleetError("usage", `--only goes with up and preview; got ${operation}`, { source: "user", fix: "leave --only out" });
  const stack = stackOfPart(only, selected);
  const part = stack.parts?.[only];
  return part === undefined ? [] : partTargets(stack.name, topology.project, part);
}

/** Finds and loads the fleet that a command works on. */
export async function loadFleet(options: Pick<RunOptions, "config" | "cwd">): Promise<{ layout: Layout; topology: Topology }> {
  const cwd = options.cwd ?? process.cwd();
  const layout = layoutAt(findRoot(cwd));
  if (typeof options.config === "object") return { layout, topology: await loadTopology(writeDeclaration(layout, options.config)) };
  const file = options.config === undefined ? findConfig(layout.root) : path.resolve(cwd, options.config);
  if (file === undefined) {
    throw new FleetError("config-missing", `no fleet config found; got none from ${layout.root} upwards; expected fleet.config.ts`, {
      source: "user", fix: "write one (docs/fleet-config.md), or name a file with --config",
    });
  }
  if (!existsSync(file)) {
    throw new FleetError("config-missing", `the fleet config does not exist; got ${file}`, { source: "user", fix: "give --config an existing fleet.config.ts or a Constellation JSON file" });
  }
  return { layout, topology: withRootPolicies(await loadTopology(file), layout) };
}

/** A Constellation file names no policies; those of the project that it is run in count. */
function withRootPolicies(topology: Topology, layout: Layout): Topology {
  const pack = path.join(layout.root, "policy");
  const usable = topology.policyPacks.length === 0 && path.extname(topology.configFile) === ".json" && existsSync(path.join(pack, "PulumiPolicy.yaml"));
  return usable ? { ...topology, policyPacks: [pack] } : topology;
}

/** A declaration that a script hands over is written down: the program host, another process, loads it from there. */
function writeDeclaration(layout: Layout, declaration: FleetDeclaration): string {
  const inline = Object.entries(declaration.stacks).filter(([, stack]) => typeof stack.program === "function").map(([name]) => name);
  if (inline.length > 0) {
    throw inputError("fleet declaration", inline.map((name) => ({
      path: `stacks.${name}.program`, problem: "a function can't be handed to the program host, which is another process", got: "a function",
      expected: "a program name or a module path", fix: "put the declaration into a fleet.config.ts and pass its path as `config`",
    })));
  }
  const file = path.join(layout.root, ".stackfleet", "declared.fleet.config.cjs");
  mkdirSync(path.dirname(file), { recursive: true });
  const stacks = Object.fromEntries(Object.entries(declaration.stacks).map(([name, stack]) => [name, {
    ...stack, program: typeof stack.program === "string" && /^\.{1,2}\//.test(stack.program) ? path.resolve(layout.root, stack.program) : stack.program,
  }]));
  const policyPacks = (declaration.policyPacks ?? []).map((pack) => path.resolve(layout.root, pack));
  writeAtomic(file, `module.exports = ${JSON.stringify({ ...declaration, stacks, policyPacks }, undefined, 2)};\n`);
  return file;
}

interface Choice { readonly graph: Graph; readonly selected: ReadonlySet<string> }
type State = ReadonlyMap<string, DeployedStack>;

function choose(options: RunOptions, graph: Graph, state: State): Choice {
  const live = new Set([...state].flatMap(([name, stack]) => (stack.live ? [name] : [])));
  const selectors = options.select ?? [];
  const selected = selectors.length > 0 ? select(graph, selectors) : new Set(graph.order);
  if (options.operation === "destroy") {
    refuse("destroy", liveDependents(graph, selected, live), (stack, dependent) =>
      ({ problem: `${dependent} depends on ${stack} and is still up`, fix: `select its dependents too: ${stack}+` }));
  } else {
    const missing = missingDependencies(graph, selected).filter(({ dependency }) => !live.has(dependency));
    refuse(options.operation, missing.map(({ stack, dependency }) => ({ stack, dependent: dependency })), (stack, dependency) =>
      ({ problem: `${stack} depends on ${dependency}, which is neither selected nor up`, fix: `select its dependencies too: +${stack}` }));
  }
  return { graph, selected };
}

function refuse(operation: string, pairs: readonly { stack: string; dependent: string }[], say: (stack: string, other: string) => { problem: string; fix: string }): void {
  if (pairs.length === 0) return;
  const lines = pairs.map(({ stack, dependent }) => say(stack, dependent));
  throw new FleetError("selection-incomplete", `${operation}: ${lines.map(({ problem }) => problem).join("; ")}`, {
    source: "user", fix: [...new Set(lines.map(({ fix }) => fix))].join("; "),
  });
}

/** Stacks that the config no longer has, in the order that their stack references tell. */
function chooseRemoved(options: RunOptions, orphans: readonly string[], state: State, nodes: Map<string, StackNode>): Choice {
  if (options.operation !== "destroy") throw new FleetError("usage", `--removed goes with destroy; got ${options.operation}`, { source: "user", fix: "run `stackfleet destroy --removed`" });
  for (const name of orphans) {
    const dependsOn = (state.get(name)?.references ?? []).filter((other) => orphans.includes(other));
    nodes.set(name, { name, program: "", dependsOn, tags: [], config: {} });
  }
  const stacks = orphans.flatMap((name) => nodes.get(name) ?? []);
  const graph = buildGraph({ stacks });
  return { graph, selected: options.select?.length ? select(graph, options.select) : new Set(orphans) };
}

function requireNoLiveDependents(selected: ReadonlySet<string>, orphans: readonly string[], state: State, removed: boolean): void {
  if (removed) return;
  const pairs = orphans.flatMap((orphan) => (state.get(orphan)?.references ?? []).filter((stack) => selected.has(stack)).map((stack) => ({ stack, dependent: orphan })));
  refuse("destroy", pairs, (stack, orphan) => ({
    problem: `${orphan} refers to ${stack} and is still up, though it is no longer in the config`, fix: "remove it first: stackfleet destroy --removed",
  }));
}

/** A secret that is missing would fail its stack only when those before it are up. Refresh and destroy run no program. */
function requireSecrets(target: Target, topology: Topology, selected: ReadonlySet<string>, env: NodeJS.ProcessEnv = process.env): void {
  const faults = topology.stacks.filter(({ name }) => selected.has(name)).flatMap(({ name, config }) => Object.entries(config).flatMap(([key, value]) => {
    if (!isSecretReference(value) || env[value.secretFromEnv] !== undefined || (target === "local" && value.generateLocally)) return [];
    const path = `stacks.${name}.config.${key}`;
    return [{ path, problem: "the environment variable is not set", got: undefined, expected: `a secret in ${value.secretFromEnv}`, fix: "set it before you start" }];
  }));
  if (faults.length > 0) throw inputError("secrets", faults);
}

/** A shell that `stackfleet env` has attached to the local cloud would send a run in the cloud there. */
function requireShellOf(target: Target, env: NodeJS.ProcessEnv = process.env): void {
  if (target !== "cloud" || env["STACKFLEET_TARGET"] !== "local") return;
  throw new FleetError("wrong-shell", "this shell is set up for the local target (STACKFLEET_TARGET=local); got --target cloud", {
    source: "user", fix: "run `eval \"$(stackfleet env --target cloud)\"` in it, or use a new shell",
  });
}

function requireWritable(layout: Layout): void {
  try {
    mkdirSync(layout.home, { recursive: true });
    accessSync(layout.home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FleetError("state-not-writable", `the state folder can't be written; got ${code ?? "an error"} for ${layout.home}`, {
      source: "user", exitCode: 1, cause, fix: "give your user write permission on it, or set STACKFLEET_ROOT to a folder of your own",
    });
  }
}
