/** Compiled copies of what runs inside the workloads' processes, and a workload image for the tests. */
import { transformSync } from "esbuild";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createContainerRuntime, type OwnedContainerRuntime } from "../../../local/runtime/index";
import type { ContainerRuntime, ContainerSpec, ContainerState, HealthCheck } from "../../../local/runtime/port";
import { killGroup, markedProcesses } from "../../../local/runtime/processes";

const root = path.resolve(__dirname, "..", "..", "..");

/** The entry first. */
const PRELOAD = ["preload", "preload-connection", "preload-links", "preload-publish", "preload-world"];

export const quiet = { info: () => undefined, warn: () => undefined };

/** A folder of its own, with the preload, the bootstrap and the programs that stand for the load test's. */
export function makeSandbox(programs: Readonly<Record<string, string>> = {}): { dir: string; bundlesDir: string; preload: string; bootstrap: string; remove: () => void } {
  // With a space and a quote, as users' folders have.
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), "runtime 'test' ")));
  const compiled = (name: string): string => {
    const file = path.join(dir, `${name}.js`);
    writeFileSync(file, transformSync(readFileSync(path.join(root, "local", "runtime", `${name}.ts`), "utf8"), { loader: "ts", format: "cjs", platform: "node", target: "node22" }).code);
    return file;
  };
  const entry = path.join(dir, "bundles", "loadtest", "entry");
  mkdirSync(entry, { recursive: true });
  for (const name of ["aggregator", "generator", "healthcheck"]) writeFileSync(path.join(entry, `${name}.js`), programs[name] ?? "setInterval(() => {}, 1e6)");
  return {
    dir, bundlesDir: path.join(dir, "bundles"), preload: PRELOAD.map(compiled)[0] ?? "", bootstrap: compiled("function-bootstrap"),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function spec(id: string, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  return { id, image: "stackfleet/loadtest:1", command: ["generator"], environment: {}, networks: [], restart: "no", labels: {}, ...overrides };
}

/** Programs that stand for the load test's: one does what its environment says, one is a health check. */
export const PROGRAMS = {
  generator: `
    const { spawn } = require("node:child_process");
    console.log("started " + process.pid);
    if (process.env.EXIT) process.exit(Number(process.env.EXIT));
    if (process.env.STUBBORN) process.on("SIGTERM", () => console.log("ignored SIGTERM"));
    else process.on("SIGTERM", () => { console.log("ending"); process.exit(0); });
    if (process.env.CHILD) console.log("child " + spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)"], { stdio: "ignore" }).pid);
    if (process.env.PRINT) console.log(JSON.stringify({ env: process.env, cwd: process.cwd() }));
    console.log("ready");
    setInterval(() => {}, 1e6);`,
  healthcheck: `process.exit(require("node:fs").existsSync(process.env.HOME + "/sick") ? 1 : 0)`,
};
export const CHECK: HealthCheck = { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 0.1, timeoutSeconds: 5, retries: 2, startPeriodSeconds: 0 };

/** A runtime in the sandbox's `data`, or another folder of it. */
export function openRuntime(sandbox: ReturnType<typeof makeSandbox>, folder = "data"): Promise<OwnedContainerRuntime> {
  return createContainerRuntime({ dataDir: path.join(sandbox.dir, folder), log: quiet, bundlesDir: sandbox.bundlesDir, preload: sandbox.preload });
}

/** Ends the test's processes, also those that a test which failed half-way has left to nobody. */
export async function endEverything(sandbox: ReturnType<typeof makeSandbox>, runtime: OwnedContainerRuntime): Promise<void> {
  await runtime.close({ stopContainers: true });
  for (const group of new Set(markedProcesses(path.join(sandbox.dir, "data")).map((process) => process.group))) await killGroup(group);
  sandbox.remove();
}

/** The first log line that matches. */
export async function logLine(runtime: ContainerRuntime, id: string, pattern: RegExp): Promise<string> {
  for await (const line of runtime.logs(id, { follow: true, signal: AbortSignal.timeout(10_000) })) if (pattern.test(line)) return line;
  throw new Error(`no line ${pattern} in the log of ${id}`);
}

/** Resolves when the container's state fulfils the condition. */
export function until(runtime: ContainerRuntime, id: string, condition: (state: ContainerState) => boolean): Promise<ContainerState> {
  return new Promise((resolve) => {
    const look = (state: ContainerState | undefined): void => {
      if (state === undefined || state.spec.id !== id || !condition(state)) return;
      unsubscribe();
      resolve(state);
    };
    const unsubscribe = runtime.onChange(look);
    look(runtime.get(id));
  });
}

export function pidOf(state: ContainerState): number {
  if (state.pid === undefined) throw new Error(`${state.spec.id} has no process`);
  return state.pid;
}
