/** The chunk store's drills on the real store in the local cloud, through the command; and that they fail where something is wrong. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CHUNKSTORE_DRILLS } from "../../drills/chunkstore";
import { DockerEngine } from "../../drills/engine/client";
import { localEngine } from "../../drills/engine/local";
import type { DrillEvent, DrillsFinished } from "../../drills/model";
import { CLI, TestFleet } from "../support/fleet";

/** The store alone, as the demo's config has it. */
const CONFIG = `
import { defineFleet } from "stackfleet";
export default defineFleet({
  project: "stackfleet",
  stacks: {
    chunkstore: {
      program: "chunkstore",
      config: { clusterKey: { secretFromEnv: "DRILL_CLUSTER_KEY", generateLocally: true }, adminPassword: { secretFromEnv: "DRILL_PASSWORD", generateLocally: true } },
    },
  },
});
`;
const fleet = new TestFleet({ files: { "fleet.config.ts": CONFIG } });

interface Drilled { readonly code: number | null; readonly events: readonly DrillEvent[]; readonly finished: DrillsFinished; readonly stderr: string }

/** Runs the command; `onEvent` sees every event as it is printed. */
async function drill(args: readonly string[], onEvent: (event: DrillEvent, pid: number) => void = () => undefined): Promise<Drilled> {
  const child = spawn(process.execPath, [CLI, "drill", "chunkstore", ...args, "--output", "json"], { cwd: fleet.root, env: fleet.env(), stdio: ["ignore", "pipe", "pipe"] });
  const events: DrillEvent[] = [];
  let stderr = "";
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line) as DrillEvent;
    events.push(event);
    onEvent(event, child.pid ?? 0);
  });
  const [code] = await once(child, "close") as [number | null];
  return { code, events, finished: events.at(-1) as DrillsFinished, stderr };
}

const failures = ({ finished }: Drilled): readonly unknown[] => finished.checks.filter(({ ok }) => !ok);


beforeAll(async () => {
  await fleet.start();
  const { code, report } = await fleet.report("up");
  expect({ code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ code: 0, errors: [] });
});
afterAll(() => fleet.remove());

/** The local cloud's engine. */
async function engine(): Promise<DockerEngine> {
  const docker = new DockerEngine(await localEngine(fleet.state("local", "cloud")));
  onTestFinished(() => docker.close());
  return docker;
}

/** Names of the store's containers that are not as the stack made them. */
async function broken(docker: DockerEngine): Promise<string[]> {
  const containers = await docker.containers({});
  const inspected = await Promise.all(containers.map(({ Id: id }) => docker.inspect(id)));
  expect(inspected.length).toBe(8);
  return inspected.filter(({ State: state, NetworkSettings: { Networks: networks } }) => !state.Running || Object.keys(networks).join() !== "dfs-network").map(({ Name: name }) => name);
}

async function sideNetworks(docker: DockerEngine): Promise<string[]> {
  return (await docker.networks({})).map(({ Name: name }) => name).filter((name) => name.startsWith("dfs-network-"));
}

describe("on a store that is well", () => {
  it.each(CHUNKSTORE_DRILLS.map(({ name }) => name))("%s passes every check", async (name) => {
    const result = await drill([name, "--seed", "11"]);
    expect(failures(result), result.stderr).toEqual([]);
    expect(result.code).toBe(0);
    expect(result.finished).toMatchObject({ type: "drill.finished", status: "succeeded" });
    expect(result.finished.checks.length).toBeGreaterThanOrEqual(3);
    expect(existsSync(fleet.state("local", "drills", "chunkstore.undo.json"))).toBe(false);
  });
});

describe("on a store where a chunkserver is down", () => {
  it("the replication drill fails, exits 1 and names what is missing; nothing else is begun", async () => {
    const docker = await engine();
    const [down] = await docker.containers({ name: ["chunkserver-2"] });
    await docker.stop(down?.Id ?? "");
    const result = await drill(["full-replication", "startup"]);
    await docker.start(down?.Id ?? "");
    expect(result.code).toBe(1);
    expect(result.finished.status).toBe("failed");
    const failed = result.finished.checks.filter(({ ok }) => !ok);
    expect(failed.map(({ drill: name, check }) => `${name} ${check}`)).toEqual(["full-replication every-chunk-recorded", "full-replication every-chunk-on-disk", "startup whole-before"]);
    expect(failed[1]?.detail).toMatch(/on 4 of 5 disks; not on .*chunkserver-2/);
    expect(failed[2]?.detail).toMatch(/chunkserver-2 is exited/);
  });
});

describe("a drill that does not come to its end", () => {
  it("puts everything back after Ctrl+C", async () => {
    const result = await drill(["partition"], (event, pid) => {
      if (event.type === "step.finished" && /^cut .* off$/.test(event.step)) process.kill(pid, "SIGINT");
    });
    expect(result.code).toBe(130);
    expect(result.finished).toMatchObject({ type: "drill.finished", status: "failed" });
    expect(failures(result)).toEqual([expect.objectContaining({ check: "ran-to-its-end", detail: "interrupted" })]);
    const docker = await engine();
    expect(await broken(docker)).toEqual([]);
    expect(await sideNetworks(docker)).toEqual([]);
  });

  it.each([["chunkserver-loss", /^stop /], ["partition", /^cut .* off$/], ["startup", /^stop all /]])("is put back by the next drill when it was killed: %s", async (name, step) => {
    const killed = await drill([name], (event, pid) => {
      if (event.type === "step.finished" && step.test(event.step)) process.kill(pid, "SIGKILL");
    });
    expect(killed.code).toBe(null);
    const docker = await engine();
    expect(await broken(docker)).not.toEqual([]);
    const next = await drill(["full-replication"]);
    expect(failures(next)).toEqual([]);
    expect(next.finished.checks[0]).toMatchObject({ drill: "earlier-drill", check: "put-back", ok: true });
    expect(await broken(docker)).toEqual([]);
    expect(await sideNetworks(docker)).toEqual([]);
    expect(existsSync(fleet.state("local", "drills", "chunkstore.undo.json"))).toBe(false);
  });

  it("says that the stack is not up", async () => {
    const { code, report } = await fleet.report("destroy");
    expect({ code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ code: 0, errors: [] });
    const result = await drill([]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("[stack-not-up]");
    expect(result.finished).toEqual({ type: "drill.finished", status: "failed", checks: [] });
  });
});
