/** Linux's `/proc/<pid>/stat` (proc(5)); `undefined` everywhere else, and for a process that is gone. */
import { readFileSync } from "node:fs";

/** The unit of all times in it, USER_HZ: 100 on every Linux that Node supports. */
export const TICKS_PER_SECOND = 100;

/** Fields by their number in proc(5), from 3 (state) on. */
export interface ProcStat { field(number: number): string | undefined }

export function procStat(pid: number | "self"): ProcStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // Field 2, the command, may contain spaces and parentheses; the fields count from behind the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { field: (number) => fields[number - 3] };
}
