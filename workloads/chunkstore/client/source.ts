/** What is uploaded: content of known size that is hashed while it is read, again and again where that is possible. */
import { createHash } from "node:crypto";
import { constants, promises as fs, type BigIntStats } from "node:fs";
import * as path from "node:path";
import { ChunkStoreError, fileError } from "./errors";

/** A path; bytes; or a stream of so many bytes, which can be sent only once. */
export type UploadSource = string | Uint8Array | { readonly stream: AsyncIterable<Uint8Array>; readonly size: number };

/** Bytes that are read at once. */
const READ_BYTES = 1024 * 1024;
/** Bytes that are handed to the connection at once: small, so that a slow line shows progress before the time limit. */
const PIECE_BYTES = 128 * 1024;

export interface Content {
  readonly size: number;
  /** The name to store it under, if the source has one. */
  readonly name: string | undefined;
  /** False when a second {@link read} is impossible. */
  readonly restartable: boolean;
  /** Known before sending only for content in memory: a file would have to be read twice. */
  readonly sha256?: string;
  /**
   * The content from its beginning; the last piece comes only once it is certain that the source did not change meanwhile.
   * @param sha256 told the checksum at the end
   * @throws ChunkStoreError `source-changed`
   */
  read(sha256: (hex: string) => void): AsyncGenerator<Uint8Array, void, undefined>;
  close(): Promise<void>;
}

/** @throws ChunkStoreError `file-unusable` */
export async function openSource(source: UploadSource): Promise<Content> {
  if (typeof source === "string") return openFile(source);
  return source instanceof Uint8Array ? inMemory(source) : fromStream(source.stream, source.size);
}

async function openFile(file: string): Promise<Content> {
  let handle: fs.FileHandle;
  try {
    // Without O_NONBLOCK, opening a FIFO that nobody writes to would hang.
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(error, "read the file to upload", file, "give the path of a file that you may read");
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) throw notAFile(file, stat);
    return fileContent(handle, file, stat);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function notAFile(file: string, stat: BigIntStats): ChunkStoreError {
  const kind = stat.isDirectory() ? "a folder" : stat.isFIFO() ? "a pipe" : stat.isSocket() ? "a socket" : "a device";
  return new ChunkStoreError("file-unusable", `can't upload; got ${file}, which is ${kind}; expected a regular file`, {
    fix: stat.isDirectory() ? "pack it first (tar -cf folder.tar folder), or name the files in it" : "send what it gives through standard input: - as the file, and --name",
  });
}

function fileContent(handle: fs.FileHandle, file: string, before: BigIntStats): Content {
  const size = Number(before.size);
  const changed = (): ChunkStoreError => new ChunkStoreError("source-changed", `${file} changed while it was uploaded; nothing was stored`, { fix: "run it again once nobody writes to the file" });
  const checkUnchanged = async (): Promise<void> => {
    const now = await handle.stat({ bigint: true });
    if (now.size !== before.size || now.mtimeNs !== before.mtimeNs || now.ctimeNs !== before.ctimeNs) throw changed();
  };
  const readAt = async (offset: number): Promise<Buffer> => {
    const wanted = Math.min(READ_BYTES, size - offset);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, offset);
    if (bytesRead === 0) throw changed();
    return buffer.subarray(0, bytesRead);
  };
  return {
    size, name: path.basename(file), restartable: true, close: () => handle.close(),
    read: async function* (sha256) {
      const hash = createHash("sha256");
      try {
        for (let offset = 0; offset < size;) {
          const block = await readAt(offset);
          hash.update(block);
          offset += block.length;
          if (offset === size) await checkUnchanged();
          yield* piecesOf(block);
        }
      } catch (error) {
        throw fileError(error, "read the file to upload", file);
      }
      if (size === 0) await checkEmpty(handle, file);
      sha256(hash.digest("hex"));
    },
  };
}

/** Files of the kernel (`/proc`) have content and no length. */
async function checkEmpty(handle: fs.FileHandle, file: string): Promise<void> {
  const { bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0);
  if (bytesRead > 0) throw new ChunkStoreError("source-changed", `${file} has content beyond its length of 0; nothing was stored`, { fix: "send its content through standard input: - as the file, and --name" });
}

function inMemory(bytes: Uint8Array): Content {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    size: bytes.length, name: undefined, restartable: true, sha256, close: () => Promise.resolve(),
    read: async function* (told) {
      yield* piecesOf(bytes);
      told(sha256);
    },
  };
}

function fromStream(stream: AsyncIterable<Uint8Array>, size: number): Content {
  return {
    size, name: undefined, restartable: false, close: () => Promise.resolve(),
    read: async function* (sha256) {
      const hash = createHash("sha256");
      let sent = 0;
      let held: Uint8Array | undefined; // the last block stays here until it is known to be the last: a stream that is too long must not look complete
      for await (const block of stream) {
        sent += block.length;
        if (sent > size) break;
        hash.update(block);
        if (held !== undefined) yield* piecesOf(held);
        held = block;
      }
      if (sent !== size) throw new ChunkStoreError("source-changed", `the content has another length than announced; got ${sent < size ? sent : `more than ${size}`} bytes; expected ${size}; nothing was stored`);
      if (held !== undefined) yield* piecesOf(held);
      sha256(hash.digest("hex"));
    },
  };
}

function* piecesOf(block: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < block.length; at += PIECE_BYTES) yield block.subarray(at, at + PIECE_BYTES);
}
