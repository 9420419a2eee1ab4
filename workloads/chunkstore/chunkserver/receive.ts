/** Takes a chunk off the wire: to a temporary file, hashed on the way, durable and verified at the end. */
import { createHash } from "node:crypto";
import { NodeRefusal } from "../transport";
import type { NewChunk } from "./chunkDisk";
import type { DurableFiles } from "./files";

/** Bytes that one write takes: what comes off the wire is 16 KiB a piece, and a write of each would cost more than the disk. */
const WRITE_BYTES = 256 * 1024;

/**
 * Writes the body to a new file, fsynced on return. The file is left behind when this throws; the caller removes it.
 * @throws {NodeRefusal} 400 when the body is shorter or longer than announced, or breaks off; 422 when it has another checksum
 */
export async function receive(files: DurableFiles, file: string, chunk: NewChunk, body: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash("sha256");
  const handle = await files.fs.open(file, "wx", 0o600);
  try {
    let total = 0;
    for await (const pieces of batches(body, chunk.size)) {
      for (const piece of pieces) hash.update(piece);
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      await writeAll(handle, pieces, length);
      total += length;
    }
    if (total !== chunk.size) throw new NodeRefusal(400, "incomplete-body", `got ${total} of ${chunk.size} bytes`);
    if (hash.digest("hex") !== chunk.sha256) throw new NodeRefusal(422, "checksum-mismatch", "the bytes that arrived don't match the announced SHA-256");
    await files.syncFile(handle);
  } finally {
    await handle.close();
  }
}

/**
 * Pieces of the body, some at a time.
 * @throws {NodeRefusal} 400 when it breaks off, or is longer than the limit
 */
export async function* batches(body: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array[]> {
  let pieces: Uint8Array[] = [];
  let waiting = 0;
  let total = 0;
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next().catch((error: unknown) => {
        throw error instanceof NodeRefusal ? error : new NodeRefusal(400, "incomplete-body", `the body broke off after ${total} of ${limit} bytes`, { cause: error });
      });
      if (next.done === true) break;
      total += next.value.length;
      if (total > limit) throw new NodeRefusal(400, "invalid-request", `got more than the announced ${limit} bytes`);
      pieces.push(next.value);
      waiting += next.value.length;
      if (waiting < WRITE_BYTES) continue;
      yield pieces;
      pieces = [];
      waiting = 0;
    }
  } finally {
    await iterator.return?.();
  }
  if (pieces.length > 0) yield pieces;
}

/** A write may take less than it was given, and a disk that is nearly full does. */
async function writeAll(handle: { writev(buffers: readonly Uint8Array[]): Promise<{ bytesWritten: number }>; write(buffer: Uint8Array): Promise<{ bytesWritten: number }> }, pieces: readonly Uint8Array[], length: number): Promise<void> {
  let { bytesWritten } = await handle.writev(pieces);
  if (bytesWritten === length) return;
  const rest = Buffer.concat(pieces, length);
  while (bytesWritten < length) {
    const more = (await handle.write(rest.subarray(bytesWritten))).bytesWritten;
    if (more === 0) throw Object.assign(new Error("the disk takes no more bytes"), { code: "ENOSPC" });
    bytesWritten += more;
  }
}
