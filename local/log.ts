/** The daemon's own log: JSON lines in `daemon.log`. */
import * as path from "node:path";
import { destination, pino, type Logger } from "pino";
import { LOG_FILE } from "./files";
import type { CloudContext } from "./model";

/** Written synchronously: the lines before a crash are the ones that matter, and there are few. */
export function openLog(dir: string): Logger {
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: path.join(dir, LOG_FILE), append: true, sync: true, mode: 0o600 }));
}

/** The log as models see it. */
export function modelLog(logger: Logger): CloudContext["log"] {
  return { info: (message, fields) => logger.info(fields ?? {}, message), warn: (message, fields) => logger.warn(fields ?? {}, message) };
}
