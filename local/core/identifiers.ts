/** Identifiers that look like the real service's, from one stream of bytes a daemon. */
import { createHash, randomBytes } from "node:crypto";
import type { Identifiers } from "../model";

const DIGITS_AND_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS_AND_UPPER = DIGITS_AND_LETTERS.slice(0, 36);

/**
 * The same seed gives the same identifiers in the same order.
 * @param seed @default random, so that a restarted daemon never repeats an identifier
 */
export function createIdentifiers(seed: string = randomBytes(16).toString("hex")): Identifiers {
  const next = byteStream(seed);
  const pick = (alphabet: string, length: number): string => {
    let text = "";
    while (text.length < length) {
      const byte = next();
      // Bytes past the last whole multiple would make the first characters likelier.
      if (byte < 256 - (256 % alphabet.length)) text += alphabet.charAt(byte % alphabet.length);
    }
    return text;
  };
  const hex = (length: number) => pick("0123456789abcdef", length);
  return {
    hex,
    alphanumeric: (length, upper = false) => pick(upper ? DIGITS_AND_UPPER : DIGITS_AND_LETTERS, length),
    // RFC 9562, version 4, variant 10.
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${pick("89ab", 1)}${hex(3)}-${hex(12)}`,
  };
}

/** SHA-256 in counter mode. */
function byteStream(seed: string): () => number {
  let block = Buffer.alloc(0);
  let offset = 0;
  let counter = 0;
  return () => {
    if (offset >= block.length) {
      block = createHash("sha256").update(`${seed}:${counter++}`).digest();
      offset = 0;
    }
    return block.readUInt8(offset++);
  };
}
