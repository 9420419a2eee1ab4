/** Compiled copies of what runs inside the workloads' processes, and a workload image for the tests. */
import { transformSync } from "esbuild";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { ContainerSpec } from "../../../local/runtime/port";

const root = path.resolve(__dirname, "..", "..", "..");

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
    dir, bundlesDir: path.join(dir, "bundles"), preload: compiled("preload"), bootstrap: compiled("function-bootstrap"),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function spec(id: string, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  return { id, image: "stackfleet/loadtest:1", command: ["generator"], environment: {}, networks: [], restart: "no", labels: {}, ...overrides };
}
