/** Files that are durable when a promise says so, and the seam where tests let a disk fail. */
import { randomUUID } from "node:crypto";
import * as promises from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The calls that the chunkserver makes. */
export type FileSystem = Pick<typeof promises, "open" | "rename" | "unlink" | "mkdir" | "readdir" | "rm" | "stat" | "statfs" | "readFile">;

export const realFiles: FileSystem = promises;

/** Code of a system error, such as `ENOENT`; empty for any other error. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** No room: of the disk, or of this user on it. */
export function isNoSpace(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(systemCode(error));
}

/** The disk itself fails. */
export function isDiskFailure(error: unknown): boolean {
  return ["EIO", "EROFS", "ENXIO", "EUCLEAN", "ENODEV"].includes(systemCode(error));
}

/** Called with the seconds that an fsync took. */
export type ObserveSync = (seconds: number) => void;

/** Files that survive a crash of the machine: data and names are fsynced. Calls for one folder at one time share an fsync. */
export class DurableFiles {
  /** Syncs that run, and those that wait for them, by folder. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(readonly fs: FileSystem, private readonly observe: ObserveSync = () => undefined) {}

  /** Resolves when every name that is in the folder now is durable. */
  async syncFolder(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#startSync(folder);
    // The one that runs may have begun before this call's rename. All that come while it runs share the next.
    let next = this.#waiting.get(folder);
    if (next === undefined) {
      next = running.then(() => undefined, () => undefined).then(async () => {
        this.#waiting.delete(folder);
        await this.#startSync(folder);
      });
      this.#waiting.set(folder, next);
    }
    return next;
  }

  async #startSync(folder: string): Promise<void> {
    const sync = this.#sync(folder).finally(() => {
      if (this.#running.get(folder) === sync) this.#running.delete(folder);
    });
    this.#running.set(folder, sync);
    return sync;
  }

  async #sync(folder: string): Promise<void> {
    const handle = await this.fs.open(folder, "r");
    try {
      await this.syncFile(handle);
    } finally {
      await handle.close();
    }
  }

  /** fsync of an open file. */
  async syncFile(handle: promises.FileHandle): Promise<void> {
    const started = performance.now();
    await handle.sync();
    this.observe((performance.now() - started) / 1000);
  }

  /** Makes a folder whose name is durable, unless it exists. */
  async makeFolder(folder: string): Promise<void> {
    await this.fs.mkdir(folder, { recursive: true });
    await this.syncFolder(dirname(folder));
  }

  /** Writes a whole file, or leaves the old one: by way of a temporary one, and durable. */
  async replaceFile(file: string, content: string, temporaryFolder: string): Promise<void> {
    const temporary = join(temporaryFolder, `${basename(file)}.${randomUUID()}`);
    try {
      const handle = await this.fs.open(temporary, "wx", 0o600);
      try {
        await handle.writeFile(content);
        await this.syncFile(handle);
      } finally {
        await handle.close();
      }
      await this.fs.rename(temporary, file);
    } catch (error) {
      await this.discard(temporary);
      throw error;
    }
    await this.syncFolder(dirname(file));
  }

  /** Removes a temporary file. One that can't be removed goes at the next start; why it is not wanted is what the caller tells. */
  async discard(file: string): Promise<void> {
    await this.fs.unlink(file).catch(() => undefined);
  }
}
