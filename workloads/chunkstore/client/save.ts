/** Puts a downloaded file in its place: all of it or nothing, and nothing else is ever seen there. */
import { randomBytes } from "node:crypto";
import { promises as fs, type Stats } from "node:fs";
import * as path from "node:path";
import { codeOf, ChunkStoreError, fileError } from "./errors";

/** Bytes that are written at once. */
const WRITE_BYTES = 1024 * 1024;

/**
 * The file to write: `target`, or `name` in it if it is a folder.
 * @throws ChunkStoreError `target-exists`, `file-unusable`
 */
export async function resolveTarget(target: string, name: string, force: boolean): Promise<string> {
  const asFolder = /[/\\]$/.test(target) || target === "";
  const there = await statIfExists(target === "" ? "." : target);
  if (asFolder && there === undefined) throw new ChunkStoreError("file-unusable", `target: no such folder; got ${target}`, { fix: "make the folder first" });
  const file = there?.isDirectory() === true ? path.join(target, name) : target;
  const present = await statIfExists(file);
  if (present === undefined) {
    const folder = await statIfExists(path.dirname(file));
    if (folder?.isDirectory() !== true) throw new ChunkStoreError("file-unusable", `target: no such folder; got ${path.dirname(file)}`, { fix: "make the folder first" });
    return file;
  }
  if (!present.isFile()) throw new ChunkStoreError("file-unusable", `target: not a regular file; got ${file}; expected a file or a folder`, { fix: "use - as the target to write to standard output" });
  if (!force) throw targetExists(file);
  return fs.realpath(file); // a link stays one, and what it leads to is replaced
}

function targetExists(file: string): ChunkStoreError {
  return new ChunkStoreError("target-exists", `target: is there already; got ${file}`, { fix: "give another target, or --force to overwrite it" });
}

async function statIfExists(file: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw fileError(error, "write the target", file);
  }
}

/** Writes beside the target under another name, which only {@link commit} takes away. */
export class PartFile {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private written = 0;

  private constructor(private readonly target: string, private readonly part: string, private readonly handle: fs.FileHandle) {}

  static async create(target: string): Promise<PartFile> {
    const part = path.join(path.dirname(target), `.chunks-${randomBytes(6).toString("hex")}.part`);
    try {
      return new PartFile(target, part, await fs.open(part, "wx"));
    } catch (error) {
      throw fileError(error, "write the target", target, "choose a folder that you may write to");
    }
  }

  async write(piece: Buffer): Promise<void> {
    this.pending.push(piece);
    this.pendingBytes += piece.length;
    if (this.pendingBytes >= WRITE_BYTES) await this.flush();
  }

  /** Makes it durable and gives it its name. @throws ChunkStoreError `target-exists` when a file has appeared there */
  async commit(force: boolean): Promise<void> {
    try {
      await this.flush();
      await this.handle.sync();
      await this.handle.close();
      await this.place(force);
      await syncFolder(path.dirname(this.target));
    } catch (error) {
      throw fileError(error, "write the target", this.target);
    }
  }

  /** Removes what was written, unless it was committed. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined); // closed already, or of no use any more
    await fs.rm(this.part, { force: true });
  }

  private async flush(): Promise<void> {
    let rest = this.pending;
    this.pending = [];
    this.pendingBytes = 0;
    try {
      while (rest.length > 0) {
        const { bytesWritten } = await this.handle.writev(rest, this.written);
        this.written += bytesWritten;
        rest = after(rest, bytesWritten);
      }
    } catch (error) {
      throw fileError(error, "write the target", this.target, codeOf(error) === "ENOSPC" ? "free some space, or choose another folder" : undefined);
    }
  }

  private async place(force: boolean): Promise<void> {
    if (force) {
      const { mode } = (await statIfExists(this.target)) ?? {};
      if (mode !== undefined) await fs.chmod(this.part, mode & 0o7777);
      return fs.rename(this.part, this.target);
    }
    try {
      await fs.link(this.part, this.target); // unlike a rename, never over a file that has just appeared
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw targetExists(this.target);
      // Some file systems have no hard links; the look before the rename leaves a small gap there.
      if ((await statIfExists(this.target)) !== undefined) throw targetExists(this.target);
      return fs.rename(this.part, this.target);
    }
    await fs.rm(this.part);
  }
}

/** What is left of buffers after some bytes were written. */
function after(buffers: readonly Buffer[], written: number): Buffer[] {
  let done = written;
  return buffers.flatMap((buffer) => {
    const skip = Math.min(done, buffer.length);
    done -= skip;
    return skip === buffer.length ? [] : [buffer.subarray(skip)];
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!["EINVAL", "EISDIR", "EPERM", "ENOTSUP"].includes(codeOf(error) ?? "")) throw error; // not every file system can
  } finally {
    await handle.close();
  }
}
