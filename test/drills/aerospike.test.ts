/**
 * The set-up of a cluster with its clients and their peering, killed at every boundary of its phases: the next run finishes it, with one
 * cluster and one peering, and a destroy leaves nothing behind.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetEvent } from "../../automation/events";
import { balance } from "../../local/balance";
import { TestFleet } from "../support/fleet";
import { killTree } from "./support";

const CONFIG = `import { defineFleet } from "stackfleet";
export default defineFleet({ stacks: { aerospike: { program: "aerospike", region: "us-east-1" } } });
`;

/** A place in the stream of events, by the resource that it is about. */
interface Boundary { readonly name: string; readonly type: FleetEvent["type"]; readonly resource: string }
const BOUNDARIES: readonly Boundary[] = [
  { name: "the cluster is requested", type: "resource.started", resource: "database-cluster" },
  { name: "the cluster is registered", type: "resource.finished", resource: "database-cluster" },
  { name: "the cluster is provisioned", type: "resource.progress", resource: "database-cluster-ready" },
  { name: "the cluster is active", type: "resource.finished", resource: "database-cluster-ready" },
  { name: "the clients start", type: "resource.started", resource: "database-client-1" },
  { name: "the clients run", type: "resource.finished", resource: "database-client-1" },
  { name: "the clients' tools are ready", type: "resource.finished", resource: "database-client-tools" },
  { name: "the peering is requested", type: "resource.started", resource: "database-peering" },
  { name: "the peering waits for acceptance", type: "resource.finished", resource: "database-peering" },
  { name: "the peering is accepted", type: "resource.finished", resource: "database-peering-accepter" },
  { name: "the peering is configured", type: "resource.started", resource: "database-peering-ready" },
  { name: "the peering is routed", type: "resource.finished", resource: "database-peering-route" },
  { name: "the zone is being associated", type: "resource.started", resource: "database-peering-zone" },
];

const fleet = new TestFleet({ files: { "fleet.config.ts": CONFIG }, timeScale: 600 });
beforeAll(() => fleet.start(), 60_000);
afterAll(() => fleet.remove(), 60_000);

const isAt = (event: FleetEvent, { type, resource }: Boundary): boolean => event.type === type && "urn" in event && event.urn?.split("::").at(-1) === resource;

/** What the ledger says lives, by type, and what was made twice. */
async function lives(): Promise<{ readonly count: (type: string) => number; readonly createdTwice: readonly string[]; readonly left: readonly string[] }> {
  const { createdTwice, leftBehind } = balance(await fleet.ledger());
  return { count: (type) => leftBehind.filter((one) => one.type === type).length, createdTwice: createdTwice.map(({ urn }) => urn), left: leftBehind.map(({ type, id }) => `${type} ${id}`) };
}

/** The last run's failures, in words. */
async function up(): Promise<unknown> {
  const errors: unknown[] = [];
  const code = await fleet.operate("up", (event) => { if (event.type === "run.finished") errors.push(...event.stacks.flatMap(({ error }) => error ?? [])); }).exit;
  return { code, errors };
}

async function expectOne(): Promise<void> {
  const { count, createdTwice } = await lives();
  expect({ clusters: count("aerospikecloud:api:Cluster"), peerings: count("aerospikecloud:api:VpcPeering"), instances: count("aws:ec2/instance:Instance"), createdTwice })
    .toEqual({ clusters: 1, peerings: 1, instances: 1, createdTwice: [] });
}

async function expectGone(): Promise<void> {
  expect(await fleet.operate("destroy", () => undefined).exit).toBe(0);
  const { left, createdTwice } = await lives();
  expect({ left, createdTwice }).toEqual({ left: [], createdTwice: [] });
}

describe("a set-up that is killed with all its processes", () => {
  it.each(BOUNDARIES)("when $name is finished by the next run", async (boundary) => {
    let reached = false;
    await fleet.operate("up", (event, { pid }) => {
      if (reached || pid === undefined || !isAt(event, boundary)) return;
      reached = true;
      killTree(pid);
    }).exit;
    expect(reached).toBe(true);
    expect(await up()).toEqual({ code: 0, errors: [] });
    await expectOne();
    await expectGone();
  }, 120_000);
});

