/** The four ways of bringing N stacks up that the benchmark sets side by side. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";

/** A prepared contender: what to run for a create, a no-op and a destroy. */
export interface Contender {
  readonly name: string;
  readonly up: readonly [string, ...string[]];
  readonly destroy: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Ground {
  /** Folder of its own for the contender. */
  readonly dir: string;
  readonly stacks: readonly string[];
  /** Compiled root of the project. */
  readonly dist: string;
  /** Environment of plain Pulumi with the provider attached, without a backend. */
  readonly env: NodeJS.ProcessEnv;
  /** Updates at once, for the ways that are parallel. */
  readonly parallel: number;
}

const PASSPHRASE = "benchmark";
const REGION = "eu-west-1";

/** This project's driver. `root` holds its `.stackfleet`, whose local cloud serves all contenders. */
export function stackfleet(ground: Ground, root: string): Contender {
  const stacks = Object.fromEntries(ground.stacks.map((name) => [name, { program: path.join(ground.dist, "bench", "five.js"), region: REGION }]));
  writeFileSync(path.join(root, "fleet.config.cjs"), `module.exports = ${JSON.stringify({ project: "bench", stacks })};\n`);
  const cli = path.join(ground.dist, "..", "bin", "stackfleet.js");
  const run = (operation: string): [string, ...string[]] => [process.execPath, cli, operation, "--yes", "--output", "json", "--parallel", String(ground.parallel)];
  return { name: "stackfleet", up: run("up"), destroy: run("destroy"), cwd: root, env: ground.env };
}

/** `pulumi up` one stack after the other. */
export function plainPulumi(ground: Ground): Contender {
  const { env, cwd } = localProject(ground);
  return { name: "pulumi up, one after the other", cwd, env, up: shell(ground, "up", 1), destroy: shell(ground, "destroy", 1) };
}

/** `pulumi up` of several stacks at once through xargs. */
export function xargs(ground: Ground): Contender {
  const { env, cwd } = localProject(ground);
  return { name: `xargs -P ${ground.parallel} pulumi up`, cwd, env, up: shell(ground, "up", ground.parallel), destroy: shell(ground, "destroy", ground.parallel) };
}

/** `Promise.all` over the stock Automation API, inline programs, one process: what most scripts do. */
export function naive(ground: Ground): Contender {
  const env = { ...ground.env, PULUMI_BACKEND_URL: backend(ground), PULUMI_CONFIG_PASSPHRASE: PASSPHRASE };
  const run = (operation: string): [string, ...string[]] => [process.execPath, path.join(ground.dist, "bench", "naive.js"), operation, REGION, ...ground.stacks];
  return { name: "naive Promise.all", cwd: ground.dir, env, up: run("up"), destroy: run("destroy") };
}

function backend(ground: Ground): string {
  const state = path.join(ground.dir, "state");
  mkdirSync(state, { recursive: true });
  return `file://${state}`;
}

function localProject(ground: Ground): { env: NodeJS.ProcessEnv; cwd: string } {
  const cwd = path.join(ground.dir, "project");
  mkdirSync(cwd, { recursive: true });
  writeFileSync(path.join(cwd, "Pulumi.yaml"), "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\n");
  writeFileSync(path.join(cwd, "index.js"), `module.exports = require(${JSON.stringify(path.join(ground.dist, "bench", "five.js"))}).program();\n`);
  // The language host looks for the SDK from the project folder upwards.
  symlinkSync(path.join(ground.dist, "..", "node_modules"), path.join(cwd, "node_modules"));
  for (const stack of ground.stacks) writeFileSync(path.join(cwd, `Pulumi.${stack}.yaml`), `config:\n  aws:region: ${REGION}\n`);
  return { cwd, env: { ...ground.env, PULUMI_BACKEND_URL: backend(ground), PULUMI_CONFIG_PASSPHRASE: PASSPHRASE } };
}

/** Stack names are made by the benchmark itself; they reach the shell as arguments, never as part of the script. */
function shell(ground: Ground, operation: "up" | "destroy", parallel: number): [string, ...string[]] {
  const init = operation === "up" ? "pulumi stack select --create --stack \"$1\" --non-interactive >/dev/null 2>&1; " : "";
  const one = `${init}exec pulumi ${operation} --yes --skip-preview --non-interactive --stack "$1"`;
  const script = `parallel=$1; one=$2; shift 2; printf '%s\\n' "$@" | xargs -P "$parallel" -n 1 sh -c "$one" sh`;
  return ["sh", "-c", script, "sh", String(parallel), one, ...ground.stacks];
}
