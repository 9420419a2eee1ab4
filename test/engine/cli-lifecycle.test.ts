/** A load-test fleet from nothing to nothing by the command line: its records, selections, stacks that left the config, what is left behind. */
import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetEvent } from "../../automation/events";
import { constellationFile, TestFleet } from "../support/fleet";

//          ┌ eu-west-1
//   home ◄─┤
//          └ us-east-2
const fleet = new TestFleet({ files: { "fleet.json": constellationFile({ "eu-west-1": 5, "us-east-2": 202 }) }, config: "fleet.json" });
let up: { code: number | null; events: readonly FleetEvent[] };

beforeAll(async () => {
  await fleet.start();
  up = await fleet.report("up");
});
afterAll(() => fleet.remove());

const deletions = async (): Promise<string[]> => (await fleet.ledger()).filter(({ operation }) => operation === "delete").map(({ stack }) => stack);

describe("a run with JSON output", () => {
  it("numbers its events from 1 without a gap, all of one run, each with a time", () => {
    expect(up.code).toBe(0);
    expect(up.events.map(({ seq }) => seq)).toEqual(up.events.map((_, index) => index + 1));
    expect(new Set(up.events.map(({ run }) => run)).size).toBe(1);
    for (const { time } of up.events) expect(new Date(time).toISOString()).toBe(time);
  });

  it("ends with run.finished, which has the totals and every stack", () => {
    const { seq: _seq, time: _time, run: _run, type, ...report } = up.events.at(-1) ?? expect.unreachable();
    expect(type).toBe("run.finished");
    const number = expect.any(Number);
    const stack = (name: string) => ({ name, status: "succeeded", seconds: number, created: number, updated: 0, same: 0, deleted: 0 });
    expect(report).toEqual({
      status: "succeeded", wallSeconds: number, criticalPathSeconds: number, cpuSeconds: number, maxRssBytes: number,
      stacks: [stack("home"), stack("eu-west-1"), stack("us-east-2")],
    });
  });

  it("starts the regions when home is done, and at the same time", () => {
    const at = (stack: string, type: FleetEvent["type"]): number => up.events.findIndex((event) => event.type === type && "stack" in event && event.stack === stack);
    for (const region of ["eu-west-1", "us-east-2"]) expect(at(region, "resource.started")).toBeGreaterThan(at("home", "stack.finished"));
    expect(at("us-east-2", "resource.started")).toBeLessThan(at("eu-west-1", "stack.finished"));
    expect(at("eu-west-1", "resource.started")).toBeLessThan(at("us-east-2", "stack.finished"));
  });
});

it("keeps passphrase and tokens from everybody else", () => {
  for (const file of [fleet.state("passphrase"), fleet.state("local", "cloud", "daemon.json")]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe("a fleet that is up", () => {
  it("is unchanged by the same command", async () => {
    const before = (await fleet.ledger()).length;
    const { code, report } = await fleet.report("up");
    expect({ code, statuses: report.stacks.map(({ status }) => status) }).toEqual({ code: 0, statuses: ["unchanged", "unchanged", "unchanged"] });
    expect((await fleet.ledger()).slice(before).filter(({ operation }) => operation !== "read")).toEqual([]);
  });

  it("refuses to destroy home under its dependents, and says how", async () => {
    const { code, stderr } = await fleet.plain("destroy", "home");
    expect(code).toBe(2);
    expect(stderr).toContain("eu-west-1 depends on home and is still up; us-east-2 depends on home and is still up [selection-incomplete]\n  fix: select its dependents too: home+\n");
    expect(await deletions()).toEqual([]);
  });

  it("loses one region alone when that is destroyed", async () => {
    const { code, report } = await fleet.report("destroy", "eu-west-1");
    expect({ code, stacks: report.stacks.map(({ name, status }) => `${name} ${status}`) }).toEqual({ code: 0, stacks: ["eu-west-1 succeeded"] });
    expect(new Set(await deletions())).toEqual(new Set(["eu-west-1"]));
    const { live } = await fleet.verdict();
    expect([...live].sort()).toEqual([...fleet.recorded()].sort());
  });

  it("reports a stack that left the config, and removes it with destroy --removed alone", async () => {
    fleet.write("fleet.json", constellationFile({ "eu-west-1": 5 }));
    const { code, stderr } = await fleet.plain("preview");
    expect(code).toBe(0);
    expect(stderr).toContain("no longer in the config but still deployed: us-east-2; stackfleet destroy --removed removes them");
    const held = await fleet.plain("destroy", "home");
    expect(held.code).toBe(2);
    expect(held.stderr).toContain("us-east-2 refers to home and is still up, though it is no longer in the config [selection-incomplete]\n  fix: remove it first: stackfleet destroy --removed\n");
    const { report } = await fleet.report("destroy", "--removed");
    expect(report.stacks.map(({ name, status }) => `${name} ${status}`)).toEqual(["us-east-2 succeeded"]);
    expect(new Set(await deletions())).toEqual(new Set(["eu-west-1", "us-east-2"]));
  });

  it("is destroyed in reverse order; the ledger balances and no process is left", async () => {
    expect((await fleet.report("up")).code).toBe(0);
    expect(fleet.processes().length).toBeGreaterThan(1);
    const before = (await deletions()).length;
    const { code, report } = await fleet.report("destroy");
    expect({ code, status: report.status }).toEqual({ code: 0, status: "succeeded" });
    const order = (await deletions()).slice(before);
    expect(order.lastIndexOf("eu-west-1")).toBeLessThan(order.indexOf("home"));
    expect(order.indexOf("home")).toBeGreaterThan(0);
    const { live, createdTwice } = await fleet.verdict();
    expect({ live: [...live], createdTwice, recorded: [...fleet.recorded()] }).toEqual({ live: [], createdTwice: [], recorded: [] });
    expect(fleet.processes()).toEqual([expect.stringContaining("local/main.js")]); // the local cloud itself
  });
});

describe("a fleet that is gone", () => {
  it("refuses to bring up a region without its home, and says how", async () => {
    const { code, stderr } = await fleet.plain("up", "eu-west-1");
    expect(code).toBe(2);
    expect(stderr).toContain("eu-west-1 depends on home, which is neither selected nor up [selection-incomplete]\n  fix: select its dependencies too: +eu-west-1\n");
  });

  it("leaves no process when the local cloud is stopped", async () => {
    expect((await fleet.run("local", "stop")).code).toBe(0);
    expect(fleet.processes()).toEqual([]);
  });
});
