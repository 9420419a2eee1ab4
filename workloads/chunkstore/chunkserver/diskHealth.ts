/** Remembers that the disk failed, so that `/health` says it long enough for somebody to see it. */
import type { Clock } from "../contract/ports";
import { NodeRefusal, type Log } from "../transport";
import { isDiskFailure, isNoSpace, systemCode } from "./files";
import { noRoom, type Space } from "./space";

/** A failure counts for so long after the last one, in milliseconds. */
const REMEMBERED_MS = 600_000;

export class DiskHealth {
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly space: Pick<Space, "markFull" | "full">, private readonly clock: Pick<Clock, "monotonic">, private readonly log: Log) {}

  /** Why the node is degraded: `disk-full`, `disk-error`. */
  get reasons(): string[] {
    return [...(this.space.full ? ["disk-full"] : []), ...(this.clock.monotonic() - this.#failedAt < REMEMBERED_MS ? ["disk-error"] : [])];
  }

  /** Notes an error of the file system; gives what the caller is told. Errors of other kinds are given back as they are. */
  seen(error: unknown, doing: string): unknown {
    if (isNoSpace(error)) {
      this.space.markFull();
      this.log.warn({ code: systemCode(error) }, `no room while ${doing}`);
      return noRoom(error);
    }
    if (isDiskFailure(error)) {
      this.#failedAt = this.clock.monotonic();
      this.log.error({ err: error }, `the disk failed while ${doing}`);
      return new NodeRefusal(500, "disk-error", `the disk failed (${systemCode(error)})`, { cause: error });
    }
    return error;
  }
}
