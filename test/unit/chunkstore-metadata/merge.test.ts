import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { compareClocks, compareStamps, compareWrites, joinClocks, mergeRecords, nextTime } from "../../../workloads/chunkstore/metadata";
import { fileRecordSchema, MAX_STAMP_TIME, type FileRecord } from "../../../workloads/chunkstore/contract/record";
import { encodeRecord } from "../../../workloads/chunkstore/metadata/encode";
import { anyRecords, deleted, fileState, record, runs, vectorClocks } from "./support";

// Many cases each, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const merge = (a: FileRecord, b: FileRecord): FileRecord => mergeRecords(a, b).record;

/** One step of a history over three nodes that hold one name: a write, a delete, or news from another node. Clocks are anything. */
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom("write" as const, "delete" as const), node: fc.nat(2), now: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant("news" as const), node: fc.nat(2), from: fc.nat(2) }),
  ),
  { minLength: 1, maxLength: 30 },
);

type Steps = typeof steps extends fc.Arbitrary<infer Generated> ? Generated : never;

/** Everything that existed in a history, in the order of its making, and which writes each had in its past. */
function play(history: Steps): {
  readonly records: FileRecord[]; readonly writes: { readonly record: FileRecord; readonly past: ReadonlySet<number> }[];
} {
  const held: (FileRecord | undefined)[] = [undefined, undefined, undefined];
  const seen: Set<number>[] = [new Set(), new Set(), new Set()];
  const records: FileRecord[] = [];
  const writes: { record: FileRecord; past: ReadonlySet<number> }[] = [];
  for (const step of history) {
    const own = held[step.node];
    if (step.kind === "news") {
      const other = held[step.from];
      if (other === undefined) continue;
      held[step.node] = own === undefined ? other : merge(own, other);
      for (const write of seen[step.from] ?? []) seen[step.node]?.add(write);
    } else {
      const node = `n${step.node}`;
      const time = nextTime(step.now, own === undefined ? [] : [own.stamp.time]);
      const made = record("n", { ...own?.version, [node]: time }, time, node, step.kind === "delete" ? deleted : fileState(String(writes.length)));
      writes.push({ record: made, past: new Set(seen[step.node]) });
      seen[step.node]?.add(writes.length - 1);
      held[step.node] = made;
    }
    const now = held[step.node];
    if (now !== undefined) records.push(now);
  }
  return { records, writes };
}

const histories = steps.map(play).filter(({ records }) => records.length > 0);
const reachable = histories.chain(({ records }) => fc.tuple(fc.constantFrom(...records), fc.constantFrom(...records), fc.constantFrom(...records)));
const arbitrary = fc.tuple(anyRecords, anyRecords, anyRecords);

describe.each([["records that a history leads to", reachable], ["any records whatever", arbitrary]])("merging %s", (_, triples) => {
  it("is commutative", () => {
    fc.assert(fc.property(triples, ([a, b]) => { expect(merge(a, b)).toEqual(merge(b, a)); }), runs(500));
  });
  it("is associative", () => {
    fc.assert(fc.property(triples, ([a, b, c]) => { expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c))); }), runs(500));
  });
  it("is idempotent, and merging again what was merged changes nothing", () => {
    fc.assert(fc.property(triples, ([a, b]) => {
      expect(merge(a, a)).toEqual(a);
      expect(merge(merge(a, b), b)).toEqual(merge(a, b));
    }), runs(500));
  });
  it("keeps the last write and includes both versions", () => {
    fc.assert(fc.property(triples, ([a, b]) => {
      const merged = merge(a, b);
      expect(compareWrites(merged, a)).toBeGreaterThanOrEqual(0);
      expect(compareWrites(merged, b)).toBeGreaterThanOrEqual(0);
      expect([encodeRecord({ ...a, version: {} }), encodeRecord({ ...b, version: {} })]).toContain(encodeRecord({ ...merged, version: {} }));
      expect(["equal", "before"]).toContain(compareClocks(a.version, merged.version));
      expect(["equal", "before"]).toContain(compareClocks(b.version, merged.version));
    }), runs(500));
  });
  it("says what became of the record that was held", () => {
    fc.assert(fc.property(triples, ([a, b]) => {
      const { record: merged, outcome } = mergeRecords(a, b);
      const unchanged = encodeRecord(merged) === encodeRecord(a);
      if (outcome === "same") expect(encodeRecord(a)).toBe(encodeRecord(b));
      if (outcome === "same" || outcome === "kept") expect(unchanged).toBe(true);
      if (outcome === "replaced" ) expect(unchanged).toBe(false);
      if (outcome === "conflict-replaced") expect(encodeRecord({ ...merged, version: {} })).toBe(encodeRecord({ ...b, version: {} }));
    }), runs(500));
  });
});

