import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fileRecordSchema, MAX_CHUNKS } from "../../../workloads/chunkstore/contract/record";
import { openMetadataDatabase, openRecordStore, type MetadataStore } from "../../../workloads/chunkstore/metadata";
import { bucketOf } from "../../../workloads/chunkstore/metadata/digest";
import { deleted, fileState, record, runs } from "./support";

const time = { value: 1_000, now: () => time.value };
const open: { close(): void }[] = [];

function store(nodeId = "a", tombstoneTtlMs?: number): MetadataStore {
  const opened = openRecordStore({ database: ":memory:", nodeId, time, ...(tombstoneTtlMs === undefined ? {} : { tombstoneTtlMs }) });
  open.push(opened);
  return opened;
}

afterEach(() => {
  for (const one of open.splice(0)) one.close();
  time.value = 1_000;
});

describe("a write", () => {
  it("is stamped by cluster time and includes what is known of the name", () => {
    const one = store("a");
    const first = one.write("n", fileState("1"));
    expect(first).toMatchObject({ version: { a: 1_000 }, stamp: { time: 1_000, node: "a" } });
    const two = store("b");
    two.merge([first]);
    time.value = 500;
    expect(two.write("n", fileState("2"))).toMatchObject({ version: { a: 1_000, b: 1_001 }, stamp: { time: 1_001, node: "b" } });
    expect(two.get("n")?.state).toEqual(fileState("2"));
  });
  it("never has the stamp of another one, kept or only proposed", () => {
    const one = store();
    const proposals = [one.propose("n", fileState("1")), one.propose("n", fileState("2")), one.write("n", fileState("3"))];
    expect(new Set(proposals.map(({ stamp }) => stamp.time)).size).toBe(3);
    expect(one.all()).toEqual([proposals[2]]);
  });
  it("passes the protocol's checks", () => {
    expect(fileRecordSchema.parse(store().write("n", fileState("1")))).toMatchObject({ name: "n" });
  });
  it("of a name whose stamp is a year ahead goes beyond it, and other names are not affected", () => {
    const one = store();
    const year = 365 * 24 * 3_600_000;
    one.merge([record("poisoned", { z: year }, year, "z")]);
    expect(one.write("poisoned", fileState("1")).stamp.time).toBe(year + 1);
    expect(one.write("other", fileState("1")).stamp.time).toBe(1_000);
  });
});

