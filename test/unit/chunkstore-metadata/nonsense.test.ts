import { afterEach, describe, expect, it } from "vitest";
import { gossipMessageSchema, gossipReplySchema, MessageRefused, type GossipReply } from "../../../workloads/chunkstore/metadata";
import { fileState, record } from "./support";
import { fill, PORT, Wire, type Node } from "./wire";

let wire = new Wire();
afterEach(() => {
  wire.close();
  wire = new Wire();
});

const pair = (): [Node, Node] => [wire.add("a"), wire.add("b")];

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
  it("that answers with this node's ID is refused, and isn't taken for this node", async () => {
    const [a, b] = pair();
    wire.garble.set("b", gossipReplySchema.parse({ ...valid(b), id: "a" }));
    expect(await a.gossip.round()).toMatchObject({ failed: 1 });
    expect(a.membership.controllers().map(({ address }) => address)).toContain("b");
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
