/** One node a volume: two on the same files would each undo what the other does. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLITE_BUSY: another process has the lock. */
const SQLITE_BUSY = 5;

export interface VolumeLock { release(): void }

/** Another process holds the volume. */
export class VolumeInUse extends Error {
  override readonly name = "VolumeInUse";
}

/**
 * Takes the volume for this process, making the folder when it doesn't exist. SQLite's file locks are the system's own
 * (`fcntl`): they hold between containers of one machine, and end with their holder, however it ends.
 * @throws {VolumeInUse}
 */
export function lockVolume(dataDir: string): VolumeLock {
  mkdirSync(dataDir, { recursive: true });
  const db = new DatabaseSync(join(dataDir, "node.lock"));
  try {
    db.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;");
  } catch (error) {
    db.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
      throw new VolumeInUse(`DATA_DIR: ${dataDir} is in use by another node; expected a volume of its own for each node`, { cause: error });
    }
    throw error;
  }
  return { release: () => db.close() };
}
