import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ChunkReader } from "../../../workloads/chunkstore/controller/chunkReader";
import { FakeFleet, silent } from "./fakes";

afterEach(() => vi.useRealTimers());

const data = Buffer.from("some content");
const chunk = { upload: "u", index: 0, sha256: createHash("sha256").update(data).digest("hex"), size: data.length };
const never = new AbortController().signal;

async function readerOf(fleet: FakeFleet, holders: readonly string[], { known = holders, cacheBytes = 10_000 }: { known?: readonly string[]; cacheBytes?: number } = {}) {
  for (const id of holders) {
    const node = fleet.servers.get(id);
    if (node) await fleet.putChunk(node, chunk, data, never);
  }
  fleet.requests.length = 0;
  const located = new Set(known);
  const events: string[] = [];
  const reader = new ChunkReader({
    chunkservers: fleet.servers, api: fleet, cacheBytes, log: silent, monotonic: () => performance.now(),
    locations: { holders: () => [...located], removeChunk: (id) => void located.delete(id) },
    onCache: (hit) => events.push(hit ? "hit" : "miss"), onFailover: () => events.push("failover"), onDamage: () => events.push("damage"),
  });
  return { reader, located, events };
}

describe("reading a chunk", () => {
  it("asks a chunkserver that has it, once, and memory from then on", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { reader, events } = await readerOf(fleet, ["s2"]);
    expect(await Promise.all([reader.read(chunk), reader.read(chunk)])).toEqual([data, data]);
    expect(await reader.read(chunk)).toEqual(data);
    expect(fleet.requests).toEqual(["get s2 0"]);
    expect(events).toEqual(["miss", "hit"]);
  });

  it("keeps no more in memory than it may", async () => {
    const fleet = new FakeFleet(["s1"]);
    const { reader } = await readerOf(fleet, ["s1"], { cacheBytes: 0 });
    await reader.read(chunk);
    await reader.read(chunk);
    expect(fleet.requests.length).toBe(2);
  });

  it("goes on to others when some fail, and forgets a copy that is corrupt", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { reader, located, events } = await readerOf(fleet, ["s1", "s2", "s3"]);
    fleet.trouble = (id) => (id === "s1" ? "unreachable" : id === "s2" ? "corrupt" : undefined);
    expect(await reader.read(chunk)).toEqual(data);
    if (fleet.requests.includes("get s2 0")) {
      expect(located.has("s2")).toBe(false);
      expect(events).toContain("damage");
    }
    expect(located.has("s1")).toBe(true);
  });

  it("asks the others too when the news of who has it is missing or wrong", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { reader } = await readerOf(fleet, ["s3"], { known: ["s1"] });
    expect(await reader.read(chunk)).toEqual(data);
  });

  it("says what was tried when nobody has it, and tries again next time", async () => {
    const fleet = new FakeFleet(["s1", "s2"]);
    const { reader } = await readerOf(fleet, ["s1"]);
    fleet.trouble = () => "unreachable";
    await expect(reader.read(chunk)).rejects.toMatchObject({ code: "chunk-unavailable", status: 503 });
    fleet.trouble = () => undefined;
    expect(await reader.read(chunk)).toEqual(data);
    await expect((await readerOf(new FakeFleet([]), [])).reader.read(chunk)).rejects.toMatchObject({ code: "chunk-unavailable" });
  });

  it("asks another one when the first hangs, and gives the slow one up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const fleet = new FakeFleet(["s1", "s2"]);
    const { reader, events } = await readerOf(fleet, ["s1", "s2"]);
    let first: string | undefined;
    fleet.trouble = (id) => ((first ??= id) === id ? "hangs" : undefined);
    const reading = reader.read(chunk);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await reading).toEqual(data);
    expect(events).toContain("failover");
    expect(fleet.servers.living().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  it("uses a chunkserver that failed lately last", async () => {
    const fleet = new FakeFleet(["s1", "s2"]);
    const { reader } = await readerOf(fleet, ["s1", "s2"], { cacheBytes: 0 });
    fleet.servers.started("s1")({ ok: false });
    for (let turn = 0; turn < 5; turn += 1) await reader.read({ ...chunk });
    expect(fleet.requests.every((request) => request === "get s2 0")).toBe(true);
  });
});
