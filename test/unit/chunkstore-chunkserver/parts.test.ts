import * as fc from "fast-check";
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ChunkBuffers } from "../../../workloads/chunkstore/chunkserver/buffers";
import { ChangeLog } from "../../../workloads/chunkstore/chunkserver/changeLog";
import { Inventory } from "../../../workloads/chunkstore/chunkserver/inventory";
import { eachLimited, KeyedLocks } from "../../../workloads/chunkstore/chunkserver/keyedLocks";
import { parseChunkFile, parseIndex } from "../../../workloads/chunkstore/chunkserver/layout";
import { WorkQueue } from "../../../workloads/chunkstore/node";
import { decodeManifest, encodeManifest, UnreadableManifest } from "../../../workloads/chunkstore/chunkserver/manifestFile";
import type { Cursor } from "../../../workloads/chunkstore/contract/nodeApi";
import { chunk, record } from "./support";

const MIB = 1024 * 1024;
const UPLOADS = [randomUUID(), randomUUID(), randomUUID()];
const SHA = "0".repeat(64);

/** Reads all pages after a cursor into what a controller has. */
function follow(inventory: Inventory, reader: { cursor: Cursor | undefined; has: Set<string> }): void {
  for (;;) {
    const page = inventory.page(reader.cursor);
    if (page.reset) reader.has.clear();
    for (const { upload, index, present } of page.changes) {
      if (present) reader.has.add(`${upload}/${index}`);
      else reader.has.delete(`${upload}/${index}`);
    }
    reader.cursor = page.cursor;
    if (!page.more) return;
  }
}

describe("the inventory's log", () => {
  it("brings readers that come whenever they like to what is there", () => {
    const step = fc.record({ action: fc.constantFrom("add", "add", "remove", "read 1", "read 2"), upload: fc.nat(2), index: fc.nat(4) });
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 0, max: 8 }), (steps, goneKept) => {
      const inventory = new Inventory(goneKept);
      const expected = new Set<string>();
      const readers = [1, 2, 3].map(() => ({ cursor: undefined as Cursor | undefined, has: new Set<string>() }));
      for (const { action, upload: number, index } of steps) {
        const upload = UPLOADS[number] ?? "";
        if (action === "add") {
          inventory.add({ upload, index, sha256: SHA });
          expected.add(`${upload}/${index}`);
        } else if (action === "remove") {
          const slot = inventory.get(upload, index);
          if (slot !== undefined) inventory.remove(slot);
          expected.delete(`${upload}/${index}`);
        } else {
          const reader = readers[Number(action.slice(-1)) - 1];
          if (reader === undefined) continue;
          follow(inventory, reader);
          expect(reader.has).toEqual(expected);
        }
      }
      for (const reader of readers) {
        follow(inventory, reader);
        expect(reader.has).toEqual(expected);
      }
      expect(inventory.chunks).toBe(expected.size);
      expect(inventory.uploads().flatMap((upload) => inventory.of(upload)).length).toBe(expected.size);
    }), { numRuns: 500 });
  });

  it("is read in pages, and stays small when things change again and again", () => {
    const log = new ChangeLog<number>();
    const slots = Array.from({ length: 10 }, (_, thing) => log.append(thing));
    for (let round = 0; round < 10_000; round += 1) slots[round % 10] = log.append(round % 10, slots[round % 10]);
    const seen: number[] = [];
    let cursor: Cursor | undefined;
    for (let more = true; more;) {
      const page = log.page(cursor, 3);
      expect(page.reset).toBe(cursor === undefined);
      seen.push(...page.values);
      ({ cursor, more } = page);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(log.page(cursor, 3)).toMatchObject({ values: [], reset: false, more: false });
  });

  it("makes a reader from the future start again", () => {
    const log = new ChangeLog<string>();
    log.append("a");
    expect(log.page({ epoch: log.head.epoch, seq: 99 }, 10)).toMatchObject({ reset: true, values: ["a"] });
  });
});

