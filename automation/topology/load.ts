/** Finds and loads the file that declares a fleet. Loads no SDK: only what the file itself imports. */
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import * as path from "node:path";
import { FleetError, inputError } from "../errors";
import { CONFIG_NAMES } from "../layout";
import { constellation, type Constellation } from "./constellation";
import { inFolder, isInConfig } from "./folder";
import { readJson } from "./json";
import { sharePackages } from "./packages";
import { looksLikeFleet, parseTopology } from "./parse";
import type { Topology } from "./types";

/** The fleet config in a folder, absolute; `undefined` when there is none. Names and their order: `CONFIG_NAMES`. */
export function findConfig(root: string): string | undefined {
  return CONFIG_NAMES.map((name) => path.resolve(root, name)).find((file) => existsSync(file));
}

/**
 * Loads a `fleet.config.{ts,mts,cts,js,mjs,cjs}`, or a JSON file with a Constellation or a fleet declaration.
 *
 * The default export (in CommonJS, `module.exports`) is the declaration, a promise of it, or a function that returns either.
 * @throws FleetError `config-invalid` with every fault, `config-unreadable`, `config-failed` when the file throws
 */
export async function loadTopology(file: string): Promise<Topology> {
  const configFile = path.resolve(file);
  if (path.extname(configFile) === ".json") return parseTopology(await declarationOfJson(configFile), { configFile });
  if (!/^\.[cm]?[jt]s$/.test(path.extname(configFile))) throw unknownForm(configFile);
  const declaration = await inFolder(path.dirname(configFile), () => evaluate(configFile));
  return parseTopology(declaration, { configFile });
}

function unknownForm(configFile: string): FleetError {
  return inputError(path.basename(configFile), [{
    path: "file name", problem: "not a form of config", got: path.extname(configFile) || "a name without an ending", expected: "one of .ts, .mts, .cts, .js, .mjs, .cjs, .json",
    fix: "name a fleet.config.ts or a Constellation JSON file",
  }]);
}

function declarationOfJson(configFile: string): unknown {
  const data = readJson(configFile);
  if (looksLikeFleet(data)) return data;
  try {
    return { stacks: constellation(data as Constellation) };
  } catch (error) {
    throw isFleetError(error) ? renamed(error, path.basename(configFile)) : error;
  }
}

/** The Constellation's faults, under the name of the file they are in. */
function renamed(error: FleetError, name: string): FleetError {
  return new FleetError(error.code, error.message.replace(/^constellation(?=: )/, name), error.options);
}

async function evaluate(configFile: string): Promise<unknown> {
  const watch = watchForSilentEnds();
  try {
    return await Promise.race([requireFresh(configFile).then((module) => settled(declarationOf(module), configFile)), watch.ended]);
  } catch (cause) {
    throw isFleetError(cause) ? cause : loadFailure(configFile, cause);
  } finally {
    watch.stop();
  }
}

/** What would end this process without a word, and with an exit code that the file chose: turned into errors of the file. */
function watchForSilentEnds(): { readonly ended: Promise<never>; stop(): void } {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const idle = (): void => reject(new Error("a promise that never settles"));
  process.once("beforeExit", idle);
  const exit = process.exit;
  const guarded = ((code?: number) => {
    if (isInConfig()) throw new Error(`a call of process.exit(${code ?? ""})`);
    return exit(code);
  }) as typeof process.exit;
  process.exit = guarded;
  return {
    ended,
    stop: () => {
      process.off("beforeExit", idle);
      if (process.exit === guarded) process.exit = exit;
    },
  };
}

/** Loads TypeScript or JavaScript in either module syntax, read from disk anew. What it imports is shared with this process. */
async function requireFresh(configFile: string): Promise<unknown> {
  // Not `tsx.require`: that loads a second copy of every package, and a program in the config file would get another Pulumi SDK.
  const { register } = await import("tsx/cjs/api");
  const unregister = register();
  try {
    const load = nodeModule.createRequire(configFile);
    delete load.cache[configFile];
    return load(configFile);
  } finally {
    unregister();
  }
}

/** The default export; of a CommonJS module, all of it. */
function declarationOf(module: unknown): unknown {
  const exported = module as { readonly default?: unknown; readonly stacks?: unknown } | undefined;
  return exported?.default ?? (exported?.stacks !== undefined ? exported : undefined);
}

async function settled(exported: unknown, configFile: string): Promise<unknown> {
  const declaration: unknown = await (typeof exported === "function" ? (exported as () => unknown)() : exported);
  if (declaration !== undefined) return declaration;
  throw inputError(path.basename(configFile), [{
    path: "default export", problem: "missing", got: undefined, expected: "a fleet declaration", fix: "write `export default defineFleet({ stacks: { … } })`",
  }]);
}

/** What the TypeScript compiler found, and where, on one line; undefined when the error isn't the compiler's. */
export function compilerProblem(error: unknown): string | undefined {
  const [, line, column, problem] = /^.*:(\d+):(\d+): ERROR: (.*)$/m.exec(error instanceof Error ? error.message : String(error)) ?? [];
  // The compiler counts columns from 0, editors from 1.
  return problem === undefined ? undefined : `${problem} at line ${line}, column ${Number(column) + 1}`;
}

/** One line of what a config file threw: its message, with the place where the compiler names one. */
function loadFailure(configFile: string, cause: unknown): FleetError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const problem = compilerProblem(cause);
  const got = problem ?? (text.split("\n")[0] || "an error without a message");
  const fix = problem?.startsWith("Top-level await") ? "export a function: `export default async () => …`" : "correct the file";
  return new FleetError("config-failed", `${path.basename(configFile)} can't be loaded; got ${got}`, { source: "user", cause, fix });
}

/** By its shape: a config file may have another copy of the class than the driver. */
function isFleetError(error: unknown): error is FleetError {
  return error instanceof FleetError || (error instanceof Error && error.name === "FleetError" && "code" in error && "options" in error);
}

sharePackages();
