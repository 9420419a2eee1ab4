import { afterEach, describe, expect, it, vi } from "vitest";
import type { ZodType } from "zod";
import {
  ANTI_ENTROPY_PATH, ClusterTime, createGossip, GOSSIP_PATH, gossipMessageSchema, gossipReplySchema, Membership, MessageRefused, openRecordStore,
  type Gossip, type GossipReply, type MetadataStore,
} from "../../../workloads/chunkstore/metadata";
import { deleted, fileState, record, TestClock } from "./support";

interface Logged { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }

interface Node {
  readonly id: string;
  store: MetadataStore;
  gossip: Gossip;
  readonly clock: TestClock;
  readonly time: ClusterTime;
  readonly membership: Membership;
  readonly logged: Logged[];
  readonly messages: () => string[];
}

const PORT = 8_001;

/** Controllers that reach each other at once; `cut` and `garble` by address. */
class Wire {
  readonly nodes = new Map<string, Node>();
  readonly cut = new Set<string>();
  readonly garble = new Map<string, unknown>();
  readonly requests: { readonly from: string; readonly to: string; readonly path: string; readonly bytes: number }[] = [];

  add(id: string, nodeId = id): Node {
    const clock = new TestClock();
    const time = new ClusterTime(clock);
    const logged: Logged[] = [];
    const note = (level: string) => (fields: object, message: string): void => void logged.push({ level, message, fields: { ...fields } });
    const log = { debug: note("debug"), info: note("info"), warn: note("warn") };
    const membership = new Membership({ self: { id: nodeId, role: "controller" }, clock, log });
    const transport = { post: <T>(to: { address: string }, path: string, body: unknown, schema: ZodType<T>) => this.#post(id, to.address, path, body, schema) };
    const store = openRecordStore({ database: ":memory:", nodeId, time });
    const gossip = createGossip({ store, self: { id: nodeId, port: PORT }, clock, clusterTime: time, membership, transport, log });
    const node: Node = { id, store, gossip, clock, time, membership, logged, messages: () => logged.map(({ message }) => message) };
    this.nodes.get(id)?.store.close();
    this.nodes.set(id, node);
    for (const one of this.nodes.values()) one.membership.seeds([...this.nodes.keys()].map((address) => ({ address, port: PORT })));
    return node;
  }

  async #post<T>(from: string, to: string, path: string, body: unknown, schema: ZodType<T>): Promise<T> {
    const text = JSON.stringify(body);
    this.requests.push({ from, to, path, bytes: text.length });
    await Promise.resolve();
    const node = this.nodes.get(to);
    if (node === undefined || this.cut.has(to) || this.cut.has(from)) throw new Error("connection refused");
    if (this.garble.has(to)) return schema.parse(this.garble.get(to));
    const reply = path === GOSSIP_PATH ? node.gossip.handle(JSON.parse(text), from) : node.gossip.handleAntiEntropy(JSON.parse(text), from);
    return schema.parse(JSON.parse(JSON.stringify(reply)));
  }

  sent(path: string): number {
    return this.requests.filter((one) => one.path === path).length;
  }

  close(): void {
    for (const { store } of this.nodes.values()) store.close();
  }
}

let wire = new Wire();
afterEach(() => {
  wire.close();
  wire = new Wire();
});

const pair = (): [Node, Node] => [wire.add("a"), wire.add("b")];
function fill(store: MetadataStore, count: number, prefix = "file"): void {
  store.merge(Array.from({ length: count }, (_, index) => record(`${prefix}-${index}`, { z: 1 }, 1, "z")));
}

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

