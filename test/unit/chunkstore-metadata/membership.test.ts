import { beforeEach, describe, expect, it, vi } from "vitest";
import { Membership, type MetadataLog } from "../../../workloads/chunkstore/metadata";
import { MAX_PEERS } from "../../../workloads/chunkstore/metadata/messages";
import { TestClock } from "./support";

let clock = new TestClock();
let info = vi.fn<MetadataLog["info"]>();
let members = new Membership({ self: { id: "self", role: "controller" }, clock });

beforeEach(() => {
  clock = new TestClock();
  info = vi.fn();
  const log: MetadataLog = { debug: () => undefined, warn: () => undefined, info: (fields, message) => info(fields, message) };
  members = new Membership({ self: { id: "self", role: "controller" }, clock, timeoutMs: 6_000, forgetMs: 60_000, log });
});

const node = (id: string, address: string, role: "controller" | "chunkserver" = "controller") => ({ id, role, address, port: 8_001 });
const known = (): string[] => members.members().map(({ id, address, alive }) => `${id}@${address}${alive ? "" : " dead"}`);

describe("membership", () => {
  it("counts peers that it discovers, once each", () => {
    members.heard(node("a", "10.0.0.1"));
    members.heard(node("a", "10.0.0.1"));
    members.heard(node("s", "10.0.0.9", "chunkserver"));
    expect(info.mock.calls.map(([, message]) => message)).toEqual(["discovered 1 peer", "discovered 2 peers"]);
    expect(members.members("controller").map(({ id }) => id)).toEqual(["a"]);
  });
  it("takes a silent node for failed after the time-out, alive again when it speaks, and forgets it in the end", () => {
    members.heard(node("a", "10.0.0.1"));
    clock.elapsed += 6_000;
    expect(known()).toEqual(["a@10.0.0.1"]);
    clock.elapsed += 1;
    expect(known()).toEqual(["a@10.0.0.1 dead"]);
    members.heard(node("a", "10.0.0.1"));
    expect(known()).toEqual(["a@10.0.0.1"]);
    clock.elapsed += 60_001;
    expect(known()).toEqual([]);
  });
  it("is not moved by any step of the machine's clock", () => {
    members.heard(node("a", "10.0.0.1"));
    clock.skew += 3_600_000;
    expect(known()).toEqual(["a@10.0.0.1"]);
  });
  it("learns of others by their ages, and an old story doesn't make a node younger", () => {
    members.learn([{ ...node("a", "10.0.0.1"), ageMs: 5_000 }], 500);
    expect(members.get("a")?.ageMs).toBe(5_500);
    clock.elapsed += 1_000;
    members.learn([{ ...node("a", "10.0.0.1"), ageMs: 8_000 }]);
    expect(members.get("a")).toMatchObject({ ageMs: 6_500, alive: false });
    members.learn([{ ...node("b", "10.0.0.2"), ageMs: 60_001 }]);
    expect(members.get("b")).toBeUndefined();
  });
  it("never is a peer of its own", () => {
    members.learn([{ ...node("self", "10.0.0.1"), ageMs: 0 }]);
    members.heard(node("self", "10.0.0.1"));
    expect(known()).toEqual([]);
  });
  it("believes the latest news of a node that moved", () => {
    members.heard(node("a", "10.0.0.1"));
    clock.elapsed += 1_000;
    members.heard(node("a", "10.0.0.2"));
    members.learn([{ ...node("a", "10.0.0.1"), ageMs: 900 }]);
    expect(known()).toEqual(["a@10.0.0.2"]);
  });
  it("believes the latest news of who is at an address", () => {
    members.heard(node("old", "10.0.0.1"));
    clock.elapsed += 1_000;
    members.heard(node("new", "10.0.0.1"));
    members.learn([{ ...node("old", "10.0.0.1"), ageMs: 900 }]);
    expect(known()).toEqual(["new@10.0.0.1"]);
  });
  it("goes to known controllers, and to addresses of DNS where none is known, not to itself", () => {
    members.seeds([{ address: "10.0.0.1", port: 8_001 }, { address: "10.0.0.2", port: 8_001 }, { address: "10.0.0.3", port: 8_001 }]);
    members.isSelf({ address: "10.0.0.3", port: 8_001 });
    members.heard(node("a", "10.0.0.1"));
    members.heard(node("s", "10.0.0.9", "chunkserver"));
    expect(members.controllers().map(({ id, address }) => `${id}@${address}`)).toEqual(["a@10.0.0.1", "undefined@10.0.0.2"]);
    // The container that had the address is another one now.
    members.seeds([{ address: "10.0.0.2", port: 8_001 }]);
    members.seeds([{ address: "10.0.0.3", port: 8_001 }]);
    expect(members.controllers().map(({ address }) => address)).toEqual(["10.0.0.1", "10.0.0.3"]);
  });
  it("stays bounded, whatever others tell", () => {
    members.learn(Array.from({ length: MAX_PEERS + 50 }, (_, index) => ({ ...node(`n${index}`, `10.1.${index >> 8}.${index & 255}`), ageMs: index })));
    expect(members.peers().length).toBe(MAX_PEERS);
    expect(members.get("n0")).toBeDefined();
  });
});
