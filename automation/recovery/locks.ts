/** Pulumi's lock files of a `file://` backend: clears a dead process's lock, and that one only. */
import { readdirSync, readFileSync, unlinkSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { checkpointFile } from "../backend/checkpoint";
import { readIfExists } from "../backend/files";
import { FleetError } from "../errors";
import { lifeOfWriter } from "../system/process-identity";

const lockSchema = z.object({ pid: z.number().int(), username: z.string().optional(), hostname: z.string(), timestamp: z.coerce.date() });

/** A lock that was cleared; without `pid`, one that was torn while it was written. */
export interface ClearedLock { readonly file: string; readonly pid?: number }

/**
 * Clears the locks of a stack whose holders are proven dead.
 * @throws FleetError `stack-locked` when a holder is alive, or is on another host and can't be proven dead
 */
export function clearDeadLocks(stateDir: string, project: string, stack: string): ClearedLock[] {
  return filesIn(lockDir(stateDir, project, stack)).map((file) => {
    const lock = parseLock(file);
    const life = lock === undefined ? "dead" : lifeOfWriter({ host: lock.hostname, pid: lock.pid, writtenAt: lock.timestamp });
    if (life !== "dead") throw lockedError(stack, file, lock, life);
    unlinkSync(file);
    removeTornSidecar(file);
    return { file, ...(lock && { pid: lock.pid }) };
  });
}

/** Processes of this host that hold a lock of the stack and are alive. */
export function liveHolders(stateDir: string, project: string, stack: string): number[] {
  return filesIn(lockDir(stateDir, project, stack)).flatMap((file) => {
    const lock = parseLock(file);
    return lock !== undefined && lifeOfWriter({ host: lock.hostname, pid: lock.pid, writtenAt: lock.timestamp }) === "alive" ? [lock.pid] : [];
  });
}

function lockDir(stateDir: string, project: string, stack: string): string {
  return path.join(stateDir, ".pulumi", "locks", "organization", project, stack);
}

/**
 * Removes the attributes file beside a checkpoint when a kill has torn it. The backend's file driver (gocloud fileblob) renames the
 * checkpoint into place, but writes `<file>.attrs` directly; a torn one makes the whole checkpoint unreadable ("EOF"),
 * a missing one means default attributes.
 */
export function repairSidecars(stateDir: string, project: string, stack: string): void {
  const file = checkpointFile(stateDir, project, stack);
  for (const candidate of [file, `${file}.gz`, `${file}.bak`]) removeTornSidecar(candidate);
}

function removeTornSidecar(file: string): void {
  const sidecar = `${file}.attrs`;
  const text = readIfExists(sidecar);
  if (text !== undefined && !isJson(text)) unlinkSync(sidecar);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function lockedError(stack: string, file: string, lock: z.infer<typeof lockSchema> | undefined, life: "alive" | "unknown"): FleetError {
  const holder = `process ${lock?.pid} on ${lock?.hostname}`;
  return life === "alive"
    ? new FleetError("stack-locked", `stack ${stack} is being updated by ${holder} since ${lock?.timestamp.toISOString()}`, {
        source: "user", exitCode: 1, fix: "wait until it is done, or end it, then run the command again",
      })
    : new FleetError("stack-locked", `stack ${stack} is locked by ${holder}, and whether that is alive can't be seen from this host`, {
        source: "user", exitCode: 1, fix: `look on that host; when the process is gone, delete ${file}`,
      });
}

/** Undefined for a lock that was torn while it was written: its writer died, or found the disk full, or it would be whole by now. */
function parseLock(file: string): z.infer<typeof lockSchema> | undefined {
  const text = readFileSync(file, "utf8");
  return isJson(text) ? lockSchema.parse(JSON.parse(text)) : undefined;
}

/**
 * Lock files, and what the file driver writes before it renames them (`<id>.json.<hex>.tmp`): the CLI takes everything in this folder
 * for a lock, so that one that a kill or a full disk left there would block the stack for good.
 */
function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /\.json(\..+\.tmp)?$/.test(name)).map((name) => path.join(dir, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
