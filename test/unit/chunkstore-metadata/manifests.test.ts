import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FIRST_CURSOR, isAcknowledged, openRecordStore, pullManifests, safeReplicas } from "../../../workloads/chunkstore/metadata";
import { record, runs } from "./support";

const time = { now: () => 1_000 };
const page = (seq: number, more: boolean, names: readonly string[]) => ({ cursor: { epoch: "e", seq }, more, records: names.map((name) => record(name, { s: 1 }, 1, "s")) });

describe("manifests of a chunkserver", () => {
  it("are merged page after page, and the next pull goes on where this one ended", async () => {
    const store = openRecordStore({ database: ":memory:", nodeId: "a", time });
    const asked: number[] = [];
    const pull = await pullManifests(store, FIRST_CURSOR, async ({ seq }) => {
      asked.push(seq);
      return seq === 0 ? page(2, true, ["a", "b"]) : page(3, false, ["b", "c"]);
    });
    expect(asked).toEqual([0, 2]);
    expect(pull).toEqual({ cursor: { epoch: "e", seq: 3 }, records: 4, changed: 3, conflicts: [] });
    expect(store.counts.files).toBe(3);
    store.close();
  });
  it("keep what came before a page that is nonsense or missing", async () => {
    const store = openRecordStore({ database: ":memory:", nodeId: "a", time });
    await expect(pullManifests(store, FIRST_CURSOR, async ({ seq }) => (seq === 0 ? page(1, true, ["a"]) : { nonsense: true }))).rejects.toThrow();
    expect(store.counts.files).toBe(1);
    store.close();
  });
  it("that say 'more' for ever are an error, not an endless loop", async () => {
    const store = openRecordStore({ database: ":memory:", nodeId: "a", time });
    await expect(pullManifests(store, FIRST_CURSOR, async () => page(1, true, []))).rejects.toThrow(/same cursor/);
    store.close();
  });
});

describe("an upload is acknowledged", () => {
  const reports = fc.array(fc.record({
    chunkserver: fc.constantFrom("s1", "s2", "s3", "s4"), chunks: fc.array(fc.nat(3)).map((list) => new Set(list)), manifest: fc.boolean(),
  }), { maxLength: 6 });
  it("when and only when enough different chunkservers have every chunk and the manifest", () => {
    fc.assert(fc.property(fc.nat(3), reports, fc.integer({ min: 1, max: 4 }), (count, list, least) => {
      const whole = new Set(list.filter(({ chunks, manifest }) => manifest && Array.from({ length: count }, (_, index) => index).every((index) => chunks.has(index))).map(({ chunkserver }) => chunkserver));
      expect(isAcknowledged(count, list, least)).toBe(whole.size >= least);
      expect(new Set(safeReplicas(count, list))).toEqual(whole);
    }), runs(500));
  });
  it("never without any replica", () => {
    expect(isAcknowledged(0, [], 0)).toBe(false);
  });
});