describe("versions", () => {
  it("compare as a partial order that the join is the least upper bound of", () => {
    fc.assert(fc.property(vectorClocks, vectorClocks, vectorClocks, (a, b, c) => {
      const joined = joinClocks(a, b);
      expect(compareClocks(a, a)).toBe("equal");
      expect(compareClocks(b, a)).toBe({ equal: "equal", before: "after", after: "before", concurrent: "concurrent" }[compareClocks(a, b)]);
      expect(["equal", "before"]).toContain(compareClocks(a, joined));
      if (isWithin(a, c) && isWithin(b, c)) expect(isWithin(joined, c)).toBe(true);
      if (isWithin(a, b) && isWithin(b, c)) expect(isWithin(a, c)).toBe(true);
      expect(joinClocks(b, a)).toEqual(joined);
      expect(joinClocks(joined, c)).toEqual(joinClocks(a, joinClocks(b, c)));
    }), runs(1_000));
  });
  it("don't take a property of every object for a node's entry", () => {
    expect(compareClocks({}, { constructor: 1 })).toBe("before");
    expect(joinClocks({}, { constructor: 1 })).toEqual({ constructor: 1 });
  });
});

const isWithin = (a: FileRecord["version"], b: FileRecord["version"]): boolean => ["equal", "before"].includes(compareClocks(a, b));

describe("stamps", () => {
  it("extend causality, whatever the clocks say", () => {
    fc.assert(fc.property(histories, ({ writes }) => {
      for (const { record: later, past } of writes) {
        for (const index of past) {
          const earlier = writes[index];
          if (earlier) expect(compareStamps(later.stamp, earlier.record.stamp)).toBeGreaterThan(0);
        }
      }
    }), runs(500));
  });
  it("tell successions from conflicts exactly, by the versions that go with them", () => {
    fc.assert(fc.property(histories, ({ writes }) => {
      writes.forEach(({ record: later, past }, index) => {
        for (let other = 0; other < index; other += 1) {
          const earlier = writes[other]?.record;
          if (earlier) expect(compareClocks(earlier.version, later.version)).toBe(past.has(other) ? "before" : "concurrent");
        }
      });
    }), runs(500));
  });
  it("are the latest of what their version includes", () => {
    fc.assert(fc.property(histories, ({ records }) => {
      for (const { stamp, version } of records) expect(stamp.time).toBe(Math.max(...Object.values(version)));
    }), runs(300));
  });
  it("pass every check of the protocol, and none is made beyond the end of time", () => {
    expect(nextTime(0, [])).toBe(1);
    expect(nextTime(5.9, [5])).toBe(6);
    expect(nextTime(5, [MAX_STAMP_TIME - 1])).toBe(MAX_STAMP_TIME);
    expect(() => nextTime(5, [MAX_STAMP_TIME])).toThrow(RangeError);
    expect(fileRecordSchema.safeParse(record("n", { a: MAX_STAMP_TIME }, MAX_STAMP_TIME, "a")).success).toBe(true);
    expect(fileRecordSchema.safeParse(record("n", { a: 1 }, MAX_STAMP_TIME + 1, "a")).success).toBe(false);
  });
});

describe("a merge", () => {
  const first = record("n", { a: 1 }, 1, "a");
  it("calls a successor a replacement, and what is older than that kept", () => {
    const second = record("n", { a: 1, b: 2 }, 2, "b");
    expect(mergeRecords(first, second)).toEqual({ record: second, outcome: "replaced" });
    expect(mergeRecords(second, first)).toEqual({ record: second, outcome: "kept" });
    expect(mergeRecords(second, structuredClone(second)).outcome).toBe("same");
  });
  it("calls two writes that don't know each other a conflict once, and no more after it", () => {
    const other = record("n", { b: 2 }, 2, "b");
    const { record: merged, outcome } = mergeRecords(first, other);
    expect(outcome).toBe("conflict-replaced");
    expect(merged).toEqual({ ...other, version: { a: 1, b: 2 } });
    expect(mergeRecords(other, first).outcome).toBe("conflict-kept");
    expect(mergeRecords(merged, first).outcome).toBe("kept");
    expect(mergeRecords(other, merged).outcome).toBe("replaced");
    expect(merge(other, merged)).toBe(merged);
  });
  it("lets a delete win over the write that it came after, and a later write over the delete", () => {
    const gone = record("n", { a: 1, b: 2 }, 2, "b", deleted);
    const again = record("n", { a: 3, b: 2 }, 3, "a");
    expect(merge(first, gone)).toBe(gone);
    expect(merge(merge(again, first), gone)).toBe(again);
  });
  it("refuses records of two names", () => {
    expect(() => mergeRecords(first, { ...first, name: "other" })).toThrow(TypeError);
  });
});
