/** Unix sockets of services: in the daemon's folder, or in a short folder of their own where that path would be too long for one. */
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import * as path from "node:path";
import { LocalCloudError } from "./errors";

/** Bytes that every system takes. Source: unix(7), sun_path: 108 on Linux; 104 on macOS; with the zero at its end. */
const LONGEST = 100;

export interface SocketPlace {
  readonly path: string;
  /** Removes what was made for it. */
  release(): void;
}

/**
 * Where a service listens; the folder is the user's alone, and a socket that a killed daemon left is gone.
 * The same folder always gives the same path.
 * @throws {LocalCloudError} `socket-unavailable`
 */
export function claimSocket(dir: string, name: string): SocketPlace {
  const inside = path.join(dir, `${name}.sock`);
  if (Buffer.byteLength(inside) <= LONGEST) return { path: cleared(inside), release: () => rmSync(inside, { force: true }) };
  const folder = path.join(tmpdir(), `stackfleet-${createHash("sha256").update(dir).digest("hex").slice(0, 12)}`);
  const short = path.join(folder, `${name}.sock`);
  if (Buffer.byteLength(short) > LONGEST) {
    throw new LocalCloudError("socket-unavailable", `no place for the socket ${name}.sock; got ${Buffer.byteLength(short)} bytes for ${short}; expected at most ${LONGEST}`, "set TMPDIR to a shorter folder, or STACKFLEET_ROOT");
  }
  requireOwnFolder(folder);
  return { path: cleared(short), release: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Others may make folders beside it: only one of ours will do. */
function requireOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  const { uid } = userInfo();
  if (!stats.isDirectory() || (uid >= 0 && stats.uid !== uid)) {
    throw new LocalCloudError("socket-unavailable", `${folder} is another user's; expected a folder of yours`, "remove it, or set TMPDIR");
  }
  chmodSync(folder, 0o700);
}

function cleared(file: string): string {
  rmSync(file, { force: true });
  return file;
}
