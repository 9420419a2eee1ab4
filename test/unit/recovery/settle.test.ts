import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile, pendingOf, readCheckpoint, resourcesOf } from "../../../automation/backend/checkpoint";
import type { EngineEventBody } from "../../../automation/engine/port";
import { CantTell, type Found, type Lookup, type Sought } from "../../../automation/recovery/lookup";
import { settlePending, type SettleOptions } from "../../../automation/recovery/settle";

const STACK_URN = "urn:pulumi:home::p::pulumi:pulumi:Stack::p-home";
const PROVIDER_URN = "urn:pulumi:home::p::pulumi:providers:aws::default";
const VPC_URN = "urn:pulumi:home::p::aws:ec2/vpc:Vpc::main";

let dir: string;
beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), "settle-")); });
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function writeState(pending: readonly object[], resources: readonly object[] = []): void {
  const file = checkpointFile(dir, "p", "home");
  mkdirSync(path.dirname(file), { recursive: true });
  const base = [
    { urn: STACK_URN, type: "pulumi:pulumi:Stack" },
    { urn: PROVIDER_URN, type: "pulumi:providers:aws", custom: true, id: "prov-1", inputs: { region: "eu-west-1" } },
  ];
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { stack: "organization/p/home", latest: { manifest: { time: "now" }, resources: [...base, ...resources], pending_operations: pending } } }));
}

const vpc = { urn: VPC_URN, type: "aws:ec2/vpc:Vpc", custom: true, inputs: { cidrBlock: "10.0.0.0/16" }, parent: STACK_URN, provider: `${PROVIDER_URN}::prov-1` };

function lookupOf(answers: readonly (readonly Found[])[]): Lookup & { asked: Sought[] } {
  const asked: Sought[] = [];
  return {
    asked,
    handles: (sought) => sought.type.startsWith("aws:"),
    find: (sought) => { asked.push(sought); return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1] ?? []); },
    settled: () => Promise.resolve(),
  };
}

/** A clock on which waiting costs nothing but simulated time. */
function fakeClock(): { now(): number; wait(ms: number): Promise<void> } {
  let time = 0;
  return { now: () => time, wait: (ms) => { time += ms; return Promise.resolve(); } };
}

function options(lookup: Lookup, extra: Partial<SettleOptions> = {}): SettleOptions & { events: EngineEventBody[]; refreshed: string[] } {
  const events: EngineEventBody[] = [];
  const refreshed: string[] = [];
  return {
    stateDir: dir, project: "p", stack: "home", region: undefined, lookup: () => Promise.resolve(lookup), windowMs: 10_000,
    emit: (event) => events.push(event), finishDeletes: () => Promise.resolve(), refresh: (urns) => { refreshed.push(...urns); return Promise.resolve(); }, clock: fakeClock(), events, refreshed, ...extra,
  };
}

const state = (): ReturnType<typeof readCheckpoint> => readCheckpoint(dir, "p", "home");

