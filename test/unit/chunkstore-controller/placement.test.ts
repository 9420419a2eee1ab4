import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { place, rank, type Candidate } from "../../../workloads/chunkstore/controller/placement";

const candidates = fc.uniqueArray(fc.record({
  id: fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/), freeBytes: fc.option(fc.nat(1_000), { nil: undefined }), full: fc.boolean(), suspect: fc.boolean(),
}), { selector: ({ id }) => id, maxLength: 12 }) as fc.Arbitrary<Candidate[]>;
const requests = fc.record({
  upload: fc.uuid(), size: fc.nat(1_000), candidates, replicationFactor: fc.oneof(fc.constant("all" as const), fc.integer({ min: 1, max: 6 })), minReplicas: fc.integer({ min: 1, max: 4 }),
});

describe("the order of chunkservers for an upload", () => {
  it("changes nothing among the others when one comes or goes", () => {
    fc.assert(fc.property(fc.uuid(), fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 10 }), fc.nat(), (upload, ids, pick) => {
      const gone = ids[pick % ids.length];
      expect(rank(upload, ids.filter((id) => id !== gone))).toEqual(rank(upload, ids).filter((id) => id !== gone));
      expect(rank(upload, ids.toReversed())).toEqual(rank(upload, ids));
    }));
  });

  it("spreads uploads evenly", () => {
    const firsts = new Map<string, number>();
    for (let upload = 0; upload < 5_000; upload += 1) {
      const [first = ""] = rank(`upload-${upload}`, ["a", "b", "c", "d", "e"]);
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    for (const count of firsts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe("placement", () => {
  it("gives enough targets with room, each once, and refuses only when there are too few", () => {
    fc.assert(fc.property(requests, (request) => {
      const placement = place(request);
      const roomy = request.candidates.filter(({ full, freeBytes }) => !full && (freeBytes ?? Infinity) >= request.size).map(({ id }) => id);
      if (placement.kind === "refused") {
        expect(roomy.length).toBeLessThan(request.minReplicas);
        expect(placement.why).toBe(request.candidates.length < request.minReplicas ? "too-few" : "no-room");
        return;
      }
      expect(placement.targets.length).toBeGreaterThanOrEqual(request.minReplicas);
      expect([...placement.targets, ...placement.spares].sort()).toEqual([...roomy].sort());
    }));
  });

  it("takes as many as the replication factor asks, or all that are sound", () => {
    fc.assert(fc.property(requests, (request) => {
      const placement = place(request);
      if (placement.kind === "refused") return;
      const suspects = new Set(request.candidates.filter(({ suspect }) => suspect).map(({ id }) => id));
      const all = [...placement.targets, ...placement.spares];
      const sound = all.filter((id) => !suspects.has(id)).length;
      const wanted = request.replicationFactor === "all" ? Math.max(sound, request.minReplicas) : Math.max(request.replicationFactor, request.minReplicas);
      expect(placement.targets.length).toBe(Math.min(wanted, all.length));
      // A suspect is a target only when every sound one is.
      if (placement.targets.some((id) => suspects.has(id))) expect(placement.spares.every((id) => suspects.has(id))).toBe(true);
    }));
  });
});
