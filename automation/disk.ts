/** How a full disk is told, wherever it is met first: one code, one beginning, one thing to do. */
import { FleetError } from "./errors";

/** Whether a call of the file system failed because no space, or none of the user's quota, is left. */
export function isDiskFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** @param what what could not be done, and with which folder or file */
export function diskFull(what: string, cause?: unknown): FleetError {
  return new FleetError("disk-full", `the disk is full: ${what}`, { source: "tool", cause, fix: "free some space and run the same command again" });
}
