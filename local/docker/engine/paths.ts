/** Which file of this machine a path inside a container is: only what lies in its volumes, and the files it was given. */
import { lstatSync, realpathSync } from "node:fs";
import * as path from "node:path";
import { systemCode } from "../../errors";
import type { CloudContext } from "../../model";
import { EngineError } from "../errors";
import type { ContainerView } from "./containers";
import { engineOf } from "./index";
import { volumeMounts } from "./spec";

export interface Inside {
  /** Clean, absolute, as the container sees it. */
  readonly path: string;
  /** The volume's folder on this machine, with no link in it. */
  readonly root: string;
  /** On this machine; it lies in `root`, and no link leads to it. It may not exist; it may be a link itself. */
  readonly real: string;
  readonly readOnly: boolean;
}

/**
 * @throws {EngineError} 404 for a path outside the volumes, or whose folder isn't there; 400 when a link leads out of the volume
 */
export function insideVolume(container: ContainerView, asked: string, cloud: CloudContext): Inside {
  const clean = path.posix.normalize(`/${asked}`).replace(/(.)\/$/, "$1");
  const [mount] = volumeMounts(container.record).filter(({ mountPath }) => clean === mountPath || clean.startsWith(`${mountPath.replace(/\/$/, "")}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
  if (mount === undefined) throw notFound(container, asked);
  const root = existing(engineOf(cloud).volumes.mountpoint(mount.name)) ?? missing(container, asked);
  const relative = path.posix.relative(mount.mountPath, clean);
  const parts = relative === "" ? [] : relative.split("/");
  const last = parts.pop();
  // Links on the way are followed as far as they stay inside; the last name is taken as it is.
  const folder = existing(path.join(root, ...parts)) ?? missing(container, asked);
  if (folder !== root && !folder.startsWith(root + path.sep)) throw new EngineError(400, `path ${asked} leaves its volume through a link`);
  return { path: clean, root, real: last === undefined ? folder : path.join(folder, last), readOnly: mount.readOnly };
}

/** @throws {EngineError} 403 */
export function requireWritable({ path: at, readOnly }: Inside): void {
  if (readOnly) throw new EngineError(403, `mounted volume is marked read-only: ${at}`);
}

export function notFound(container: ContainerView, asked: string): EngineError {
  return new EngineError(404, `Could not find the file ${asked} in container ${container.name}`);
}

/** True when something is there, if only a link. */
export function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function missing(container: ContainerView, asked: string): never {
  throw notFound(container, asked);
}

function existing(folder: string): string | undefined {
  try {
    return realpathSync(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}
