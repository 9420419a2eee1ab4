/** Digests of sets of records that cost the same to keep whatever the size of the set: the exclusive or of the records' hashes, by group of names. */
import { createHash } from "node:crypto";
import { BUCKETS } from "./messages";

const HASH_BYTES = 32;

/** The group of a name. */
export function bucketOf(name: string): number {
  return createHash("sha256").update(name).digest().readUInt8(0) % BUCKETS;
}

/** The digests of one node's records. A record is put in, and taken out, by its hash; hashes cover the name, so no two are equal. */
export class SetDigest {
  readonly #groups = Buffer.alloc(BUCKETS * HASH_BYTES);
  #whole: string | undefined;

  /** Puts a hash into its group, or takes it out if it is there. */
  toggle(bucket: number, hash: Uint8Array): void {
    const start = bucket * HASH_BYTES;
    for (let index = 0; index < HASH_BYTES; index += 1) this.#groups[start + index] = (this.#groups[start + index] ?? 0) ^ (hash[index] ?? 0);
    this.#whole = undefined;
  }

  /** 64 hex digits. */
  whole(): string {
    this.#whole ??= createHash("sha256").update(this.#groups).digest("hex");
    return this.#whole;
  }

  /** 32 hex digits for each group. */
  groups(): string[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => this.#groups.toString("hex", bucket * HASH_BYTES, bucket * HASH_BYTES + HASH_BYTES / 2));
  }
}
