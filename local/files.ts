/** Small files of the daemon's folder: read when present, written so that a reader sees the old or the new content. */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { systemCode } from "./errors";

export const LOG_FILE = "daemon.log";

/** The content, or undefined when there is no such file. */
export function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Only the user may read what is written: `daemon.json` holds a token. */
export function writePrivate(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Moves a file that has grown too long out of the way, over the one that was moved before. */
export function rotate(file: string, maxBytes: number): void {
  try {
    if (statSync(file).size > maxBytes) renameSync(file, `${file}.1`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
