/** The lock of a fleet's live run: one run at a time on one `.stackfleet`, and never stuck behind a dead one. */
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { OPERATIONS } from "../events";
import { FleetError } from "../errors";
import { lifeOf, ownIdentity } from "../system/process-identity";

const holderSchema = z.object({
  run: z.string(), operation: z.enum(OPERATIONS), since: z.string(),
  host: z.string(), bootId: z.string().optional(), pid: z.number().int(), startedAt: z.string().optional(),
});
export type RunHolder = z.infer<typeof holderSchema>;

/** The live run, or undefined; a lock whose holder is proven dead counts as none. */
export function liveRun(file: string): RunHolder | undefined {
  const holder = readHolder(file);
  return holder !== undefined && lifeOf(holder) !== "dead" ? holder : undefined;
}

/**
 * Takes the lock.
 * @returns the function that gives it back
 * @throws FleetError `run-in-progress` naming the live run
 */
export function takeRunLock(file: string, run: { readonly run: string; readonly operation: RunHolder["operation"] }): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  const own: RunHolder = { ...run, since: new Date().toISOString(), ...ownIdentity() };
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(own));
    // A hard link appears whole or not at all, and fails when the name is taken; a dead holder's file is removed once.
    for (let attempt = 0; !tryLink(temporary, file); attempt++) {
      const holder = liveRun(file);
      if (holder !== undefined || attempt > 3) throw inProgress(holder);
      unlinkIfExists(file);
    }
  } finally {
    unlinkIfExists(temporary);
  }
  return () => unlinkIfExists(file);
}

function inProgress(holder: RunHolder | undefined): FleetError {
  const who = holder ? `run ${holder.run} (${holder.operation}, process ${holder.pid} on ${holder.host}) is in progress since ${holder.since}` : "another run is just starting";
  return new FleetError("run-in-progress", who, { source: "user", exitCode: 1, fix: "watch it with `stackfleet status --watch`, or stop it with Ctrl+C in its terminal" });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(file: string): RunHolder | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return holderSchema.parse(JSON.parse(text));
}

function unlinkIfExists(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