describe("settling what an interrupted update left pending", () => {
  it("does nothing, and asks nobody, when nothing is pending", async () => {
    writeState([]);
    const lookup = lookupOf([[]]);
    expect(await settlePending(options(lookup))).toBe(false);
    expect(lookup.asked).toEqual([]);
  });

  it("adopts a create that left a resource behind, with its ID, and has it read", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const lookup = lookupOf([[{ id: "vpc-1", arn: "arn:aws:ec2:eu-west-1:1:vpc/vpc-1" }]]);
    const given = options(lookup);
    await settlePending(given);
    expect(lookup.asked[0]).toMatchObject({ type: "aws:ec2/vpc:Vpc", region: "eu-west-1", urn: VPC_URN });
    expect(pendingOf(state())).toEqual([]);
    expect(resourcesOf(state()).at(-1)).toMatchObject({ urn: VPC_URN, id: "vpc-1", inputs: { cidrBlock: "10.0.0.0/16" }, outputs: { arn: "arn:aws:ec2:eu-west-1:1:vpc/vpc-1" } });
    expect(given.refreshed).toEqual([VPC_URN]);
    expect(given.events).toMatchObject([{ type: "stack.recovered", action: "adopted", id: "vpc-1" }]);
  });

  it("keeps asking until the resource shows up", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const lookup = lookupOf([[], [], [{ id: "vpc-1" }]]);
    await settlePending(options(lookup));
    expect(lookup.asked).toHaveLength(3);
    expect(resourcesOf(state()).at(-1)?.id).toBe("vpc-1");
  });

  it("drops a create that is still absent when the window is over, and asks no longer than that", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const lookup = lookupOf([[]]);
    const given = options(lookup);
    await settlePending(given);
    expect(given.clock?.now()).toBe(10_000);
    expect(pendingOf(state())).toEqual([]);
    expect(resourcesOf(state()).some(({ urn }) => urn === VPC_URN)).toBe(false);
    expect(given.refreshed).toEqual([]);
    expect(given.events).toMatchObject([{ action: "absent", urn: VPC_URN }]);
  });

  it("drops a component at once: there is nothing of it outside the state", async () => {
    writeState([{ type: "creating", resource: { urn: "urn:pulumi:home::p::my:index:Thing::a", type: "my:index:Thing", custom: false, inputs: {}, parent: STACK_URN } }]);
    const lookup = lookupOf([[]]);
    const given = options(lookup);
    expect(await settlePending(given)).toBe(true);
    expect([lookup.asked, pendingOf(state()), given.clock?.now()]).toEqual([[], [], 0]);
    expect(given.events).toMatchObject([{ action: "absent" }]);
  });

  it("does not take the old side of a replacement for the new one", async () => {
    writeState([{ type: "creating", resource: vpc }], [{ ...vpc, id: "vpc-old", outputs: { arn: "arn:old" } }]);
    const lookup = lookupOf([[{ id: "vpc-old", arn: "arn:old" }]]);
    await settlePending(options(lookup));
    expect(resourcesOf(state()).filter(({ urn }) => urn === VPC_URN).map(({ id }) => id)).toEqual(["vpc-old"]);
  });

  it("tells the revisions of a task definition apart, whose ID is the same", async () => {
    const revision = (n: number): string => `arn:aws:ecs:eu-west-1:1:task-definition/f:${n}`;
    writeState([{ type: "creating", resource: vpc }], [{ ...vpc, id: "f", outputs: { arn: revision(1) } }]);
    await settlePending(options(lookupOf([[{ id: "f", arn: revision(1) }, { id: "f", arn: revision(2) }]])));
    expect(resourcesOf(state()).filter(({ urn }) => urn === VPC_URN).map(({ outputs }) => outputs?.["arn"])).toEqual([revision(2), revision(1)]);
  });

  it("marks the old side of a replacement for deletion when the new side is adopted", async () => {
    writeState([{ type: "creating", resource: vpc }], [{ ...vpc, id: "vpc-old", outputs: { arn: "arn:old" } }]);
    await settlePending(options(lookupOf([[{ id: "vpc-old", arn: "arn:old" }, { id: "vpc-new", arn: "arn:new" }]])));
    const sides = resourcesOf(state()).filter(({ urn }) => urn === VPC_URN);
    expect(sides.map(({ id, delete: gone }) => [id, gone ?? false])).toEqual([["vpc-new", false], ["vpc-old", true]]);
  });

  it("refuses to guess between two resources, and changes nothing", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const given = options(lookupOf([[{ id: "vpc-1" }, { id: "vpc-2" }]]));
    await expect(settlePending(given)).rejects.toMatchObject({ code: "pending-unsettled", message: expect.stringContaining("vpc-1, vpc-2") as unknown });
    expect(pendingOf(state())).toHaveLength(1);
  });

  it("refuses a type that nobody can look up", async () => {
    writeState([{ type: "creating", resource: { ...vpc, type: "random:index/x:X" } }]);
    await expect(settlePending(options(lookupOf([[]])))).rejects.toMatchObject({ code: "pending-unsettled" });
  });

  it("drops interrupted updates and deletes without asking: they are repeated", async () => {
    writeState([{ type: "updating", resource: { ...vpc, id: "vpc-1" } }, { type: "deleting", resource: { ...vpc, id: "vpc-1" } }], [{ ...vpc, id: "vpc-1" }]);
    const lookup = lookupOf([[]]);
    await settlePending(options(lookup));
    expect(lookup.asked).toEqual([]);
    expect(pendingOf(state())).toEqual([]);
    expect(resourcesOf(state()).filter(({ urn }) => urn === VPC_URN)).toHaveLength(1);
  });

  it("reads again what was adopted by a run that died before it could read", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const lookup = lookupOf([[{ id: "vpc-1" }]]);
    await expect(settlePending(options(lookup, { refresh: () => Promise.reject(new Error("killed")) }))).rejects.toThrow("killed");
    const second = options(lookup);
    expect(await settlePending(second)).toBe(true);
    expect(second.refreshed).toEqual([VPC_URN]);
    expect(await settlePending(options(lookup))).toBe(false);
    expect(resourcesOf(state()).filter(({ urn }) => urn === VPC_URN)).toHaveLength(1);
  });

  it("waits for all that is absent at once, no longer than for one", async () => {
    writeState(["a", "b", "c"].map((name) => ({ type: "creating", resource: { ...vpc, urn: `${VPC_URN}-${name}` } })));
    // Each look-up sees its own time: one after the other would need three windows of this clock.
    let time = 0;
    const waiting: { at: number; go: () => void }[] = [];
    const clock = { now: () => time, wait: (ms: number) => new Promise<void>((resolve) => { waiting.push({ at: time + ms, go: resolve }); }) };
    const settling = settlePending(options(lookupOf([[]]), { clock }));
    let done = false;
    void settling.then(() => { done = true; });
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = waiting.sort((a, b) => a.at - b.at).shift();
      if (next) { time = next.at; next.go(); }
    }
    expect(time).toBe(10_000);
  });

  it("asks the region of the provider that made it, while that is being replaced by one of another region", async () => {
    const provider = (id: string, region: string, extra: object): object => ({ urn: `${PROVIDER_URN}-far`, type: "pulumi:providers:aws", custom: true, id, inputs: { region }, ...extra });
    writeState([{ type: "creating", resource: { ...vpc, provider: `${PROVIDER_URN}-far::old` } }], [provider("new", "us-west-2", {}), provider("old", "ca-central-1", { delete: true })]);
    const lookup = lookupOf([[{ id: "vpc-1" }]]);
    await settlePending(options(lookup));
    expect(lookup.asked[0]?.region).toBe("ca-central-1");
  });

  it("asks the region that the resource itself names", async () => {
    writeState([{ type: "creating", resource: { ...vpc, inputs: { ...vpc.inputs, region: "sa-east-1" } } }]);
    const lookup = lookupOf([[{ id: "vpc-1" }]]);
    await settlePending(options(lookup));
    expect(lookup.asked[0]?.region).toBe("sa-east-1");
  });

  it("takes what was made again under the name of what was deleted for the new one", async () => {
    writeState([{ type: "creating", resource: vpc }], [{ ...vpc, id: "fixed-name", pendingReplacement: true }]);
    await settlePending(options(lookupOf([[{ id: "fixed-name" }]])));
    const sides = resourcesOf(state()).filter(({ urn }) => urn === VPC_URN);
    expect(sides).toMatchObject([{ id: "fixed-name" }]);
    expect(sides[0]).not.toHaveProperty("delete");
  });

  it("doesn't wait until what is to be destroyed can be used", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const lookup = { ...lookupOf([[{ id: "vpc-1" }]]), settled: () => Promise.reject(new Error("never ready")) };
    await settlePending(options(lookup, { finishDeletes: undefined }));
    expect(resourcesOf(state()).at(-1)?.id).toBe("vpc-1");
  });

  it("names the create that a look-up can't decide on, or can't ask about", async () => {
    writeState([{ type: "creating", resource: vpc }]);
    const failing = (error: Error): Lookup => ({ ...lookupOf([]), find: () => Promise.reject(error) });
    await expect(settlePending(options(failing(new CantTell("its name is a secret"))))).rejects.toMatchObject({ code: "pending-unsettled", message: expect.stringContaining(`${VPC_URN} can't be settled: its name is a secret`) as unknown });
    await expect(settlePending(options(failing(new Error("access denied"))))).rejects.toMatchObject({ code: "recovery-failed", message: expect.stringContaining("Error: access denied") as unknown });
    expect(pendingOf(state())).toHaveLength(1);
  });
});

