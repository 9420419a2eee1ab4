/** Failing and hanging creates, seen by the command that runs into them and by others that look on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeDrillLock } from "../../automation/run/drill-lock";
import type { StatusJson } from "../../automation/status";
import { constellationFile, TestFleet } from "../support/fleet";

//          ┌ ca-central-1
//   home ◄─┼ eu-west-1
//          └ us-east-2
const REGIONS = ["ca-central-1", "eu-west-1", "us-east-2"];
const fleet = new TestFleet({ files: { "fleet.json": constellationFile(Object.fromEntries(REGIONS.map((region) => [region, 5]))) }, config: "fleet.json" });

beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

const fault = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await fleet.run("local", "fault", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
};

describe("a create that hangs in one region", () => {
  const VPC = "aws:ec2/vpc:Vpc";
  let status: StatusJson;
  let second: { code: number | null; stderr: string };
  let run: string;
  let code: number | null;

  beforeAll(async () => {
    await fault("add", "--type", VPC, "--stack", "eu-west-1", "--kind", "hang");
    // Two other regions done, one in the middle of a create that does not end: a moment that waits for whoever looks.
    const others = new Set(REGIONS.filter((region) => region !== "eu-west-1"));
    let hanging = false;
    const settled = Promise.withResolvers<void>();
    const up = fleet.operate("up", (event) => {
      run = event.run;
      if (event.type === "stack.finished") others.delete(event.stack);
      if (event.type === "resource.started" && event.stack === "eu-west-1" && event.resourceType === VPC) hanging = true;
      if (hanging && others.size === 0) settled.resolve();
    });
    await Promise.race([settled.promise, up.exit]);
    status = JSON.parse((await fleet.run("status", "--output", "json")).stdout) as StatusJson;
    second = await fleet.plain("up");
    await fault("clear");
    code = await up.exit;
  });

  it("is seen by status in another process: what is done of what is expected, elapsed and remaining time", () => {
    const seconds = expect.any(Number);
    const done = (name: string) => ({ name, status: "succeeded", done: seconds, expected: seconds, elapsedSeconds: seconds, etaSeconds: null });
    expect(status).toEqual({
      run, status: "running",
      stacks: [done("home"), done("ca-central-1"), { ...done("eu-west-1"), status: "running", expected: null }, done("us-east-2")],
    });
    const [home, , ireland] = status.stacks;
    expect(home).toMatchObject({ done: home?.expected });
    expect(ireland?.done).toBeGreaterThan(0);
    expect(ireland?.elapsedSeconds).toBeGreaterThan(0);
  });

  it("turns away a second run, which names the live one", () => {
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`^error: run ${run} \\(up, process \\d+ on .+\\) is in progress since .+ \\[run-in-progress\\]\n  fix: .*stackfleet status --watch`));
  });

  it("ends well when the fault is cleared, and then status says so", async () => {
    expect(code).toBe(0);
    const after = JSON.parse((await fleet.run("status", "--output", "json")).stdout) as StatusJson;
    expect(after).toMatchObject({ run, status: "succeeded" });
    expect(after.stacks.every((stack) => stack.status === "succeeded" && stack.done === stack.expected && stack.etaSeconds === null)).toBe(true);
  });
});

describe("a drill of one stack", () => {
  it("keeps runs from that stack, and from no other; a preview changes nothing and may look", async () => {
    const release = takeDrillLock(fleet.state("local", "drills"), "eu-west-1", fleet.state("run.lock"));
    try {
      const refused = await fleet.plain("up");
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^error: a drill of stack eu-west-1 is in progress: process \d+ on .+ \[drill-in-progress\]\n {2}fix: .+\n$/);
      expect(await fleet.run("local", "stop")).toMatchObject({ code: 1, stderr: expect.stringContaining("[drill-in-progress]") as unknown });
      expect((await fleet.plain("preview")).code).toBe(0);
      expect((await fleet.report("up", "home")).code).toBe(0);
    } finally {
      release();
    }
    expect((await fleet.report("up")).code).toBe(0);
  });
});

describe("a create that fails in one region", () => {
  const CLUSTER = "aws:ecs/cluster:Cluster";
  let failed: { code: number | null; stdout: string; stderr: string };

  beforeAll(async () => {
    expect((await fleet.report("destroy")).code).toBe(0);
    await fault("add", "--type", CLUSTER, "--stack", "eu-west-1", "--kind", "fail");
    failed = await fleet.plain("up");
  });

  it("fails the command; the other regions finish", () => {
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/✗ eu-west-1 .* failed/);
    for (const other of ["home", "ca-central-1", "us-east-2"]) expect(failed.stdout).toMatch(new RegExp(`✓ ${other} .* succeeded`));
    expect(failed.stdout).toContain("up failed in ");
  });

  it("is told once: stack, resource and cause in one line, with the log's path", () => {
    const text = failed.stdout + failed.stderr;
    const told = text.split("\n").filter((line) => /\berror\b|load-cluster/i.test(line));
    expect(told).toEqual([
      ...REGIONS.filter((region) => region !== "eu-west-1").map(() => expect.stringMatching(/\+ {2}aws:ecs\/cluster:Cluster load-cluster /)),
      expect.stringMatching(/^✗ eu-west-1: aws:ecs\/cluster:Cluster "load-cluster": .*\S/),
    ]);
    expect(text).toMatch(/\n {2}log: .+\/logs\/eu-west-1\.log\n/);
    expect(text).not.toMatch(/\n\s+at /);
  });

  it("leaves to the next run only what is missing", async () => {
    const before = (await fleet.ledger()).length;
    const { code, report } = await fleet.report("up");
    expect(code).toBe(0);
    expect(report.stacks.map(({ name, status }) => `${name} ${status}`)).toEqual(["home unchanged", "ca-central-1 unchanged", "eu-west-1 succeeded", "us-east-2 unchanged"]);
    const calls = (await fleet.ledger()).slice(before).filter(({ operation }) => operation !== "read");
    expect(new Set(calls.map(({ stack, operation }) => `${stack} ${operation}`))).toEqual(new Set(["eu-west-1 create"]));
    expect(calls.filter(({ type }) => type === CLUSTER)).toHaveLength(1);
    expect(calls.length).toBe(report.stacks.find(({ name }) => name === "eu-west-1")?.created);
    const { live, createdTwice } = await fleet.verdict();
    expect({ createdTwice, live: [...live].sort() }).toEqual({ createdTwice: [], live: [...fleet.recorded()].sort() });
  });
});