describe("buffers for chunks", () => {
  it("are no more than there are, and half of them at most for one holder", async () => {
    const buffers = new ChunkBuffers(4, 10);
    const [first] = await Promise.all([1, 2].map(() => buffers.acquire(4 * MIB, "a")));
    await expect(buffers.acquire(4 * MIB, "a")).rejects.toMatchObject({ statusCode: 503, code: "busy" });
    await Promise.all([1, 2].map(() => buffers.acquire(4 * MIB, "b")));
    const waiting = buffers.acquire(4 * MIB, "c");
    first?.release();
    first?.release();
    expect((await waiting).buffer).toBe(first?.buffer);
    expect(buffers.used).toBe(4);
    const gone = new AbortController();
    const left = buffers.acquire(4 * MIB, "c", gone.signal);
    gone.abort(new Error("gone away"));
    await expect(left).rejects.toThrow("gone away");
    await expect(buffers.acquire(4 * MIB, "c")).rejects.toThrow("too many chunks");
  });

  it("pass over one who holds enough", async () => {
    const buffers = new ChunkBuffers(2, 1_000);
    const held = await buffers.acquire(MIB, "a");
    const second = buffers.acquire(MIB, "a");
    const other = await buffers.acquire(MIB, "b");
    other.release();
    held.release();
    expect((await second).buffer).toHaveLength(4 * MIB);
  });

  it("are not needed for small chunks", async () => {
    const buffers = new ChunkBuffers(1);
    for (let count = 0; count < 100; count += 1) expect((await buffers.acquire(64 * 1024, "a")).buffer).toHaveLength(64 * 1024);
    expect(buffers.used).toBe(0);
  });
});

describe("a manifest's file", () => {
  it("gives back the record, and never another one when any byte of it is changed", () => {
    const one = record("ä name", 12, [chunk(3), chunk(4)]);
    const text = encodeManifest({ ...one, version: { "7": 1, b: 2, "10": 3 } });
    expect(decodeManifest(text)).toEqual({ ...one, version: { "7": 1, b: 2, "10": 3 } });
    const bytes = Buffer.from(text);
    fc.assert(fc.property(fc.nat(bytes.length - 2), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      let decoded: unknown;
      try {
        decoded = decodeManifest(damaged.toString("utf8"));
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableManifest);
        return;
      }
      expect(decoded).toEqual(decodeManifest(text)); // such as another kind of white space
    }), { numRuns: 2_000 });
  });
});

describe("names on disk", () => {
  it.each(["0", "7", "65535"])("%s is an index", (text) => expect(parseIndex(text)).toBe(Number(text)));
  it.each(["", "01", "65536", "-0", "+1", " 1", "1 ", "٣"])("%j is no index", (text) => expect(parseIndex(text)).toBeUndefined());
  it.each([`1.${SHA}.x`, `1.${SHA.slice(1)}`, `.${SHA}`, `70000.${SHA}`, `1.${"G".repeat(64)}`])("%s is no chunk", (text) => expect(parseChunkFile(text)).toBeUndefined());
});

describe("limits", () => {
  it("run no more at once than they say, and all of it", async () => {
    const limiter = new WorkQueue(3);
    let running = 0;
    let most = 0;
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => limiter.run(async () => {
      most = Math.max(most, (running += 1));
      await Promise.resolve();
      running -= 1;
      if (index === 5) return "five";
      return index;
    })));
    expect([most, results.length, results[5]]).toEqual([3, 20, "five"]);
  });

  it("go on after a failure", async () => {
    const limiter = new WorkQueue(1);
    await expect(limiter.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await limiter.run(async () => 1)).toBe(1);
    const locks = new KeyedLocks();
    const order: number[] = [];
    const results = await Promise.allSettled([1, 2, 3].map((number) => locks.run("a", async () => {
      order.push(number);
      if (number === 1) throw new Error("no");
      return number;
    })));
    expect([order, results.map(({ status }) => status)]).toEqual([[1, 2, 3], ["rejected", "fulfilled", "fulfilled"]]);
  });

  it("begin nothing new once something has failed", async () => {
    const begun: number[] = [];
    await expect(eachLimited([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error("two");
      await Promise.resolve();
    })).rejects.toThrow("two");
    expect(begun.length).toBeLessThan(5);
  });
});
