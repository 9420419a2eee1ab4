/** Reads a chunk's file and lets nothing but the chunk pass. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

/** The file is not the chunk; the message says in what. */
export class Damaged extends Error {
  override readonly name = "Damaged";
}

/**
 * Fills the buffer.
 * @throws {Damaged}
 */
export async function readVerified(handle: FileHandle, buffer: Buffer, sha256: string): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) throw new Damaged(`its file ends after ${filled} bytes`);
    filled += bytesRead;
  }
  if (createHash("sha256").update(buffer).digest("hex") !== sha256) throw new Damaged("its bytes don't match its checksum");
  return buffer;
}
