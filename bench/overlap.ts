/** Do the stacks overlap? Wall time of the demo fleet against the modelled provider latency along its longest chain of resources. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { resourcesOf, readCheckpoint, listStacks, type CheckpointResource } from "../automation/backend/checkpoint";
import { runFleet } from "../automation/run";
import { ensureStarted } from "../local/client";
import type { LedgerEntry } from "../local/protocol";

/** Slow enough that the modelled latency dominates what the tools cost. */
const DEFAULT_TIME_SCALE = "5";

export async function benchOverlap(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], strict: false, options: { "time-scale": { type: "string", default: DEFAULT_TIME_SCALE } } });
  const timeScale = Number(values["time-scale"]);
  const root = mkdtempSync(path.join(tmpdir(), "stackfleet-overlap-"));
  process.env["STACKFLEET_ROOT"] = root;
  const report = (line: string): void => { process.stderr.write(`${line}\n`); };
  const cloud = await ensureStarted({ dir: path.join(root, ".stackfleet", "local", "cloud"), timeScale, report });
  const config = path.resolve(__dirname, "..", "..", "examples", "constellation.json");
  try {
    const run = await runFleet({ config, operation: "up", report });
    if (run.status !== "succeeded") throw new Error(`the fleet did not come up: ${run.status}`);
    const modelled = longestChainSeconds(root, await cloud.ledger()) / timeScale;
    const sum = run.stacks.reduce((total, { seconds }) => total + seconds, 0);
    process.stdout.write([
      "", `demo fleet, ${run.stacks.length} stacks, time scale ${timeScale}`, "",
      "| figure | seconds |", "|---|---|",
      `| modelled latency along the longest chain | ${modelled.toFixed(1)} |`,
      `| wall time of the run | ${run.wallSeconds.toFixed(1)} (${(run.wallSeconds / modelled).toFixed(2)}x) |`,
      `| critical path, measured | ${run.criticalPathSeconds.toFixed(1)} |`,
      `| all stacks one after the other | ${sum.toFixed(1)} |`,
      `| CPU of driver, host and CLIs | ${run.cpuSeconds.toFixed(1)} |`,
      `| peak memory, MiB | ${(run.maxRssBytes / 2 ** 20).toFixed(0)} |`, "",
    ].join("\n"));
    const down = await runFleet({ config, operation: "destroy", report });
    if (down.status !== "succeeded") throw new Error(`the fleet was not destroyed: ${down.status}`);
  } finally {
    await cloud.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Simulated seconds along the longest chain of dependencies, a stack reference being a dependency on all of the other stack. */
export function longestChainSeconds(root: string, ledger: readonly LedgerEntry[]): number {
  const state = path.join(root, ".stackfleet", "local", "state");
  const project = JSON.parse(readFileSync(path.join(root, ".stackfleet", "local", "project", "Pulumi.yaml"), "utf8").match(/^name: (.*)$/m)?.[1] ?? "\"\"") as string;
  const seconds = new Map(ledger.filter(({ operation }) => operation === "create").map(({ urn, modelledSeconds }) => [urn, modelledSeconds ?? 0]));
  const resources = new Map<string, CheckpointResource>();
  const stackOf = new Map<string, string>();
  for (const stack of listStacks(state, project)) {
    for (const resource of resourcesOf(readCheckpoint(state, project, stack))) {
      resources.set(resource.urn, resource);
      stackOf.set(resource.urn, stack);
    }
  }
  const memo = new Map<string, number>();
  const longest = (urn: string): number => {
    const known = memo.get(urn);
    if (known !== undefined) return known;
    memo.set(urn, 0); // a parent that lists its child as a dependency must not loop
    const resource = resources.get(urn);
    const result = (seconds.get(urn) ?? 0) + Math.max(0, ...dependenciesOf(resource, resources, stackOf).map(longest));
    memo.set(urn, result);
    return result;
  };
  return Math.max(0, ...[...resources.keys()].map(longest));
}

function dependenciesOf(resource: CheckpointResource | undefined, resources: ReadonlyMap<string, CheckpointResource>, stackOf: ReadonlyMap<string, string>): readonly string[] {
  if (resource === undefined) return [];
  const direct = Array.isArray(resource["dependencies"]) ? (resource["dependencies"] as string[]) : [];
  const parent = typeof resource["parent"] === "string" ? [resource["parent"]] : [];
  const name = resource.type === "pulumi:pulumi:StackReference" ? resource.inputs?.["name"] : undefined;
  if (typeof name !== "string") return [...direct, ...parent];
  const other = name.slice(name.lastIndexOf("/") + 1);
  return [...resources.keys()].filter((urn) => stackOf.get(urn) === other);
}
