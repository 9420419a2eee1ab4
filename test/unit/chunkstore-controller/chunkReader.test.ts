import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BufferPool } from "../../../workloads/chunkstore/controller/memory";
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
  const limit = { bytes: Number.POSITIVE_INFINITY };
  const reader = new ChunkReader({
    chunkservers: fleet.servers, api: fleet, cacheBytes, pool: new BufferPool(data.length, 100), cacheLimit: () => limit.bytes, log: silent, monotonic: () => performance.now(),
    locations: { holders: () => [...located], removeChunk: (id) => void located.delete(id) },
    onCache: (hit) => events.push(hit ? "hit" : "miss"), onFailover: () => events.push("failover"), onDamage: () => events.push("damage"),
  });
  const read = async (): Promise<Buffer> => {
    const held = await reader.read(chunk);
    const copy = Buffer.from(held.data);
    held.release();
    return copy;
  };
  return { reader, read, located, events, limit };
}

describe("reading a chunk", () => {
  it("asks a chunkserver that has it, once, and memory from then on", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { read, events } = await readerOf(fleet, ["s2"]);
    expect(await Promise.all([read(), read()])).toEqual([data, data]);
    expect(await read()).toEqual(data);
    expect(fleet.requests).toEqual(["get s2 0"]);
    expect(events).toEqual(["miss", "hit"]);
  });

  it("gives what it keeps back when the memory is needed, and never what somebody still uses", async () => {
    const fleet = new FakeFleet(["s1"]);
    const { reader, limit } = await readerOf(fleet, ["s1"]);
    const used = await reader.read(chunk);
    const other = { ...chunk, upload: "v" };
    const node = fleet.servers.get("s1");
    if (node) await fleet.putChunk(node, other, Buffer.from("SOME CONTENT"), never);
    limit.bytes = 0;
    reader.trim();
    const second = await reader.read(other);
    expect([used.data.toString(), second.data.toString()]).toEqual(["some content", "SOME CONTENT"]);
    used.release();
    second.release();
    await new Promise((resolve) => setImmediate(resolve));
    const third = await reader.read(chunk);
    expect([used.data, second.data].some(({ buffer }) => buffer === third.data.buffer)).toBe(true);
    expect(third.data.toString()).toBe("some content");
  });

  it("keeps no more in memory than it may", async () => {
    const fleet = new FakeFleet(["s1"]);
    const { read } = await readerOf(fleet, ["s1"], { cacheBytes: 0 });
    await read();
    await read();
    expect(fleet.requests.length).toBe(2);
  });

  it("goes on to others when some fail, and forgets a copy that is corrupt", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { read, located, events } = await readerOf(fleet, ["s1", "s2", "s3"]);
    fleet.trouble = (id) => (id === "s1" ? "unreachable" : id === "s2" ? "corrupt" : undefined);
    expect(await read()).toEqual(data);
    if (fleet.requests.includes("get s2 0")) {
      expect(located.has("s2")).toBe(false);
      expect(events).toContain("damage");
    }
    expect(located.has("s1")).toBe(true);
  });

  it("asks the others too when the news of who has it is missing or wrong", async () => {
    const fleet = new FakeFleet(["s1", "s2", "s3"]);
    const { read } = await readerOf(fleet, ["s3"], { known: ["s1"] });
    expect(await read()).toEqual(data);
  });

  it("says what was tried when nobody has it, and tries again next time", async () => {
    const fleet = new FakeFleet(["s1", "s2"]);
    const { read } = await readerOf(fleet, ["s1"]);
    fleet.trouble = () => "unreachable";
    await expect(read()).rejects.toMatchObject({ code: "chunk-unavailable", status: 503 });
    fleet.trouble = () => undefined;
    expect(await read()).toEqual(data);
    await expect((await readerOf(new FakeFleet([]), [])).read()).rejects.toMatchObject({ code: "chunk-unavailable" });
  });

  it("asks another one when the first hangs, and gives the slow one up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const fleet = new FakeFleet(["s1", "s2"]);
    const { read, events } = await readerOf(fleet, ["s1", "s2"]);
    let first: string | undefined;
    fleet.trouble = (id) => ((first ??= id) === id ? "hangs" : undefined);
    const reading = read();
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await reading).toEqual(data);
    expect(events).toContain("failover");
    expect(fleet.servers.living().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  it("uses a chunkserver that failed lately last", async () => {
    const fleet = new FakeFleet(["s1", "s2"]);
    const { read } = await readerOf(fleet, ["s1", "s2"], { cacheBytes: 0 });
    fleet.servers.started("s1")({ ok: false });
    for (let turn = 0; turn < 5; turn += 1) await read();
    expect(fleet.requests.every((request) => request === "get s2 0")).toBe(true);
  });
});
