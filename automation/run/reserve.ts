/**
 * Disk space that a run keeps back. The engine saves a checkpoint in place: on a full disk it ends up empty, and what was created
 * since is forgotten. It tries for half a minute, though, so space that is given back in time lets every save in flight succeed.
 */
import { randomFillSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import * as path from "node:path";
import { diskFull, isDiskFull } from "../disk";
import type { FleetError } from "../errors";

const MEBIBYTE = 2 ** 20;
/** Enough for the last saves of the stacks in flight: a checkpoint of 60 resources has 0.2 MB, and is written up to four times. */
const RESERVE_BYTES = 16 * MEBIBYTE;
/** Less free space than this counts as a full disk. */
const LOW_BYTES = MEBIBYTE;
/** Between two looks; the engine's first retry comes after 1 s (`diy/state.go`). */
const LOOK_MS = 250;

export interface ReserveOptions {
  /** Called once, when the disk is full and the reserve has been given back. */
  readonly onLow: (error: FleetError) => void;
  /** Free bytes on the folder's file system. Tests give their own. @default asked of the system */
  readonly free?: (folder: string) => number;
}

/** Space in a file that is held until `release`, or until the disk is full. */
export class DiskReserve {
  private readonly timer: NodeJS.Timeout;

  /** @throws FleetError `disk-full` when there is not even this much space: nothing should be started then */
  constructor(private readonly file: string, private readonly options: ReserveOptions) {
    this.fill();
    this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Gives the space back. May be called again. */
  release(): void {
    clearInterval(this.timer);
    rmSync(this.file, { force: true });
  }

  private fill(): void {
    mkdirSync(path.dirname(this.file), { recursive: true });
    // Not zeros, which a compressing file system would store in no space at all.
    const block = randomFillSync(Buffer.allocUnsafe(MEBIBYTE));
    try {
      const descriptor = openSync(this.file, "w", 0o600);
      try {
        for (let left = RESERVE_BYTES; left > 0;) left -= writeSync(descriptor, block, 0, Math.min(left, block.length));
      } finally {
        closeSync(descriptor);
      }
    } catch (cause) {
      rmSync(this.file, { force: true });
      if (!isDiskFull(cause)) throw cause;
      throw diskFull(`less than ${RESERVE_BYTES / MEBIBYTE} MiB are free for ${path.dirname(this.file)}; nothing was changed`, cause);
    }
  }

  private look(): void {
    const folder = path.dirname(this.file);
    if ((this.options.free ?? freeBytes)(folder) >= LOW_BYTES) return;
    this.release();
    this.options.onLow(diskFull(`no space was left for ${folder}; what was in flight has been finished and saved`));
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
