/** The runs of a fleet on disk: their ids, their order, and how many are kept. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import type { Layout } from "../layout";

/** Runs kept by `pruneRuns`. */
export const KEPT_RUNS = 50;

const RUN_ID = /^\d{8}T\d{6}-[0-9a-f]{6}$/;

/** An id that sorts by time (UTC, to the second): `20261121T093015-abc123`. */
export function newRunId(now: Date, random: string = randomBytes(3).toString("hex")): string {
  const stamp = now.toISOString().replace(/[-:]/g, "").slice(0, "20261121T093015".length);
  return `${stamp}-${random}`;
}

/** Ids of the runs that have a journal, newest first. */
export function listRuns(layout: Pick<Layout, "runs" | "run">): string[] {
  return runFolders(layout).filter((id) => existsSync(layout.run(id).journal));
}

/** Id of the newest run that has a journal; undefined when there is none. */
export function latestRun(layout: Pick<Layout, "runs" | "run">): string | undefined {
  return runFolders(layout).find((id) => existsSync(layout.run(id).journal));
}

/** Removes all but the newest runs. @returns the ids removed */
export function pruneRuns(layout: Pick<Layout, "runs" | "run">, keep: number = KEPT_RUNS): string[] {
  const old = runFolders(layout).slice(keep);
  for (const id of old) rmSync(layout.run(id).dir, { recursive: true, force: true });
  return old;
}

/** Newest first; other folders are not ours and are left alone. */
function runFolders(layout: Pick<Layout, "runs">): string[] {
  try {
    return readdirSync(layout.runs).filter((name) => RUN_ID.test(name)).sort().reverse();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
