/** Where damaged files go: out of the way of readers, there for who wants to know what happened, and bounded. */
import { join } from "node:path";
import type { Log } from "../transport";
import { systemCode, type FileSystem } from "./files";

/** Files that are kept; the oldest go first. At 4 MiB each they take 256 MiB at most. */
const KEPT = 64;

export class Quarantine {
  #last = 0;

  /** @param kept for tests */
  constructor(private readonly folder: string, private readonly fs: FileSystem, private readonly log: Log, private readonly kept = KEPT) {}

  /**
   * Moves a file here.
   * @param name what it is, fit for a file name
   */
  async take(file: string, name: string): Promise<void> {
    // Names sort by time, so that the oldest are found without asking the disk.
    this.#last = Math.max(Date.now(), this.#last + 1);
    try {
      await this.fs.rename(file, join(this.folder, `${this.#last}.${name}`));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return; // its upload was removed meanwhile
      throw error;
    }
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const names = (await this.fs.readdir(this.folder)).sort();
    for (const name of names.slice(0, Math.max(0, names.length - this.kept))) {
      await this.fs.unlink(join(this.folder, name)).catch((error: unknown) => this.log.warn({ err: error, name }, "an old file in quarantine can't be removed"));
    }
  }
}
