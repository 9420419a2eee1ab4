/** One daemon a folder: an exclusive lock that the operating system drops when its holder dies, however it dies. */
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LocalCloudError, systemCode } from "./errors";

export interface FolderLock { release(): void }

/** SQLITE_BUSY: another process has the lock. */
const SQLITE_BUSY = 5;

/**
 * Takes the folder's lock. SQLite's file locks are the system's own (`fcntl`), so no dead holder has to be proven dead.
 * @throws {LocalCloudError} `already-running`
 */
export function lockFolder(dir: string): FolderLock {
  const db = new DatabaseSync(path.join(dir, "daemon.lock"));
  try {
    db.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;");
  } catch (error) {
    db.close();
    if (systemCode(error) === "ERR_SQLITE_ERROR" && error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
      throw new LocalCloudError("already-running", `a local cloud is running in ${dir} already`, "use it, or stop it with `stackfleet local stop`", { cause: error });
    }
    throw error;
  }
  return { release: () => db.close() };
}
