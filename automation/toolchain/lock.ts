/**
 * One process at a time sets the toolchain up. The lock is a transaction on an empty SQLite file: the kernel releases it in
 * the moment its holder dies, however it dies, so there is no stale lock to detect and no time-out to guess.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { throwIfAborted } from "./guarded";

/** How often a waiting process tries again; short beside a set-up of minutes. */
const RETRY_MS = 200;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once when another process holds the lock; `holder` is its pid as far as it is known. */
  readonly onWait: (holder: string) => void;
}

/**
 * Runs `work` while this process holds `file`; waits for as long as another one does.
 * @throws FleetError `interrupted` when the signal aborts while waiting
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  // Loaded here: a warm search never takes the lock.
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(file);
  const holderFile = `${file}.holder`;
  try {
    for (let waited = false; !tryLock(database); ) {
      if (!waited) options.onWait(readHolder(holderFile));
      waited = true;
      await delay(RETRY_MS);
      throwIfAborted(options.signal);
    }
    writeFileSync(holderFile, String(process.pid));
    try {
      return await work();
    } finally {
      rmSync(holderFile, { force: true });
    }
  } finally {
    database.close();
  }
}

function tryLock(database: { exec(sql: string): void }): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    // 5: SQLITE_BUSY, https://sqlite.org/rescode.html#busy
    if (typeof error === "object" && error !== null && "errcode" in error && error.errcode === 5) return false;
    throw error;
  }
}

function readHolder(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not written yet, or removed already: the name only informs.
    return "unknown";
  }
}
