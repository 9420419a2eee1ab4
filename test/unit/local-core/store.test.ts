import { describe, expect, it } from "vitest";
import { openDatabase } from "../../../local/core/database";
import { RecordStore, type NewRecord } from "../../../local/core/store";
import { scratch } from "./world";

function record(overrides: Partial<NewRecord> = {}): NewRecord {
  return {
    type: "t", id: "id-1", arn: "arn:1", region: "eu-west-1", account: "000000000000", stack: "s", urn: "urn:pulumi:s::p::t::a",
    inputs: {}, outputs: {}, status: "available", createdAt: "2026-01-01T00:00:00.000Z", ...overrides,
  };
}

function open(dir?: string): RecordStore {
  return new RecordStore(openDatabase(dir), (type) => type === "global");
}

describe("the record store", () => {
  it("finds by type, id, place, name and ARN", () => {
    const store = open();
    const here = store.insert(record({ inputs: { name: "n" } }));
    const there = store.insert(record({ region: "us-east-1", arn: "arn:2", outputs: { name: "m" } }));
    expect(store.get("t", "id-1", { region: "us-east-1" })?.key).toBe(there.key);
    expect(store.get("t", "id-1", { region: "ap-south-1" })).toBeUndefined();
    expect(store.list("t", { name: "n" }).map(({ key }) => key)).toEqual([here.key]);
    expect(store.list("t", { name: "m", region: "eu-west-1" })).toEqual([]);
    expect(store.byArn("arn:2")?.key).toBe(there.key);
    store.remove(there.key);
    expect(store.byArn("arn:2")).toBeUndefined();
    expect(store.list("t")).toHaveLength(1);
  });

  it("ignores the region of global types", () => {
    const store = open();
    store.insert(record({ type: "global" }));
    expect(store.get("global", "id-1", { region: "us-east-1" })).toBeDefined();
    expect(store.list("global", { region: "us-east-1", account: "111111111111" })).toEqual([]);
  });

  it("merges outputs; null takes a property away", () => {
    const store = open();
    const { key } = store.insert(record({ outputs: { a: 1, b: 2 } }));
    store.patch(key, { b: null, c: 3 });
    expect(store.byKey(key)?.outputs).toEqual({ a: 1, c: 3 });
    expect(store.update("gone", { status: "updating" })).toBeUndefined();
  });

  it("takes tags from tagsAll, else from tags, and follows changes", () => {
    const store = open();
    const { key, tags } = store.insert(record({ inputs: { tags: { a: "1" } }, outputs: { tagsAll: { a: "1", team: "x" } } }));
    expect(tags).toEqual({ a: "1", team: "x" });
    store.patch(key, { tagsAll: { a: "2" } });
    expect(store.byKey(key)?.tags).toEqual({ a: "2" });
  });

  it("keeps one record when the service answers a second create with the same resource", () => {
    const store = open();
    const one = store.insert(record());
    const two = store.insert(record({ urn: "urn:pulumi:other::p::t::a", stack: "other" }));
    expect(two.key).toBe(one.key);
    expect(store.all().map(({ stack }) => stack)).toEqual(["other"]);
  });

  it("puts memory and database back when a transaction fails", () => {
    const { dir, remove } = scratch();
    try {
      const store = open(dir);
      const kept = store.insert(record({ outputs: { n: 1 } }));
      const doomed = store.insert(record({ id: "id-2", arn: "arn:2" }));
      expect(() => store.transaction(() => {
        store.insert(record({ id: "id-3", arn: "arn:3" }));
        store.patch(kept.key, { n: 2 });
        store.transaction(() => store.remove(doomed.key));
        throw new Error("refused");
      })).toThrow("refused");
      for (const view of [store, open(dir)]) {
        expect(view.byKey(kept.key)?.outputs).toEqual({ n: 1 });
        expect(view.get("t", "id-2")).toBeDefined();
        expect(view.byArn("arn:3")).toBeUndefined();
        expect(view.size).toBe(2);
      }
    } finally {
      remove();
    }
  });

  it("loads records in creation order", () => {
    const { dir, remove } = scratch();
    try {
      const store = open(dir);
      const ids = ["c", "a", "b"].map((id) => store.insert(record({ id, arn: id })).key);
      store.patch(ids[0] ?? "", { touched: true });
      expect(open(dir).all().map(({ id }) => id)).toEqual(["c", "a", "b"]);
    } finally {
      remove();
    }
  });
});
