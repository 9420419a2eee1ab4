/** Checks that reach across a declaration: names, references, cycles, files. They tolerate wrong shapes, so that all faults come at once. */
import { existsSync, statSync } from "node:fs";
import * as path from "node:path";
import type { InputFault } from "../errors";
import { findCycles } from "./cycles";
import { describe, pathText, typeText } from "./faults";
import { oneOf, suggestion } from "./nearest";
import { regionFault } from "./regions";
import { CONFIG_KEY, NAME, NAME_RULE, TAG, TAG_RULE, VARIABLE } from "./schema";

/** What the checks need beside the declaration. */
export interface CheckContext {
  /** Folder that relative paths start from. */
  readonly folder: string;
  /** Names of shipped programs. */
  readonly programs: readonly string[];
}

type Loose = Readonly<Record<string, unknown>>;

/** All faults of a declaration that its schema can't see. */
export function declarationFaults(declaration: unknown, context: CheckContext): InputFault[] {
  if (!isObject(declaration)) return [];
  const stacks = isObject(declaration["stacks"]) ? declaration["stacks"] : {};
  const names = Object.keys(stacks);
  return [
    ...projectFaults(declaration["project"]),
    ...policyPackFaults(declaration["policyPacks"], context.folder),
    ...emptyFaults(declaration["stacks"]),
    ...names.flatMap((name) => stackFaults(name, stacks[name], names, context)),
    ...cycleFaults(stacks),
  ];
}

export function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Module paths are told from program names by a slash, a leading dot or a file extension. */
export function isModulePath(program: string): boolean {
  return /^\.|[\\/]|\.[cm]?[jt]s$/.test(program);
}

function projectFaults(project: unknown): InputFault[] {
  if (typeof project !== "string" || NAME.test(project)) return [];
  return [{ path: "project", problem: "not a project name", got: describe(project), expected: NAME_RULE, fix: "choose a name that Pulumi takes" }];
}

function policyPackFaults(packs: unknown, folder: string): InputFault[] {
  return entries(packs).flatMap(([index, pack]) => {
    if (existsSync(path.resolve(folder, pack, "PulumiPolicy.yaml"))) return [];
    return [{ path: pathText(["policyPacks", index]), problem: "no policy pack there", got: describe(pack), expected: "a folder with a PulumiPolicy.yaml", fix: "correct the path, which starts from the config file's folder" }];
  });
}

function emptyFaults(stacks: unknown): InputFault[] {
  if (!isObject(stacks) || Object.keys(stacks).length > 0) return [];
  return [{ path: "stacks", problem: "no stack", got: "an object without keys", expected: "at least one stack", fix: "declare one" }];
}

function stackFaults(name: string, stack: unknown, names: readonly string[], context: CheckContext): InputFault[] {
  // zod passes over `__proto__`, so a stack of that name would go unchecked.
  const faults: InputFault[] = NAME.test(name) && name !== "__proto__" ? [] : [
    { path: pathText(["stacks", name]), problem: "not a stack name", got: describe(name), expected: NAME_RULE, fix: "choose a name that Pulumi takes" },
  ];
  if (!isObject(stack)) return faults;
  const region = stack["region"];
  const wrongRegion = typeof region === "string" ? regionFault(pathText(["stacks", name, "region"]), region) : undefined;
  return [
    ...faults,
    ...programFaults(name, stack["program"], context),
    ...dependencyFaults(name, stack["dependsOn"], names),
    ...(wrongRegion ? [wrongRegion] : []),
    ...tagFaults(name, stack["tags"]),
    ...configFaults(name, stack["config"], region),
  ];
}

function programFaults(name: string, program: unknown, context: CheckContext): InputFault[] {
  if (typeof program !== "string" || context.programs.includes(program)) return [];
  const at = pathText(["stacks", name, "program"]);
  if (!isModulePath(program)) {
    return [{
      path: at, problem: "unknown program", got: describe(program), expected: `${oneOf(context.programs)}, or a path such as ./stacks/mine.ts`,
      fix: suggestion(program, context.programs, "name a shipped program or a module"),
    }];
  }
  const file = path.resolve(context.folder, program);
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return [];
  return [{ path: at, problem: "no module there", got: describe(program), expected: "an existing file", fix: "correct the path, which starts from the config file's folder" }];
}

