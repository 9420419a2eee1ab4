/** Runs a stack's program inside a Pulumi update: the same steps for the driver's program host and for a `pulumi up` by hand. */
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { compilerProblem, loadTopology } from "../automation/topology/load";
import { secretOf } from "../automation/topology/local-secret";
import { oneOf, suggestion } from "../automation/topology/nearest";
import type { ConfigValue, InlineProgram, SecretFromEnvironment, StackNode, Topology } from "../automation/topology/types";
import { registerFleetTags } from "../components/tags";
import { loadProgram, PROGRAM_NAMES } from "./programs";
import { serveReferences } from "./references";

/** One load of each config file a process, which may run many stacks. */
const topologies = new Map<string, Promise<Topology>>();

/**
 * Runs the program of one stack of a fleet.
 * @param options.configFile absolute path of the fleet config
 * @returns the stack's outputs
 * @throws {pulumi.RunError} when the fleet has no such stack, or its configuration is wrong
 */
export async function runStack({ configFile, stack }: { readonly configFile: string; readonly stack: string }): Promise<Record<string, unknown>> {
  const loading = topologies.get(configFile) ?? loadTopology(configFile).catch((error: unknown) => { throw withoutStackTrace(error); });
  topologies.set(configFile, loading);
  const topology = await loading;
  const node = topology.stacks.find(({ name }) => name === stack);
  if (!node) throw unknownStack(stack, topology);
  return runNode(node, topology);
}

/** Runs the program of a stack that is known. Must be called inside a Pulumi program. */
export async function runNode(node: StackNode, topology: Topology): Promise<Record<string, unknown>> {
  applyConfig(node);
  requireRegion(node);
  serveReferences();
  registerFleetTags({ project: pulumi.getProject(), stack: pulumi.getStack() });
  const program = typeof node.program === "function" ? node.program : loadProgram(node.program) ?? loadModule(node, node.program, topology);
  return outputsOf(node, await program());
}

/** Spread, a text would become outputs named 0, 1, 2…; a program that returns nothing has none. */
function outputsOf(node: StackNode, returned: unknown): Record<string, unknown> {
  if (returned === undefined || returned === null) return {};
  if (typeof returned === "object" && !Array.isArray(returned) && !pulumi.Output.isInstance(returned)) return { ...returned };
  const got = Array.isArray(returned) ? "a list" : typeof returned === "object" ? "an Output" : JSON.stringify(returned) ?? typeof returned;
  throw new pulumi.RunError(`stacks.${node.name}.program: the program returned no outputs by name; got ${got}; expected an object, such as { vpcId: vpc.id }, or nothing; return one`);
}

function unknownStack(stack: string, { stacks, configFile }: Topology): pulumi.RunError {
  const names = stacks.map(({ name }) => name);
  const fix = suggestion(stack, names, `declare it in ${path.basename(configFile)}, or choose another with \`pulumi stack select\``);
  return new pulumi.RunError(`unknown stack; got "${stack}"; expected ${oneOf(names)}; ${fix}`);
}

/** A fault of the fleet config in the one form that Pulumi prints without a stack trace. */
function withoutStackTrace(error: unknown): unknown {
  const { message, options } = error as { message?: unknown; options?: { readonly details?: readonly string[]; readonly fix?: string } };
  if (!(error instanceof Error) || options === undefined) return error;
  return new pulumi.RunError([message, ...options.details ?? [], ...(options.fix === undefined ? [] : [options.fix])].join("\n  "));
}

/** Members of the runtime that its types leave out. */
const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };

/** Adds the configuration that the fleet declares to what the engine handed over; the fleet's word counts. */
function applyConfig(node: StackNode): void {
  const config = pulumi.runtime.allConfig();
  const secrets = new Set(Object.keys(config).filter((key) => isConfigSecret(key)));
  for (const [key, value] of Object.entries(node.config)) {
    const qualified = key.includes(":") ? key : `${pulumi.getProject()}:${key}`;
    config[qualified] = configText(node, key, value);
    if (isSecretReference(value)) secrets.add(qualified);
  }
  pulumi.runtime.setAllConfig(config, [...secrets]);
}

function configText(node: StackNode, key: string, value: ConfigValue | SecretFromEnvironment): string {
  if (!isSecretReference(value)) return typeof value === "string" ? value : JSON.stringify(value);
  const secret = secretOf(value, process.env);
  if (secret !== undefined) return secret;
  throw new pulumi.RunError(`stacks.${node.name}.config.${key}: the environment variable is not set; got nothing; expected a secret in ${value.secretFromEnv}; set it before you start`);
}

function isSecretReference(value: ConfigValue | SecretFromEnvironment): value is SecretFromEnvironment {
  return typeof value === "object" && "secretFromEnv" in value;
}

/** The engine makes the provider from its own configuration: where that differs, resources would go to another region. */
function requireRegion(node: StackNode): void {
  const got = pulumi.runtime.allConfig()["aws:region"];
  if (node.region === undefined || got === node.region) return;
  throw new pulumi.RunError(`stack "${node.name}": aws:region is not the region that the fleet declares; got ${got ?? "nothing"}; expected ${node.region}; run \`pulumi config set aws:region ${node.region} --stack ${node.name}\``);
}

function loadModule(node: StackNode, program: string, topology: Topology): InlineProgram {
  const file = path.resolve(path.dirname(topology.configFile), program);
  const loaded = requireModule(file) as { readonly program?: unknown; readonly default?: unknown };
  const found = loaded.program ?? loaded.default;
  if (typeof found === "function") return found as InlineProgram;
  throw new pulumi.RunError(`stacks.${node.name}.program: the module has no program; got "${program}"; expected a function exported as "program" or default, or one of ${PROGRAM_NAMES.join(", ")}; export one`);
}

function requireModule(file: string): unknown {
  if (!/\.[cm]?ts$/.test(file)) return require(file);
  // Not `tsx.require`: it loads a second copy of every package, the Pulumi SDK among them, at twice the time and memory.
  const { register } = require("tsx/cjs/api") as typeof import("tsx/cjs/api");
  const unregister = register();
  try {
    return require(file);
  } catch (error) {
    const problem = compilerProblem(error);
    throw problem === undefined ? error : new pulumi.RunError(`${path.basename(file)} can't be compiled; got ${problem}; correct the file`);
  } finally {
    unregister();
  }
}
