/**
 * The Pulumi project folder of a target, which the driver and a by-hand `pulumi` share: project file, stack settings,
 * entry module. Written only when the content changes, before any fan-out (Pulumi rewrites such files in place).
 */
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import * as path from "node:path";
import type { ConfigValue, SecretFromEnvironment, StackNode } from "../topology/types";
import { checkpointFile } from "./checkpoint";
import { readIfExists, writeAtomic } from "./files";

export interface ProjectFiles {
  readonly projectDir: string;
  /** Folder of installed packages that has the Pulumi SDK. */
  readonly packages: string;
  readonly project: string;
  /** Absolute path of the module that runs a by-hand update (`stacks/index`). */
  readonly entry: string;
  readonly configFile: string;
  /** Folders of the providers that come with this package, by the name of their Pulumi package. */
  readonly providers: Readonly<Record<string, string>>;
}

/** Writes `Pulumi.yaml` and the entry module, and makes the SDK findable for the language host of a by-hand run. */
export function writeProject(files: ProjectFiles): void {
  writeIfChanged(path.join(files.projectDir, "Pulumi.yaml"), [
    "# Written by stackfleet; the fleet is declared in the file that index.js names.",
    `name: ${JSON.stringify(files.project)}`,
    "runtime:", "  name: nodejs", "  options:", "    typescript: false",
    "main: index.js",
    `description: ${JSON.stringify(`fleet of ${path.basename(files.configFile)}`)}`,
    // Found here, a provider needs no installation.
    "plugins:", "  providers:", ...Object.entries(files.providers).flatMap(([name, folder]) => [`    - name: ${JSON.stringify(name)}`, `      path: ${JSON.stringify(folder)}`]), "",
  ].join("\n"));
  writeIfChanged(path.join(files.projectDir, "index.js"), [
    "// Entry of a by-hand `pulumi up`. Written by stackfleet.",
    `process.env.STACKFLEET_CONFIG ??= ${JSON.stringify(files.configFile)};`,
    `module.exports = require(${JSON.stringify(files.entry)});`, "",
  ].join("\n"));
  // Without one the language host warns at every by-hand update that it found none.
  writeIfChanged(path.join(files.projectDir, "package.json"), `${JSON.stringify({ private: true, main: "index.js" })}\n`);
  linkPackages(path.join(files.projectDir, "node_modules"), files.packages);
}

/** The language host looks for `@pulumi/pulumi` from the project folder upwards, and a fleet may lie anywhere. */
function linkPackages(link: string, packages: string): void {
  if (existsSync(path.join(link, "@pulumi", "pulumi"))) return;
  rmSync(link, { force: true }); // a link to an installation that is gone
  symlinkSync(packages, link, "dir");
}

/** Writes a stack's settings: its configuration (secrets are never written here, see `stacks/run.ts`) and the shared salt. */
export function writeStackSettings(projectDir: string, project: string, stack: StackNode, salt: string | undefined): void {
  const config: Record<string, ConfigValue> = {};
  for (const [key, value] of Object.entries(stack.config)) {
    if (!isSecretReference(value)) config[key.includes(":") ? key : `${project}:${key}`] = value;
  }
  if (stack.region !== undefined) config["aws:region"] ??= stack.region;
  const lines = Object.keys(config).sort().map((key) => `  ${JSON.stringify(key)}: ${JSON.stringify(config[key])}`);
  writeIfChanged(path.join(projectDir, `Pulumi.${stack.name}.yaml`), [
    ...(salt === undefined ? [] : [`encryptionsalt: ${salt}`]),
    ...(lines.length === 0 ? [] : ["config:", ...lines]), "",
  ].join("\n"));
}

export function isSecretReference(value: ConfigValue | SecretFromEnvironment): value is SecretFromEnvironment {
  return typeof value === "object" && value !== null && "secretFromEnv" in value;
}

/** Initialises a stack of a `file://` backend, as `pulumi stack init` would, without its process. Does nothing when it exists. */
export function initStack(stateDir: string, project: string, stack: string): void {
  const file = checkpointFile(stateDir, project, stack);
  if (readIfExists(file) !== undefined || readIfExists(`${file}.gz`) !== undefined) return;
  writeAtomic(file, `${JSON.stringify({ version: 3, checkpoint: { stack: `organization/${project}/${stack}` } }, undefined, 4)}\n`);
}

/** Makes the backend's folder with its layout marker (version 1: checkpoints by project). */
export function initFileBackend(stateDir: string): void {
  mkdirSync(path.join(stateDir, ".pulumi"), { recursive: true });
  writeIfChanged(path.join(stateDir, ".pulumi", "meta.yaml"), "version: 1\n");
}

function writeIfChanged(file: string, content: string): void {
  if (readIfExists(file) !== content) writeAtomic(file, content);
}
