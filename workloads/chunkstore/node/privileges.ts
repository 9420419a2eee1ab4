/** Gives up root's rights for good, once the secrets that only root may read are read. */
import { chownSync, mkdirSync } from "node:fs";
import type { RunAs } from "./settings";

/**
 * Becomes another user; does nothing when the process isn't root. Call it before any file of the volume or any socket is opened.
 * The volume's folder is handed over, without what is in it: it is new, or this user's already.
 * @throws {Error} when root's rights could be taken back
 */
export function dropPrivileges({ uid, gid }: RunAs, dataDir: string): void {
  if (process.getuid?.() !== 0 || process.setgroups === undefined || process.setgid === undefined || process.setuid === undefined) return;
  mkdirSync(dataDir, { recursive: true });
  chownSync(dataDir, uid, gid);
  process.setgroups([]);
  process.setgid(gid);
  process.setuid(uid);
  if (isRoot() || regainsRoot(process.setuid)) throw new Error("RUN_AS: root's rights could not be given up");
}

function isRoot(): boolean {
  return process.getuid?.() === 0 || process.geteuid?.() === 0 || process.getgid?.() === 0 || process.getegid?.() === 0;
}

function regainsRoot(setuid: (id: number) => void): boolean {
  try {
    setuid(0);
    return true;
  } catch {
    return false; // EPERM is what is hoped for
  }
}
