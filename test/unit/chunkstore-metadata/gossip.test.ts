import { afterEach, describe, expect, it, vi } from "vitest";
import type { ZodType } from "zod";
import { ANTI_ENTROPY_PATH, createGossip } from "../../../workloads/chunkstore/metadata";
import { deleted, fileState } from "./support";
import { fill, PORT, Wire, type Node } from "./wire";

let wire = new Wire();
afterEach(() => {
  wire.close();
  wire = new Wire();
});

const pair = (): [Node, Node] => [wire.add("a"), wire.add("b")];

describe("a round", () => {
  it("takes what is new both ways, once, and tells what was sent", async () => {
    const [a, b] = pair();
    a.store.write("from-a", fileState("1"));
    a.store.write("also-from-a", fileState("2"));
    b.store.write("from-b", fileState("3"));
    expect(await a.gossip.round()).toMatchObject({ failed: 0, sent: 2, received: 1 });
    expect(b.store.all()).toEqual(a.store.all());
    expect(a.messages()).toContain("sent 2 updates");
    expect(await a.gossip.round()).toMatchObject({ sent: 0, received: 0 });
    expect(await b.gossip.round()).toMatchObject({ sent: 0, received: 0 });
  });
  it("finds the others by the addresses of DNS, and itself among them", async () => {
    const [a, b] = pair();
    await a.gossip.round();
    expect(a.membership.members().map(({ id }) => id)).toEqual(["b"]);
    expect(b.membership.members().map(({ id, address, port }) => ({ id, address, port }))).toEqual([{ id: "a", address: "a", port: PORT }]);
    expect(a.messages()).toContain("discovered 1 peer");
    wire.requests.length = 0;
    await a.gossip.round();
    expect(wire.requests.map(({ to }) => to)).toEqual(["b"]);
  });
  it("hands on who is known", async () => {
    const [a, b, c] = [wire.add("a"), wire.add("b"), wire.add("c")];
    for (const one of [a, b, c]) one.membership.seeds([]);
    a.membership.seeds([{ address: "b", port: PORT }]);
    b.membership.heard({ id: "c", role: "controller", address: "c", port: PORT });
    b.membership.heard({ id: "s1", role: "chunkserver", address: "s1", port: 50_051 });
    await a.gossip.round();
    expect(a.membership.members().map(({ id }) => id)).toEqual(["b", "c", "s1"]);
  });
  it("costs one small message when two restarted controllers hold the same", async () => {
    const [a, b] = pair();
    fill(a.store, 1_500);
    b.store.merge(a.store.all());
    await a.gossip.round();
    await b.gossip.round();
    expect(wire.requests.filter(({ from, to }) => from !== to).length).toBe(2);
    expect(Math.max(...wire.requests.map(({ bytes }) => bytes))).toBeLessThan(2_000);
    a.store.write("a", fileState("1"));
    b.store.write("b", fileState("2"));
    expect(await a.gossip.round()).toMatchObject({ sent: 1, received: 1 });
  });
  it("brings a new controller up to date with thousands of records, page after page", async () => {
    const [a, b] = pair();
    fill(a.store, 2_600);
    await b.gossip.round();
    expect(b.store.digest()).toBe(a.store.digest());
    expect(await a.gossip.round()).toMatchObject({ sent: 0, received: 0 });
  });
  it("gives everything again to a peer that comes back with nothing", async () => {
    const [a] = pair();
    fill(a.store, 20);
    await a.gossip.round();
    const again = wire.add("b");
    await a.gossip.round();
    expect(again.store.digest()).toBe(a.store.digest());
    const other = wire.add("b", "b-with-another-id");
    await a.gossip.round();
    expect(other.store.digest()).toBe(a.store.digest());
    expect(a.membership.members().map(({ id }) => id)).toEqual(["b-with-another-id"]);
  });
  it("gives a controller back what it wrote itself before it lost its volume, though its own writes are never sent to it", async () => {
    const [a, b] = pair();
    a.store.write("n", fileState("1"));
    let asked = 0;
    // So that b isn't told at the end that both hold the same.
    wire.onRequest = ({ to }) => {
      if (to === "b" && (asked += 1) === 2) b.store.write("meanwhile", fileState("2"));
    };
    await a.gossip.round();
    expect(a.store.all()).toEqual(b.store.all());
    const again = wire.add("a");
    await b.gossip.round();
    expect(again.store.all()).toEqual(b.store.all());
  });
  it("sends only what differs after a long separation", async () => {
    const [a, b] = pair();
    fill(a.store, 1_500);
    b.store.merge(a.store.all());
    a.store.write("only-a", fileState("1"));
    b.store.write("only-b", fileState("2"));
    b.store.write("file-7", deleted);
    const report = await a.gossip.round();
    expect(b.store.all()).toEqual(a.store.all());
    // Beside the first page, which is sent before it is known how little differs.
    expect(report.sent + report.received).toBeLessThan(510);
    wire.requests.length = 0;
    expect(await a.gossip.round()).toMatchObject({ sent: 0, received: 0 });
    expect(wire.sent(ANTI_ENTROPY_PATH)).toBe(0);
  });
  it("claims nothing of a controller that loses its volume while the two are being compared", async () => {
    const [a, b] = pair();
    fill(a.store, 1_500);
    b.store.merge(a.store.all());
    b.store.write("only-b", fileState("1"));
    let asked = 0;
    wire.onRequest = ({ to, path }) => {
      if (to === "b" && path === ANTI_ENTROPY_PATH && (asked += 1) === 2) wire.add("b");
    };
    await a.gossip.round();
    await a.gossip.round();
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(wire.nodes.get("b")?.store.digest()).toBe(a.store.digest());
    expect(a.store.counts.files).toBeGreaterThanOrEqual(1_500);
  });
  it("comes to its end when the last changes were deleted names that are forgotten", async () => {
    const [a, b] = pair();
    a.store.write("kept", fileState("1"));
    a.store.write("n", deleted);
    for (const { clock } of [a, b]) clock.elapsed += 8 * 24 * 3_600_000;
    expect(a.store.prune()).toBe(1);
    b.store.write("m", fileState("2"));
    expect(await a.gossip.round()).toMatchObject({ failed: 0 });
    expect(b.store.digest()).toBe(a.store.digest());
  });
  it("tells of each conflict once on each node", async () => {
    const [a, b] = pair();
    a.store.write("n", fileState("1"));
    b.clock.elapsed += 5;
    b.store.write("n", fileState("2"));
    for (let round = 0; round < 3; round += 1) await Promise.all([a.gossip.round(), b.gossip.round()]);
    for (const { logged } of [a, b]) expect(logged.filter(({ message }) => message === "resolved conflict").map(({ fields }) => fields["name"])).toEqual(["n"]);
    expect(a.store.get("n")?.stamp.node).toBe("b");
  });
  it("reports a controller that can't be reached once, and when it is back", async () => {
    const [a] = pair();
    await a.gossip.round();
    wire.cut.add("b");
    expect(await a.gossip.round()).toMatchObject({ failed: 1 });
    await a.gossip.round();
    wire.cut.clear();
    await a.gossip.round();
    expect(a.logged.filter(({ level }) => level === "warn").length).toBe(1);
    expect(a.messages()).toContain("exchanging metadata with the controller again");
  });
  it("of many controllers reaches some, and at least those that lack what was written here", async () => {
    const a = wire.add("a");
    const others = Array.from({ length: 12 }, (_, index) => wire.add(`n${index}`));
    for (let round = 0; round < 30; round += 1) await a.gossip.round();
    wire.requests.length = 0;
    await a.gossip.round();
    expect(wire.requests.length).toBeLessThanOrEqual(3);
    a.store.write("n", fileState("1"));
    await a.gossip.round();
    for (const { store } of others) expect(store.get("n")).toBeDefined();
  });
  it("learns cluster time from the others", async () => {
    const [a] = pair();
    wire.add("c");
    a.clock.skew += 3_600_000;
    await a.gossip.round();
    expect(a.time.offsetMs).toBe(3_600_000);
  });
});

