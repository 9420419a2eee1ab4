/** Tar archives in memory, as the Engine API moves files in and out of containers. */
import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { extract, pack, type Header } from "tar-stream";

/** A regular file of an archive; owner and mode go along, so that what is written back stays readable. */
export interface TarFile {
  /** As in the archive: relative, `/` between names. */
  readonly name: string;
  readonly content: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Most bytes that are read: more than the chunks of a drill's file. */
const MOST_BYTES = 512 * 1024 * 1024;

/** Regular files only. @throws Error when it is no archive, or too large */
export async function readTar(stream: Readable): Promise<TarFile[]> {
  const unpack = extract();
  stream.on("error", (error) => unpack.destroy(error));
  stream.pipe(unpack);
  const files: TarFile[] = [];
  let total = 0;
  for await (const entry of unpack) {
    const { name, type, mode = 0o600, uid = 0, gid = 0, size = 0 } = entry.header;
    total += size;
    if (total > MOST_BYTES) throw new Error(`the archive is larger than ${MOST_BYTES} bytes`);
    if (type === "file") files.push({ name, content: await buffer(entry), mode, uid, gid });
    else entry.resume();
  }
  return files;
}

/** A mode of 0 becomes 0644: tar-stream takes it for none given. */
export async function writeTar(files: readonly TarFile[]): Promise<Buffer> {
  const packed = pack();
  const whole = buffer(packed);
  for (const { content, ...header } of files) await add(packed, header, content);
  packed.finalize();
  return whole;
}

function add(packed: ReturnType<typeof pack>, header: Pick<Header, "name" | "mode" | "uid" | "gid">, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => void packed.entry({ ...header, type: "file" }, content, (error) => (error ? reject(error) : resolve())));
}
