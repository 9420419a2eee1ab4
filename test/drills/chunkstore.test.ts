/** The chunk store's drills on the real store in the local cloud, through the command; and that they fail where something is wrong. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNKSTORE_DRILLS } from "../../drills/chunkstore";
import type { DrillEvent, DrillsFinished } from "../../drills/model";
import { CLI, TestFleet } from "../support/fleet";

/** The store alone, as the demo's config has it. */
const CONFIG = `
import { defineFleet } from "stackfleet";
export default defineFleet({
  project: "stackfleet",
  stacks: { chunkstore: { program: "chunkstore" } },
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

/** Containers by their short names. */
async function states(): Promise<Record<string, string>> {
  const { stdout } = await fleet.run("local", "status", "--output", "json");
  const { containers } = JSON.parse(stdout) as { containers: { id: string; status: string }[] };
  return Object.fromEntries(containers.map(({ id, status }) => [id, status]));
}

beforeAll(async () => {
  await fleet.start();
  const { code, report } = await fleet.report("up");
  expect({ code, errors: report.stacks.flatMap(({ error }) => error ?? []) }).toEqual({ code: 0, errors: [] });
});
afterAll(() => fleet.remove());

describe("on a store that is well", () => {
  it.each(CHUNKSTORE_DRILLS.map(({ name }) => name))("%s passes every check", async (name) => {
    const result = await drill([name, "--seed", "11"]);
    expect(failures(result), result.stderr).toEqual([]);
    expect(result.code).toBe(0);
    expect(result.finished).toMatchObject({ type: "drill.finished", status: "succeeded" });
    expect(result.finished.checks.length).toBeGreaterThan(3);
    expect(existsSync(fleet.state("local", "drills", "chunkstore.undo.json"))).toBe(false);
  });
});