function dependencyFaults(name: string, dependsOn: unknown, names: readonly string[]): InputFault[] {
  const seen = new Set<string>();
  const others = names.filter((other) => other !== name).sort();
  return entries(dependsOn).flatMap(([index, dependency]) => {
    const at = pathText(["stacks", name, "dependsOn", index]);
    const repeated = seen.has(dependency);
    seen.add(dependency);
    if (repeated) return [{ path: at, problem: "named twice", got: describe(dependency), expected: "each dependency once", fix: "remove it" }];
    if (dependency === name) return [{ path: at, problem: "a stack can't depend on itself", got: describe(dependency), expected: oneOf(others), fix: "remove it" }];
    if (names.includes(dependency)) return [];
    return [{ path: at, problem: "unknown stack", got: describe(dependency), expected: oneOf(others), fix: suggestion(dependency, others, "declare it, or remove the dependency") }];
  });
}

function tagFaults(name: string, tags: unknown): InputFault[] {
  return entries(tags).flatMap(([index, tag]) => TAG.test(tag) ? [] : [
    { path: pathText(["stacks", name, "tags", index]), problem: "not a tag", got: describe(tag), expected: TAG_RULE, fix: "choose another tag" },
  ]);
}

function configFaults(name: string, config: unknown, region: unknown): InputFault[] {
  if (!isObject(config)) return [];
  const keys = Object.entries(config).flatMap(([key, value]) => {
    const at = ["stacks", name, "config", key];
    const wrongKey = CONFIG_KEY.test(key) ? [] : [
      { path: pathText(at), problem: "not a config key", got: describe(key), expected: "key or namespace:key, without blanks", fix: "rename the key" },
    ];
    return [...wrongKey, ...secretFaults(at, value, true)];
  });
  const own = config["aws:region"];
  if (own === undefined || typeof region !== "string" || own === region) return keys;
  return [...keys, { path: pathText(["stacks", name, "config", "aws:region"]), problem: "contradicts the stack's region", got: describe(own), expected: region, fix: "leave aws:region out: region sets it" }];
}

/** `secretFromEnv` is a reference at the top of a config entry, and nothing inside a structured value. */
function secretFaults(at: readonly PropertyKey[], value: unknown, top: boolean): InputFault[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => secretFaults([...at, index], item, false));
  if (!isObject(value)) return [];
  if (!("secretFromEnv" in value)) return Object.entries(value).flatMap(([key, item]) => secretFaults([...at, key], item, false));
  const variable = value["secretFromEnv"];
  const base = { path: pathText(at), got: "an object with secretFromEnv" };
  if (!top) return [{ ...base, problem: "a secret inside a value", expected: "secretFromEnv as the whole value of a config key", fix: "give the secret a key of its own" }];
  const others = Object.keys(value).filter((key) => key !== "secretFromEnv" && key !== "generateLocally");
  if (others.length > 0) return [{ ...base, problem: "more than a reference", expected: "secretFromEnv, and generateLocally if need be", fix: "remove the other keys" }];
  const generate = value["generateLocally"];
  const wrongGenerate = generate === undefined || typeof generate === "boolean" ? [] : [
    { path: pathText([...at, "generateLocally"]), problem: "not true or false", got: typeText(generate), expected: "true or false", fix: "leave it out for false" },
  ];
  if (typeof variable === "string" && VARIABLE.test(variable)) return wrongGenerate;
  return [...wrongGenerate, { path: pathText([...at, "secretFromEnv"]), problem: "not the name of an environment variable", got: typeText(variable), expected: "letters, digits and _, such as DATABASE_PASSWORD", fix: "name the variable, never write the secret itself" }];
}

function cycleFaults(stacks: Loose): InputFault[] {
  const edges = new Map(Object.entries(stacks).map(([name, stack]) => [
    name, isObject(stack) ? entries(stack["dependsOn"]).map(([, dependency]) => dependency).filter((dependency) => dependency !== name) : [],
  ]));
  return findCycles(edges).map((cycle) => cycleFault(cycle));
}

/** The fault of a closed path of dependencies; an arrow means "depends on". */
export function cycleFault(cycle: readonly string[]): InputFault {
  return {
    path: pathText(["stacks", cycle[0] ?? "", "dependsOn"]), problem: "dependencies in a cycle", got: cycle.join(" → "),
    expected: "dependencies without a cycle", fix: "remove one of them",
  };
}

/** The strings of a list with their positions; nothing when it is no list. */
function entries(list: unknown): (readonly [number, string])[] {
  return Array.isArray(list) ? list.flatMap((item: unknown, index) => (typeof item === "string" ? [[index, item] as const] : [])) : [];
}
