/** What the metadata's tests share: records, arbitraries, and a clock that is set by hand. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import type { Clock } from "../../../workloads/chunkstore/contract/ports";
import type { FileRecord, FileState, RecordState, VectorClock } from "../../../workloads/chunkstore/contract/record";

/** Runs of a property: `STACKFLEET_PROPERTY_RUNS` times the share, or the default. */
export function runs(standard: number): { readonly numRuns: number } {
  const wanted = Number(process.env["STACKFLEET_PROPERTY_RUNS"] ?? "");
  return { numRuns: wanted > 0 ? Math.max(standard, wanted) : standard };
}

export class TestClock implements Clock {
  /** Wall clock minus monotonic. */
  skew = 1_700_000_000_000;
  elapsed = 0;
  now(): number {
    return this.elapsed + this.skew;
  }
  monotonic(): number {
    return this.elapsed;
  }
}

export const START = "2026-01-01T00:00:00.000Z";

export function uuidOf(seed: string): string {
  const hash = createHash("sha256").update(seed).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

export function fileState(seed: string, overrides: Partial<FileState> = {}): FileState {
  const sha256 = createHash("sha256").update(seed).digest("hex");
  return { kind: "file", upload: uuidOf(seed), size: 3, sha256, chunks: [{ sha256, size: 3 }], tags: ["a"], owner: "ada", modifiedAt: START, ...overrides };
}

export const deleted: RecordState = { kind: "deleted", owner: "ada", modifiedAt: START };

export function record(name: string, version: VectorClock, time: number, node: string, state: RecordState = fileState(`${name}/${time}/${node}`)): FileRecord {
  return { name, version, stamp: { time, node }, state };
}

const nodes = ["a", "b", "c", "constructor"];
export const vectorClocks: fc.Arbitrary<VectorClock> = fc.dictionary(fc.constantFrom(...nodes), fc.integer({ min: 1, max: 4 }), { noNullPrototype: true });

const states: fc.Arbitrary<RecordState> = fc.oneof(
  fc.constant(deleted),
  fc.constantFrom("x", "y", "z").map((seed) => fileState(seed)),
);

/** Any records of one name, whether a history leads to them or not: equal stamps with other contents among them. */
export const anyRecords: fc.Arbitrary<FileRecord> = fc.record({
  name: fc.constant("n"), version: vectorClocks, state: states,
  stamp: fc.record({ time: fc.integer({ min: 1, max: 3 }), node: fc.constantFrom(...nodes) }),
});
