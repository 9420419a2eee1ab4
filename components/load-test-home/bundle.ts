/** Finds the orchestrator's bundle, which `npm run build` makes. */
import * as pulumi from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import * as path from "node:path";

const BUNDLE = path.join("dist", "bundles", "loadtest", "entry", "orchestrator.js");

/**
 * @param given a path that the program chose, else the package's own bundle is looked for
 * @throws {pulumi.RunError} when there is no such file
 */
export function findOrchestratorBundle(given: string | undefined): string {
  const file = given ?? path.join(packageRoot(__dirname), BUNDLE);
  if (existsSync(file)) return file;
  throw new pulumi.RunError(`orchestratorBundle: no such file; got ${JSON.stringify(file)}; expected the orchestrator's bundle; run \`npm run build\` in the stackfleet package`);
}

/** The nearest folder upwards with a package.json: this file runs compiled, from `dist`, and as source. */
function packageRoot(from: string): string {
  const parent = path.dirname(from);
  return existsSync(path.join(from, "package.json")) || parent === from ? from : packageRoot(parent);
}
