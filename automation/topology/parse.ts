/** Makes a topology of a declaration: every fault at once, or every default applied. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { inputError } from "../errors";
import { declarationFaults, isModulePath, isObject } from "./checks";
import { schemaFaults } from "./faults";
import { SHIPPED_PARTS } from "./parts";
import { fleetSchema, NAME } from "./schema";
import type { FleetDeclaration, StackDeclaration, StackNode, Topology } from "./types";

/** Programs that come with the package; `stacks/programs.ts` has them. */
export const SHIPPED_PROGRAMS = ["constellation-home", "constellation-region", "aerospike", "chunkstore"] as const;
export const DEFAULT_PROJECT = "stackfleet";

export interface ParseOptions {
  /** Absolute path of the file the declaration came from; relative paths in it start from its folder. */
  readonly configFile: string;
  /** Program names that are known. @default SHIPPED_PROGRAMS */
  readonly programs?: readonly string[];
}

/**
 * Validates a declaration. Stacks come out sorted by name, module and policy paths absolute.
 * @throws FleetError `config-invalid` with every fault
 */
export function parseTopology(declaration: unknown, options: ParseOptions): Topology {
  const folder = path.dirname(options.configFile);
  const programs = options.programs ?? SHIPPED_PROGRAMS;
  const faults = [...schemaFaults(fleetSchema, declaration), ...declarationFaults(declaration, { folder, programs })];
  if (faults.length > 0) throw inputError(path.basename(options.configFile), faults);
  return topologyOf(declaration as FleetDeclaration, options.configFile, programs);
}

function topologyOf(declaration: FleetDeclaration, configFile: string, programs: readonly string[]): Topology {
  const folder = path.dirname(configFile);
  const stacks = Object.entries(declaration.stacks).map(([name, stack]) => nodeOf(name, stack, folder, programs));
  return {
    project: declaration.project ?? projectBeside(folder) ?? DEFAULT_PROJECT,
    configFile,
    ...(declaration.backend !== undefined && { backend: declaration.backend }),
    policyPacks: (declaration.policyPacks ?? defaultPolicyPacks(folder)).map((pack) => path.resolve(folder, pack)),
    stacks: stacks.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function nodeOf(name: string, stack: StackDeclaration, folder: string, programs: readonly string[]): StackNode {
  const { program, dependsOn = [], region, tags = [], config = {} } = stack;
  return {
    name,
    program: typeof program === "string" && !programs.includes(program) && isModulePath(program) ? path.resolve(folder, program) : program,
    dependsOn: [...dependsOn].sort(),
    ...(region !== undefined && { region }),
    tags: [...new Set(tags)].sort(),
    config: { ...config },
    ...partsOf(program, stack.parts),
  };
}

function partsOf(program: StackDeclaration["program"], declared: StackDeclaration["parts"]): Pick<StackNode, "parts"> {
  const parts = { ...(typeof program === "string" && Object.hasOwn(SHIPPED_PARTS, program) ? SHIPPED_PARTS[program] : {}), ...declared };
  return Object.keys(parts).length === 0 ? {} : { parts };
}

function defaultPolicyPacks(folder: string): readonly string[] {
  return existsSync(path.join(folder, "policy", "PulumiPolicy.yaml")) ? ["policy"] : [];
}

/** `name` of the Pulumi.yaml in a folder, when there is one. Only the one top-level scalar is needed, so no YAML parser is. */
function projectBeside(folder: string): string | undefined {
  const file = path.join(folder, "Pulumi.yaml");
  if (!existsSync(file)) return undefined;
  const name = /^name:[ \t]*(?:"([^"]*)"|'([^']*)'|([^\s#]+))/m.exec(readFileSync(file, "utf8"))?.slice(1).find((group) => group !== undefined);
  return name !== undefined && NAME.test(name) ? name : undefined;
}

/** True for data that is meant as a fleet declaration (as opposed to a Constellation file). */
export function looksLikeFleet(data: unknown): boolean {
  return isObject(data) && "stacks" in data;
}
