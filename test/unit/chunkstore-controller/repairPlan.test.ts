import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planRepair, SETTLE_MS, type RepairView } from "../../../workloads/chunkstore/controller/repairPlan";

const CONTROLLERS = ["c1", "c2", "c3"];

function viewOf(over: Partial<RepairView> = {}): RepairView {
  return {
    self: "c1", controllers: ["c1"], replicationFactor: "all", now: 100_000,
    chunkservers: ["s1", "s2", "s3"].map((id) => ({ id, full: false, synced: true, manifests: new Map([["f", "v"]]) })),
    records: [{ name: "f", upload: "u", chunks: 2, version: "v", since: 0 }],
    counts: new Map([["u", new Map([["s1", 2], ["s2", 2], ["s3", 2]])]]),
    ...over,
  };
}

describe("the plan of a repair cycle", () => {
  it("is empty when nothing is missing", () => {
    const plan = planRepair(viewOf());
    expect({ ...plan, manifests: [...plan.manifests] }).toEqual({ replicate: [], manifests: [], lacking: [], unnamed: [] });
  });

  it("gives every living chunkserver what it lacks when all are to have it", () => {
    const plan = planRepair(viewOf({ counts: new Map([["u", new Map([["s1", 2], ["s2", 1], ["dead", 2]])]]) }));
    expect(plan.replicate.map(({ target }) => target).sort()).toEqual(["s2", "s3"]);
    expect(plan.lacking.map(({ name }) => name)).toEqual(["f"]);
  });

  it("leaves alone what is new, for it may be on its way", () => {
    const records = [{ name: "f", upload: "u", chunks: 2, version: "new", since: 100_000 - SETTLE_MS + 1 }];
    const plan = planRepair(viewOf({ records, counts: new Map([["u", new Map([["s1", 2]])]]) }));
    expect([plan.replicate, [...plan.manifests]]).toEqual([[], []]);
    expect(plan.lacking.length).toBe(1);
  });

  it("sends a manifest where it is missing or another version", () => {
    const chunkservers = [{ id: "s1", manifests: new Map() }, { id: "s2", manifests: new Map([["f", "old"]]) }, { id: "s3", manifests: new Map([["f", "v"]]) }];
    const plan = planRepair(viewOf({ chunkservers: chunkservers.map((one) => ({ ...one, full: false, synced: true })) }));
    expect([...plan.manifests]).toEqual([["s1", ["f"]], ["s2", ["f"]]]);
  });

  it("asks nothing of a chunkserver that isn't known well yet, nor chunks of a full one", () => {
    const chunkservers = ["s1", "s2", "s3"].map((id) => ({ id, full: id === "s2", synced: id !== "s3", manifests: new Map([["f", "v"]]) }));
    expect(planRepair(viewOf({ chunkservers, counts: new Map([["u", new Map([["s1", 2]])]]) })).replicate).toEqual([]);
  });

  it("names uploads that no record has", () => {
    const counts = new Map([["u", new Map([["s1", 2], ["s2", 2], ["s3", 2]])], ["x", new Map([["s1", 1]])]]);
    expect(planRepair(viewOf({ counts })).unnamed).toEqual(["x"]);
  });

  it("repairs the most endangered first", () => {
    const records = ["a", "b"].map((name) => ({ name, upload: `u-${name}`, chunks: 1, version: "v", since: 0 }));
    const counts = new Map([["u-a", new Map([["s1", 1], ["s2", 1]])], ["u-b", new Map([["s1", 1]])]]);
    expect(planRepair(viewOf({ records, counts })).replicate.map(({ name }) => name)).toEqual(["b", "b", "a"]);
  });

  it("makes one controller of several responsible for each file, and never asks for more replicas than there should be", () => {
    const ids = ["s1", "s2", "s3", "s4", "s5"];
    const generated = fc.record({
      replicationFactor: fc.oneof(fc.constant("all" as const), fc.integer({ min: 1, max: 4 })),
      living: fc.subarray(ids, { minLength: 1 }),
      files: fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.array(fc.nat(4), { minLength: 5, maxLength: 5 })), { maxLength: 8 }),
    });
    fc.assert(fc.property(generated, ({ replicationFactor, living, files }) => {
      const records = files.map(([chunks], index) => ({ name: `f${index}`, upload: `u${index}`, chunks, version: "v", since: 0 }));
      const counts = new Map(files.map(([chunks, held], index) => [`u${index}`, new Map(ids.map((id, at) => [id, Math.min(held[at] ?? 0, chunks)] as const).filter(([, count]) => count > 0))]));
      const chunkservers = living.map((id) => ({ id, full: false, synced: true, manifests: new Map() }));
      const plans = CONTROLLERS.map((self) => planRepair(viewOf({ self, controllers: CONTROLLERS, replicationFactor, records, counts, chunkservers })));
      const wanted = replicationFactor === "all" ? living.length : Math.min(replicationFactor, living.length);
      for (const { name, upload, chunks } of records) {
        const tasks = plans.map(({ replicate }) => replicate.filter((task) => task.name === name)).filter((found) => found.length > 0);
        expect(tasks.length).toBeLessThanOrEqual(1);
        const whole = living.filter((id) => (counts.get(upload)?.get(id) ?? 0) >= chunks).length;
        expect(tasks[0]?.length ?? 0).toBe(Math.max(0, wanted - whole));
        expect(new Set(tasks[0]?.map(({ target }) => target)).size).toBe(tasks[0]?.length ?? 0);
      }
    }));
  });
});
