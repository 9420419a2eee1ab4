/** Do the stacks overlap? Wall time of the demo fleet against the modelled provider latency along its longest chain of resources. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { resourcesOf, readCheckpoint, listStacks, type CheckpointResource } from "../automation/backend/checkpoint";
import { runFleet } from "../automation/run";
import { ensureStarted } from "../local/client";
import type { LedgerEntry } from "../local/protocol";

/** Slow enough that the modelled latency dominates what the tools cost. */
const DEFAULT_TIME_SCALE = "2";

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

/** Simulated seconds along the longest chain: within a stack by its resources' dependencies, between stacks by their references. */
export function longestChainSeconds(root: string, ledger: readonly LedgerEntry[]): number {
  const state = path.join(root, ".stackfleet", "local", "state");
  const seconds = new Map(ledger.filter(({ operation }) => operation === "create").map(({ urn, modelledSeconds }) => [urn, modelledSeconds ?? 0]));
  const stacks = new Map(listStacks(state, PROJECT).map((name) => [name, resourcesOf(readCheckpoint(state, PROJECT, name))]));
  const own = new Map([...stacks].map(([name, resources]) => [name, longestWithin(resources, seconds)]));
  // A program awaits the outputs it refers to before its first resource, so all of a stack follows all of the other.
  const chain = (name: string): number => (own.get(name) ?? 0) + Math.max(0, ...referenced(stacks.get(name) ?? []).map(chain));
  return Math.max(0, ...[...stacks.keys()].map(chain));
}

const PROJECT = "stackfleet";

function longestWithin(resources: readonly CheckpointResource[], seconds: ReadonlyMap<string, number>): number {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const memo = new Map<string, number>();
  const longest = (urn: string): number => {
    const known = memo.get(urn);
    if (known !== undefined) return known;
    const dependencies = byUrn.get(urn)?.["dependencies"];
    const result = (seconds.get(urn) ?? 0) + Math.max(0, ...(Array.isArray(dependencies) ? (dependencies as string[]) : []).map(longest));
    memo.set(urn, result);
    return result;
  };
  return Math.max(0, ...resources.map(({ urn }) => longest(urn)));
}

function referenced(resources: readonly CheckpointResource[]): string[] {
  return resources.flatMap(({ type, inputs }) => {
    const name = type === "pulumi:pulumi:StackReference" ? inputs?.["name"] : undefined;
    return typeof name === "string" ? [name.slice(name.lastIndexOf("/") + 1)] : [];
  });
}
