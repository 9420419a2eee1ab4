/** The lock of a drill: one at a time on one stack, none beside a run that changes the fleet, and never stuck behind a dead one. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { FleetError } from "../../errors";
import { liveRun } from "../../run/lock";
import { lifeOf, ownIdentity } from "../../system/process-identity";

const holderSchema = z.object({ host: z.string(), bootId: z.string().optional(), pid: z.number().int(), startedAt: z.string().optional() });

/**
 * @param file of the lock
 * @param runLock of the fleet's runs
 * @returns the function that gives it back
 * @throws FleetError `drill-in-progress`, `run-in-progress`
 */
export function takeDrillLock(file: string, runLock: string): () => void {
  const run = liveRun(runLock);
  if (run) throw new FleetError("run-in-progress", `run ${run.run} (${run.operation}, process ${run.pid} on ${run.host}) is in progress since ${run.since}`, { source: "user", exitCode: 1, fix: "wait for its end: stackfleet status --watch" });
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(ownIdentity()));
    // A hard link appears whole or not at all, and fails when the name is taken.
    for (let attempt = 0; !tryLink(temporary, file); attempt++) {
      const holder = liveHolder(file);
      if (holder !== undefined || attempt > 3) {
        throw new FleetError("drill-in-progress", `another drill of this stack is in progress${holder ? `: process ${holder.pid} on ${holder.host}` : ""}`, { source: "user", exitCode: 1, fix: "wait for its end, or stop it with Ctrl+C in its terminal" });
      }
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  return () => rmSync(file, { force: true });
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

/** Undefined when it is proven dead, or gone. */
function liveHolder(file: string): z.infer<typeof holderSchema> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const holder = holderSchema.parse(JSON.parse(text));
  return lifeOf(holder) === "dead" ? undefined : holder;
}