/** One wait of each kind; where a run is killed, it needs no interrupt as well. */
const WAITS: ReadonlySet<string> = new Set(["the cluster is provisioned", "the cluster is active", "the peering waits for acceptance", "the peering is accepted"]);

describe("a set-up that is interrupted", () => {
  it.each(BOUNDARIES.filter(({ name }) => WAITS.has(name)))("by one signal when $name goes on from there", async (boundary) => {
    let sent = false;
    const exit = await fleet.operate("up", (event, child) => { if (!sent && isAt(event, boundary)) sent = child.kill("SIGINT"); }).exit;
    expect(exit).toBe(130);
    expect(await up()).toEqual({ code: 0, errors: [] });
    await expectOne();
    await expectGone();
  }, 120_000);
});

describe("a destroy that is interrupted", () => {
  const atScale = async (scale: string): Promise<void> => {
    for (const words of [["stop"], ["start", "--time-scale", scale]]) expect((await fleet.run("local", ...words)).code).toBe(0);
  };

  it("while the cluster goes is finished by an up, which makes another one", async () => {
    expect(await up()).toEqual({ code: 0, errors: [] });
    await atScale("60"); // some seconds for the cluster to go
    let sent = false;
    const exit = await fleet.operate("destroy", (event, child) => { if (!sent && event.type === "resource.progress" && event.phase === "decommissioning") sent = child.kill("SIGINT"); }).exit;
    expect({ sent, exit }).toEqual({ sent: true, exit: 130 });
    await atScale("600");
    expect(await up()).toEqual({ code: 0, errors: [] });
    await expectOne();
    await expectGone();
  }, 120_000);
});

describe("what the service does wrong", () => {
  const fault = async (type: string, kind: string, nth = 1): Promise<void> => {
    expect((await fleet.run("local", "fault", "add", "--type", type, "--kind", kind, "--nth", String(nth))).code).toBe(0);
  };

  it.each([["aerospikecloud:api:Cluster", "drop-reply"], ["aerospikecloud:api:VpcPeering", "drop-reply"], ["aerospikecloud:api:Cluster", "throttle"], ["aerospikecloud:api:Cluster", "fail"], ["aerospikecloud:api:Request", "throttle"]])(
    "%s: %s is overcome within one run, and nothing is made twice", async (type, kind) => {
      await fault(type, kind);
      expect(await up()).toEqual({ code: 0, errors: [] });
      await expectOne();
      await expectGone();
    }, 120_000);

  it("a peering that is rejected fails the run with the reason, and the next run asks again", async () => {
    await fault("aerospikecloud:api:VpcPeering", "rejected");
    const failed = await fleet.plain("up");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("the owner of the VPC rejected the request");
    expect(await up()).toEqual({ code: 0, errors: [] });
    await expectGone();
  }, 120_000);

  it("a cluster that needs action fails the run and keeps its place; its clients are there", async () => {
    await fault("aerospikecloud:api:Cluster", "action-required");
    const failed = await fleet.plain("up");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("is action-required; expected active; the service waits for you");
    const { count } = await lives();
    expect([count("aerospikecloud:api:Cluster"), count("aws:ec2/instance:Instance")]).toEqual([1, 1]);
    await expectGone();
  }, 120_000);

  it("a client that can't start leaves the cluster alone, and only the client is tried again", async () => {
    await fault("aws:ec2/instance:Instance", "fail");
    expect((await fleet.plain("up")).code).toBe(1);
    const before = (await fleet.ledger()).filter(({ type, operation }) => type === "aerospikecloud:api:Cluster" && operation === "create").length;
    expect(await up()).toEqual({ code: 0, errors: [] });
    const after = (await fleet.ledger()).filter(({ type, operation }) => type === "aerospikecloud:api:Cluster" && operation === "create").length;
    expect(after).toBe(before);
    await expectOne();
    await expectGone();
  }, 120_000);
});
