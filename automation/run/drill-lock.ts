/** The locks of drills: one drill at a time on one stack, and none beside a run that changes the fleet. */
import { existsSync, readdirSync } from "node:fs";
import * as path from "node:path";
import type { z } from "zod";
import { FleetError } from "../errors";
import { holderOf, holderSchema, keepIf, takeLock } from "../system/lock-file";
import { refuseBesideRun } from "./lock";

type DrillHolder = z.infer<typeof holderSchema>;

/**
 * Takes the lock of a drill.
 * @param dir folder of the target's drills
 * @param runLock of the fleet's runs
 * @returns the function that gives it back
 * @throws FleetError `drill-in-progress`, `run-in-progress`
 */
export function takeDrillLock(dir: string, stack: string, runLock: string): () => void {
  const release = takeLock(lockFile(dir, stack), holderSchema, {}, (holder) => drillInProgress(stack, holder));
  return keepIf(() => refuseBesideRun(runLock), release);
}

/**
 * Called by what is about to change these stacks, after it has taken its own lock.
 * @param stacks of all that have a lock when left out
 * @throws FleetError `drill-in-progress`
 */
export function refuseBesideDrills(dir: string, stacks: readonly string[] = lockedIn(dir)): void {
  for (const stack of stacks) {
    const holder = holderOf(lockFile(dir, stack), holderSchema);
    if (holder !== undefined) throw drillInProgress(stack, holder);
  }
}

/** Whether a drill of the stack was killed, and what it broke waits for the next drill to be put back. Source of the name: drills/undo-file.ts. */
export function hasDrillLeftovers(dir: string, stack: string): boolean {
  return existsSync(path.join(dir, `${stack}.undo.json`));
}

const LOCK = ".lock";

function lockedIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).filter((name) => name.endsWith(LOCK)).map((name) => decodeURIComponent(name.slice(0, -LOCK.length)));
}

function lockFile(dir: string, stack: string): string {
  return path.join(dir, `${encodeURIComponent(stack)}${LOCK}`); // comes from a command line, where it may be no name at all
}

function drillInProgress(stack: string, holder: DrillHolder | undefined): FleetError {
  return new FleetError("drill-in-progress", `a drill of stack ${stack} is in progress${holder ? `: process ${holder.pid} on ${holder.host}` : ""}`, {
    source: "user", exitCode: 1, fix: "wait for its end, or stop it with Ctrl+C in its terminal",
  });
}