describe("the store", () => {
  it("lists live files with all the tags, by name, and counts", () => {
    const one = store();
    one.write("b", fileState("1", { tags: ["x", "y"] }));
    one.write("a", fileState("2", { tags: ["x"] }));
    one.write("c", fileState("3", { tags: ["x"] }));
    one.write("c", deleted);
    expect(one.files(["x"]).map(({ name }) => name)).toEqual(["a", "b"]);
    expect(one.files(["x", "y"]).map(({ name }) => name)).toEqual(["b"]);
    expect(one.all().map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(one.counts).toEqual({ files: 2, deletedNames: 1, chunks: 2 });
    expect(one.get("nothing")).toBeUndefined();
  });
  it("tells what changed and what was a conflict, once", () => {
    const one = store("a");
    const heard = vi.fn();
    const stop = one.onChange(heard);
    const own = one.write("n", fileState("1"));
    const other = record("n", { b: 2_000 }, 2_000, "b");
    expect(one.merge([other, record("m", { b: 1 }, 1, "b")])).toEqual({ changed: ["n", "m"], conflicts: ["n"] });
    expect(one.merge([other, own])).toEqual({ changed: [], conflicts: [] });
    expect(heard.mock.calls.map(([records]) => (records as { name: string }[]).map(({ name }) => name))).toEqual([["n"], ["n", "m"]]);
    stop();
    one.write("n", fileState("3"));
    expect(heard).toHaveBeenCalledTimes(2);
  });
  it("has written when a listener fails", () => {
    const one = store();
    one.onChange(() => { throw new Error("listener"); });
    one.write("n", fileState("1"));
    expect(one.counts.files).toBe(1);
  });
  it("keeps nothing of a batch that fails, neither in the digest", () => {
    const one = store();
    one.write("n", fileState("1"));
    const [digest, head] = [one.digest(), one.head];
    const broken = { ...record("m", { b: 1 }, 1, "b"), name: undefined as unknown as string };
    expect(() => one.merge([record("k", { b: 1 }, 1, "b"), broken])).toThrow();
    expect([one.digest(), one.head, one.counts.files]).toEqual([digest, head, 1]);
    one.write("k", fileState("2"));
    expect(one.changesAfter(head.seq).records.map(({ name }) => name)).toEqual(["k"]);
  });
  it("refuses to work within another's transaction, which could be undone", () => {
    const database = openMetadataDatabase(":memory:");
    open.push(database);
    const one = openRecordStore({ database, nodeId: "a", time });
    expect(() => database.transaction(() => one.write("n", fileState("1")))).toThrow(/transaction/);
    expect(one.counts.files).toBe(0);
  });
  it("holds a record of the largest file", () => {
    const one = store();
    const chunk = fileState("1").chunks[0] ?? { sha256: "", size: 1 };
    one.write("big", fileState("1", { chunks: Array.from({ length: MAX_CHUNKS }, () => chunk) }));
    expect(one.counts.chunks).toBe(MAX_CHUNKS);
    expect(one.changesAfter(0).records.length).toBe(1);
  });
});

describe("digests", { timeout: 120_000 }, () => {
  const batches = fc.array(fc.record({
    name: fc.constantFrom("a", "b", "c", "d"), node: fc.constantFrom("x", "y"), time: fc.integer({ min: 1, max: 4 }), isDelete: fc.boolean(),
  }).map(({ name, node, time: at, isDelete }) => record(name, { [node]: at }, at, node, isDelete ? deleted : fileState(`${name}${node}${at}`))), { maxLength: 12 });

  it("are equal when and only when the records are, in whatever order they came", () => {
    fc.assert(fc.property(batches, batches, (left, right) => {
      const one = openRecordStore({ database: ":memory:", nodeId: "a", time });
      const two = openRecordStore({ database: ":memory:", nodeId: "b", time });
      try {
        one.merge(left);
        for (const each of [...right].reverse()) two.merge([each]);
        const isSame = JSON.stringify(one.all()) === JSON.stringify(two.all());
        expect(one.digest() === two.digest()).toBe(isSame);
        const differing = one.bucketDigests().flatMap((digest, bucket) => (digest === two.bucketDigests()[bucket] ? [] : [bucket]));
        const names = [...new Set([...one.all(), ...two.all()].map(({ name }) => name))];
        const wanted = names.filter((name) => one.hashOf(name) !== two.hashOf(name)).map(bucketOf);
        expect(differing).toEqual([...new Set(wanted)].sort((a, b) => a - b));
        one.merge(two.all());
        two.merge(one.all());
        expect(one.digest()).toBe(two.digest());
      } finally {
        one.close();
        two.close();
      }
    }), runs(100));
  });
  it("and counts are the same when the database is opened again", () => {
    const database = openMetadataDatabase(":memory:");
    open.push(database);
    const one = openRecordStore({ database, nodeId: "a", time });
    for (const name of ["a", "b", "c"]) one.write(name, fileState(name));
    one.write("b", deleted);
    const again = openRecordStore({ database, nodeId: "a", time });
    expect([again.digest(), again.counts, again.bucketDigests()]).toEqual([one.digest(), one.counts, one.bucketDigests()]);
    expect(again.head.seq).toBe(one.head.seq);
    expect(again.head.epoch).not.toBe(one.head.epoch);
  });
});

describe("the log of changes", () => {
  it("has each name once, at its last change, in pages", () => {
    const one = store();
    for (let index = 0; index < 1_200; index += 1) one.write(`file-${index}`, fileState(String(index)));
    one.write("file-0", fileState("again"));
    const names: string[] = [];
    let page = one.changesAfter(0);
    for (; ; page = one.changesAfter(page.through)) {
      expect(page.records.length).toBeLessThanOrEqual(500);
      names.push(...page.records.map(({ name }) => name));
      if (!page.more) break;
    }
    expect(names.length).toBe(1_200);
    expect(new Set(names).size).toBe(1_200);
    expect(names.at(-1)).toBe("file-0");
    expect(page.through).toBe(one.head.seq);
  });
  it("ends a page by size, and a record that is larger goes alone", () => {
    const one = store();
    const chunk = fileState("1").chunks[0] ?? { sha256: "", size: 1 };
    for (const [name, count] of [["a", 6_000], ["b", 6_000], ["c", 20_000], ["d", 1]] as const) one.write(name, fileState(name, { chunks: Array.from({ length: count }, () => chunk) }));
    const pages: string[][] = [];
    for (let seq = 0, more = true; more; ) {
      const page = one.changesAfter(seq);
      pages.push(page.records.map(({ name }) => name));
      ({ through: seq, more } = page);
    }
    expect(pages).toEqual([["a", "b"], ["c"], ["d"]]);
  });
  it("leaves out what came from its reader, but not what was made of it", () => {
    const one = store("a");
    one.write("both", fileState("1"));
    one.mergeFrom([record("theirs", { b: 1 }, 1, "b"), record("both", { b: 2_000 }, 2_000, "b")], "their-epoch");
    expect(one.changesAfter(0, "their-epoch").records.map(({ name }) => name)).toEqual(["both"]);
    expect(one.changesAfter(0, "other-epoch").records.map(({ name }) => name)).toEqual(["theirs", "both"]);
    expect(one.changesAfter(0, "their-epoch").through).toBe(one.head.seq);
  });
});

describe("deleted names", () => {
  it("are forgotten after their time, by cluster time, and don't come back to one that has forgotten them", () => {
    const one = store("a", 10_000);
    const gone = one.write("n", deleted);
    one.write("kept", fileState("1"));
    const before = one.digest();
    expect(one.prune()).toBe(0);
    time.value = 11_001;
    expect(one.prune()).toBe(1);
    expect(one.digest()).not.toBe(before);
    expect(one.counts).toEqual({ files: 1, deletedNames: 0, chunks: 1 });
    expect(one.merge([gone])).toEqual({ changed: [], conflicts: [] });
    one.write("last", deleted);
    time.value = 50_000;
    expect(one.prune()).toBe(1);
    expect(one.changesAfter(0)).toMatchObject({ through: one.head.seq, more: false });
  });
  it("still delete what an old one is news to", () => {
    const one = store("a", 10_000);
    const file = one.write("n", fileState("1"));
    time.value = 50_000;
    expect(one.merge([record("n", { ...file.version, b: 2_000 }, 2_000, "b", deleted)]).changed).toEqual(["n"]);
    expect(one.files()).toEqual([]);
  });
});
