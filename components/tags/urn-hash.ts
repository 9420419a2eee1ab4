/** The hash of a URN, by which recovery finds what an interrupted create left behind. */
import { createHash } from "node:crypto";

/**
 * SHA-256 of the URN, 64 lower-case hex digits. A tag can't carry the URN itself: tag values allow neither `$` nor more than
 * 256 characters (Amazon EC2 User Guide, "Tag restrictions").
 */
export function urnHash(urn: string): string {
  return createHash("sha256").update(urn).digest("hex");
}