describe("nonsense", () => {
  const valid = (node: Node): Record<string, unknown> => ({
    id: "x", port: 1, now: 1_000, digest: node.store.digest(), head: { epoch: "e", seq: 0 }, peers: [], have: null, part: { after: null, through: 0, records: [], more: false },
  });
  it.each<[string, (message: Record<string, unknown>) => unknown]>([
    ["null", () => null], ["text", () => "gossip"], ["an empty object", () => ({})],
    ["a node ID that would be a path", (message) => ({ ...message, id: "../x" })],
    ["a clock beyond all time", (message) => ({ ...message, now: 1e300 })],
    ["too many records", (message) => ({ ...message, part: { after: 0, through: 1, more: false, records: Array.from({ length: 501 }, (_, index) => record(`n${index}`, { x: 1 }, 1, "x")) } })],
    ["a record whose name is a path, beside good ones", (message) => ({ ...message, part: { after: 0, through: 2, more: false, records: [record("good", { x: 1 }, 1, "x"), record("../bad", { x: 1 }, 1, "x")] } })],
    ["a stamp beyond all time", (message) => ({ ...message, part: { after: 0, through: 1, more: false, records: [record("n", { x: 1 }, Number.MAX_SAFE_INTEGER, "x")] } })],
    ["peers with negative ages", (message) => ({ ...message, peers: [{ id: "p", role: "controller", address: "p", port: 1, ageMs: -1 }] })],
  ])("is refused and nothing of it is used: %s", (_, spoil) => {
    const a = wire.add("a");
    expect(() => a.gossip.handle(spoil(valid(a)), "9.9.9.9")).toThrow(MessageRefused);
    expect(() => a.gossip.handleAntiEntropy(spoil(valid(a)), "9.9.9.9")).toThrow(MessageRefused);
    expect(a.store.all()).toEqual([]);
    expect(a.membership.members()).toEqual([]);
    expect(a.time.offsetMs).toBe(0);
  });
  it("is accepted without its spoiling, so that the cases above test something", () => {
    const a = wire.add("a");
    expect(a.gossip.handle(valid(a), "9.9.9.9").id).toBe("a");
  });
  it("is told once for each peer and reason, without quoting it", () => {
    const a = wire.add("a");
    for (let count = 0; count < 5; count += 1) {
      for (const address of ["9.9.9.9", "8.8.8.8"]) expect(() => a.gossip.handle({ ...valid(a), id: "secret/../x" }, address)).toThrow(MessageRefused);
    }
    const warnings = a.logged.filter(({ level }) => level === "warn");
    expect(warnings.length).toBe(2);
    expect(JSON.stringify(warnings)).not.toContain("secret");
  });
  it("as an answer fails the round, and the next round works again", async () => {
    const [a, b] = pair();
    b.store.write("n", fileState("1"));
    wire.garble.set("b", { part: { records: "all of them" } });
    expect(await a.gossip.round()).toMatchObject({ failed: 1 });
    expect(a.store.all()).toEqual([]);
    wire.garble.clear();
    await a.gossip.round();
    expect(a.store.get("n")).toBeDefined();
  });
  it("from a controller that confirms nothing ends the exchange", async () => {
    const [a, b] = pair();
    fill(a.store, 10);
    const stubborn: GossipReply = { ...gossipReplySchema.parse({ ...valid(b), id: "b" }), digest: "0".repeat(64), have: null };
    wire.garble.set("b", stubborn);
    expect(await a.gossip.round()).toMatchObject({ failed: 1 });
    expect(wire.requests.length).toBeLessThan(10);
  });
  it("from another node with this one's ID is refused, and told", async () => {
    const a = wire.add("a");
    wire.add("b", "a");
    fill(a.store, 1);
    await a.gossip.round();
    expect(a.logged.filter(({ level }) => level === "warn").map(({ fields }) => String(fields["reason"]))).toEqual([expect.stringContaining("node's ID")]);
  });
});

describe("messages that come late or twice", () => {
  it("never make a node believe that it has what it hasn't", async () => {
    const [a, b] = pair();
    await a.gossip.round();
    a.store.write("first", fileState("1"));
    const through = a.store.head.seq;
    const head = a.store.head;
    a.store.write("second", fileState("2"));
    // A part that doesn't join on: what lies before it is missing.
    const late = gossipMessageSchema.parse({
      id: "a", port: PORT, now: a.clock.now(), digest: a.store.digest(), head: a.store.head, peers: [], have: null,
      part: { after: through, through: through + 1, records: [a.store.get("second")], more: false },
    });
    const reply = b.gossip.handle(late, "a");
    expect(reply.have?.epoch === head.epoch ? reply.have.seq : 0).toBeLessThan(through);
    expect(b.gossip.handle(late, "a").have).toEqual(reply.have);
    await a.gossip.round();
    expect(b.store.all()).toEqual(a.store.all());
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
