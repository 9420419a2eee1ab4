/** Files that processes read while the runtime replaces them. */
import { renameSync, utimesSync, writeFileSync } from "node:fs";

/** File systems may keep times in steps of several milliseconds and use a freed inode again at once; so each file gets a time of its own. */
const STEP_SECONDS = 0.000_01;
let last = 0;

/** Atomic: who reads at this moment sees the old content or the new one, never half of one; and another time of modification than ever before. */
export function replaceFile(file: string, text: string): void {
  last = Math.max(Date.now() / 1_000, last + STEP_SECONDS);
  writeFileSync(`${file}.new`, text);
  utimesSync(`${file}.new`, last, last);
  renameSync(`${file}.new`, file);
}
