/** The hash that every taggable resource carries in the tag `stackfleet:urn-hash`, and the parts of a URN. */
import { createHash } from "node:crypto";

/** Tag key by which recovery finds what a pending create left behind. `components/tags` sets it; the two must agree. */
export const URN_HASH_TAG = "stackfleet:urn-hash";

/** SHA-256 of the URN in hex: a URN has characters and a length that AWS tags refuse. */
export function urnHash(urn: string): string {
  return createHash("sha256").update(urn).digest("hex");
}
