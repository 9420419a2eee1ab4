/** Test files: seeded bytes that no compression and no deduplication can shorten, and their checksums. */
import { createCipheriv, createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface Content {
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
}

const BLOCK_BYTES = 1024 * 1024;

/** Writes a file of the size into the folder; other seeds, other bytes. */
export async function makeContent(folder: string, name: string, size: number, seed: number): Promise<Content> {
  const file = path.join(folder, name);
  const hash = createHash("sha256");
  const blocks = function* (): Generator<Buffer> {
    const key = createHash("sha256").update(`${name} ${size} ${seed}`).digest();
    const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16)); // a quick source of bytes, not a secret
    for (let left = size; left > 0; left -= BLOCK_BYTES) {
      const block = stream.update(Buffer.alloc(Math.min(left, BLOCK_BYTES)));
      hash.update(block);
      yield block;
    }
  };
  await pipeline(Readable.from(blocks()), createWriteStream(file));
  return { file, size, sha256: hash.digest("hex") };
}