describe("a push", () => {
  it("takes a write to every living controller at once", async () => {
    const [a, b] = pair();
    const c = wire.add("c");
    await a.gossip.round();
    wire.requests.length = 0;
    a.store.write("n", fileState("1"));
    await a.gossip.push();
    expect([b, c].map(({ store }) => store.get("n")?.stamp.node)).toEqual(["a", "a"]);
    expect(wire.requests.length).toBe(2);
  });
  it("serves the writes that come while one is under way together", async () => {
    const [a, b] = pair();
    await a.gossip.round();
    wire.requests.length = 0;
    const pushes = Array.from({ length: 50 }, (_, index) => {
      a.store.write(`n${index}`, fileState(String(index)));
      return a.gossip.push();
    });
    await Promise.all(pushes);
    expect(b.store.digest()).toBe(a.store.digest());
    expect(wire.requests.length).toBeLessThanOrEqual(3);
  });
});

describe("anti-entropy", () => {
  it("does nothing but compare when all is the same", async () => {
    const [a, b] = pair();
    fill(a.store, 50);
    b.store.merge(a.store.all());
    expect(await a.gossip.antiEntropyRound()).toMatchObject({ failed: 0, differed: 0, sent: 0, received: 0 });
  });
  it("finds what differs among thousands of records, in both directions, also versions of one name", async () => {
    const [a, b] = pair();
    fill(a.store, 5_000);
    b.store.merge(a.store.all());
    fill(a.store, 700, "only-a");
    fill(b.store, 1_300, "only-b");
    a.store.write("file-3", fileState("x"));
    b.store.write("file-3", deleted);
    expect(await a.gossip.antiEntropyRound()).toMatchObject({ failed: 0, differed: 1 });
    expect(b.store.digest()).toBe(a.store.digest());
    expect(a.store.counts.files + a.store.counts.deletedNames).toBe(7_000);
  });
  it("fills an empty store, and a full one is emptied into one", async () => {
    const [a, b] = pair();
    fill(a.store, 3_000);
    await b.gossip.antiEntropyRound();
    expect(b.store.digest()).toBe(a.store.digest());
    const c = wire.add("c");
    await a.gossip.antiEntropyRound();
    expect(c.store.digest()).toBe(a.store.digest());
  });
  it("forgets deleted names whose time has come, and they stay away", async () => {
    const [a, b] = pair();
    a.store.write("n", deleted);
    await a.gossip.round();
    for (const { clock } of [a, b]) clock.elapsed += 8 * 24 * 3_600_000;
    await a.gossip.antiEntropyRound();
    await b.gossip.antiEntropyRound();
    await a.gossip.round();
    expect([a.store.counts.deletedNames, b.store.counts.deletedNames]).toEqual([0, 0]);
  });
});

it("counts what happens", async () => {
  const sent = vi.fn();
  const received = vi.fn();
  const conflict = vi.fn();
  const a = wire.add("a");
  const b = wire.add("b");
  const transport = { post: async <T>(_: unknown, __: string, body: unknown, schema: ZodType<T>): Promise<T> => schema.parse(JSON.parse(JSON.stringify(b.gossip.handle(body, "a")))) };
  const gossip = createGossip({ store: a.store, self: { id: "a", port: PORT }, clock: a.clock, clusterTime: a.time, membership: a.membership, transport,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined }, metrics: { sent, received, conflict } });
  a.membership.seeds([{ address: "b", port: PORT }]);
  a.store.write("n", fileState("1"));
  b.store.write("n", fileState("2"));
  await gossip.round();
  expect(sent).toHaveBeenCalledWith(1);
  expect(received).toHaveBeenCalledWith(1);
  expect(conflict).toHaveBeenCalledWith("n");
});
