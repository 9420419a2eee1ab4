/** The text of a manifest: the record with a checksum of its own, so that a flipped bit is no other record. */
import { createHash } from "node:crypto";
import { fileRecordSchema, type FileRecord } from "../contract/record";

/** A manifest that can't be used; the message says why. */
export class UnreadableManifest extends Error {
  override readonly name = "UnreadableManifest";
}

export function encodeManifest(record: FileRecord): string {
  const text = JSON.stringify(record);
  return `{"sha256":"${hashOf(text)}","record":${text}}\n`;
}

/** @throws {UnreadableManifest} */
export function decodeManifest(text: string): FileRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new UnreadableManifest("is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null || !("sha256" in parsed) || !("record" in parsed)) throw new UnreadableManifest("lacks record or checksum");
  // Written and read by the same rules, an object has the same text again.
  if (hashOf(JSON.stringify(parsed.record)) !== parsed.sha256) throw new UnreadableManifest("doesn't match its checksum");
  const record = fileRecordSchema.safeParse(parsed.record);
  if (!record.success) throw new UnreadableManifest(`holds no record (${record.error.issues[0]?.path.join(".") ?? ""}: ${record.error.issues[0]?.message ?? ""})`);
  return record.data;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
