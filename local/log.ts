/** The daemon's own log: JSON lines in `daemon.log`. */
import { renameSync, statSync } from "node:fs";
import * as path from "node:path";
import { destination, pino, type Logger } from "pino";
import { systemCode } from "./errors";
import type { CloudContext } from "./model";

/** One older log is kept beside it. */
const MAX_BYTES = 10 * 1024 * 1024;

export const LOG_FILE = "daemon.log";

/** Written synchronously: the lines before a crash are the ones that matter, and there are few. */
export function openLog(dir: string): Logger {
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: path.join(dir, LOG_FILE), append: true, sync: true, mode: 0o600 }));
}

/** Moves a log that has grown too long out of the way. Before the daemon starts, as it keeps the file open. */
export function rotateLog(dir: string): void {
  const file = path.join(dir, LOG_FILE);
  try {
    if (statSync(file).size > MAX_BYTES) renameSync(file, `${file}.1`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

/** The log as models see it. */
export function modelLog(logger: Logger): CloudContext["log"] {
  return { info: (message, fields) => logger.info(fields ?? {}, message), warn: (message, fields) => logger.warn(fields ?? {}, message) };
}