it("keeps a compressed checkpoint compressed, and none beside it", async () => {
  writeState([{ type: "creating", resource: vpc }]);
  const file = checkpointFile(dir, "p", "home");
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
  rmSync(file);
  await settlePending(options(lookupOf([[{ id: "vpc-1" }]])));
  expect(existsSync(file)).toBe(false);
  expect(resourcesOf(state()).at(-1)?.id).toBe("vpc-1");
});

describe("settling an interrupted deletion", () => {
  const deleting = { type: "deleting", resource: { ...vpc, id: "vpc-1" } };

  it("finishes it before the next up, which would count on the resource", async () => {
    writeState([deleting], [{ ...vpc, id: "vpc-1" }]);
    const finished: string[][] = [];
    await settlePending(options(lookupOf([[]]), { finishDeletes: (urns) => { finished.push([...urns]); return Promise.resolve(); } }));
    expect(finished).toEqual([[VPC_URN]]);
    expect(await settlePending(options(lookupOf([[]])))).toBe(false);
  });

  it("finishes it in the next run when this one is killed, and when a destroy in between is", async () => {
    writeState([deleting], [{ ...vpc, id: "vpc-1" }]);
    await expect(settlePending(options(lookupOf([[]]), { finishDeletes: () => Promise.reject(new Error("killed")) }))).rejects.toThrow("killed");
    await settlePending(options(lookupOf([[]]), { finishDeletes: undefined }));
    const finished: string[][] = [];
    await settlePending(options(lookupOf([[]]), { finishDeletes: (urns) => { finished.push([...urns]); return Promise.resolve(); } }));
    expect(finished).toEqual([[VPC_URN]]);
  });

  it.each([
    ["is marked for deletion", { delete: true }, []],
    ["is needed by others, so that it was deleted to be replaced", {}, [{ urn: `${VPC_URN}-user`, type: "aws:ec2/subnet:Subnet", custom: true, id: "s", dependencies: [VPC_URN] }]],
  ])("leaves it to the next update when the resource %s", async (_why, extra, others) => {
    writeState([deleting], [{ ...vpc, id: "vpc-1", ...extra }, ...others]);
    await settlePending(options(lookupOf([[]]), { finishDeletes: () => Promise.reject(new Error("not asked")) }));
    expect(pendingOf(state())).toEqual([]);
  });
});
