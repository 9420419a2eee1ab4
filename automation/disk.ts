/** How a full disk is told, wherever it is met first: one code, one beginning, one thing to do. */
import { FleetError } from "./errors";

/** Whether a call of the file system failed because no space, or none of the user's quota, is left. */
export function isDiskFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** What is told in any case. */
export const DISK_FULL = { code: "disk-full", message: "the disk is full", fix: "free some space and run the same command again" } as const;

/** @param what what could not be done, and with which folder or file */
export function diskFull(what: string, cause?: unknown): FleetError {
  return new FleetError(DISK_FULL.code, `${DISK_FULL.message}: ${what}`, { source: "tool", cause, fix: DISK_FULL.fix });
}
