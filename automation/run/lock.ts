/** The lock of a fleet's live run: one run at a time on one `.stackfleet`. */
import { z } from "zod";
import { FleetError } from "../errors";
import { OPERATIONS } from "../events";
import { holderOf, holderSchema, takeLock } from "../system/lock-file";

const runHolderSchema = holderSchema.extend({ run: z.string(), operation: z.enum(OPERATIONS), since: z.string() });
export type RunHolder = z.infer<typeof runHolderSchema>;

/** The live run, or undefined; a lock whose holder is proven dead counts as none. */
export function liveRun(file: string): RunHolder | undefined {
  return holderOf(file, runHolderSchema);
}

/**
 * Takes the lock.
 * @returns the function that gives it back
 * @throws FleetError `run-in-progress` naming the live run
 */
export function takeRunLock(file: string, run: { readonly run: string; readonly operation: RunHolder["operation"] }): () => void {
  return takeLock(file, runHolderSchema, { ...run, since: new Date().toISOString() }, runInProgress);
}

/**
 * Called by what must not be done beside a run.
 * @throws FleetError `run-in-progress` naming the live run
 */
export function refuseBesideRun(file: string): void {
  const run = liveRun(file);
  if (run !== undefined) throw runInProgress(run);
}

function runInProgress(holder: RunHolder | undefined): FleetError {
  const who = holder ? `run ${holder.run} (${holder.operation}, process ${holder.pid} on ${holder.host}) is in progress since ${holder.since}` : "another run is just starting";
  return new FleetError("run-in-progress", who, { source: "user", exitCode: 1, fix: "watch it with `stackfleet status --watch`, or stop it with Ctrl+C in its terminal" });
}
