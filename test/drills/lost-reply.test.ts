/** A provider, or the whole local cloud, that did the work and could not say so: the next run makes nothing a second time. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DrillFleet } from "./support";

const fleet = new DrillFleet({ "eu-west-1": 5 });
beforeAll(() => fleet.start(), 60_000);
afterAll(() => fleet.remove(), 60_000);

async function expectWholeThenGone(): Promise<void> {
  expect(await fleet.operate("up", () => undefined).exit).toBe(0);
  const { live, createdTwice } = await fleet.verdict();
  expect(createdTwice).toEqual([]);
  expect([...live].sort()).toEqual([...fleet.recorded()].sort());
  expect(await fleet.operate("destroy", () => undefined).exit).toBe(0);
  expect(await fleet.verdict()).toEqual({ live: new Set(), createdTwice: [] });
}

describe("a reply that is lost after the work was done", () => {
  it.each([
    ["aws:ec2/vpc:Vpc", "found by its tag"],
    ["aws:iam/role:Role", "found by its name"],
    ["aws:iam/rolePolicy:RolePolicy", "looked up inside its role"],
    ["aws:ec2/routeTableAssociation:RouteTableAssociation", "looked up in its route table"],
    ["aws:lambda/function:Function", "with an archive among its inputs"],
    ["aws:ecs/service:Service", "whose tasks start meanwhile"],
  ])("leaves no second %s behind (%s)", async (type) => {
    await fleet.run("local", "fault", "add", "--type", type, "--kind", "drop-reply");
    expect(await fleet.operate("up", () => undefined).exit).toBe(1);
    await expectWholeThenGone();
  }, 120_000);

  it("is settled by a destroy too", async () => {
    await fleet.run("local", "fault", "add", "--type", "aws:ec2/subnet:Subnet", "--kind", "drop-reply");
    expect(await fleet.operate("up", () => undefined).exit).toBe(1);
    expect(await fleet.operate("destroy", () => undefined).exit).toBe(0);
    expect(await fleet.verdict()).toEqual({ live: new Set(), createdTwice: [] });
  }, 120_000);
});

describe("a local cloud that is killed in the middle of a run", () => {
  it("loses nothing: the run fails, the next one goes on", async () => {
    let killed = false;
    const daemon = (): number => (JSON.parse(readFileSync(path.join(fleet.root, ".stackfleet", "local", "cloud", "daemon.json"), "utf8")) as { pid: number }).pid;
    const run = fleet.operate("up", (event) => {
      if (killed || event.type !== "resource.started" || !event.resourceType.startsWith("aws:ecs/service:")) return;
      killed = true;
      process.kill(daemon(), "SIGKILL");
    });
    expect(await run.exit).toBe(1);
    await expectWholeThenGone();
  }, 120_000);
});
