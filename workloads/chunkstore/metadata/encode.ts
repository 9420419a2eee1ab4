/** The one way in which a record is written down: equal records give equal bytes, in the database and in digests. */
import { createHash } from "node:crypto";
import type { FileRecord, RecordState, VectorClock } from "../contract/record";

/** JSON with its keys in a fixed order; unknown keys are left out. Parses back to an equal record. */
export function encodeRecord(record: FileRecord): string {
  const { name, version, stamp, state } = record;
  return JSON.stringify({ name, version: sorted(version), stamp: { time: stamp.time, node: stamp.node }, state: ordered(state) });
}

export function encodeState(state: RecordState): string {
  return JSON.stringify(ordered(state));
}

/** SHA-256 of {@link encodeRecord}'s text. */
export function hashOf(encoded: string): Buffer {
  return createHash("sha256").update(encoded).digest();
}

function ordered(state: RecordState): RecordState {
  if (state.kind === "deleted") return { kind: state.kind, owner: state.owner, modifiedAt: state.modifiedAt };
  const { kind, upload, size, sha256, chunks, tags, owner, modifiedAt } = state;
  return { kind, upload, size, sha256, chunks: chunks.map((chunk) => ({ sha256: chunk.sha256, size: chunk.size })), tags, owner, modifiedAt };
}

function sorted(version: VectorClock): VectorClock {
  return Object.fromEntries(Object.entries(version).sort(([a], [b]) => (a < b ? -1 : 1)));
}
