/** Appends a run's events to its journal, one JSON line each. */
import * as fs from "node:fs";
import * as path from "node:path";
import { diskFull, isDiskFull } from "../disk";
import { FleetError } from "../errors";
import type { FleetEvent } from "../events";

/** The calls a journal needs of the file system; tests give a failing one. */
export type JournalFiles = Pick<typeof fs, "mkdirSync" | "openSync" | "writeSync" | "fsyncSync" | "closeSync">;

export interface JournalWriterOptions {
  /**
   * Called once, at the first write that fails, with code `disk-full` or `journal-unwritable`. The events stay in memory and every later
   * write tries them again, in order.
   */
  readonly onError: (error: FleetError) => void;
  /** @default node:fs */
  readonly files?: JournalFiles;
}

/**
 * The only writer of one journal. Events are buffered for the rest of the tick and then written with one call; the first
 * and the last event of a run are also forced to the disk.
 */
export class JournalWriter {
  private readonly files: JournalFiles;
  private readonly descriptor: number;
  /** What is not yet in the file. A write may take only part of a line, so this is bytes and not events. */
  private pending = Buffer.alloc(0);
  private lines: string[] = [];
  private scheduled: NodeJS.Immediate | undefined;
  private syncDue = false;
  private failed = false;
  private closed = false;

  /** @throws FleetError `disk-full` or `journal-unwritable` when the file can't be made */
  constructor(readonly file: string, private readonly options: JournalWriterOptions) {
    this.files = options.files ?? fs;
    try {
      this.files.mkdirSync(path.dirname(file), { recursive: true });
      this.descriptor = this.files.openSync(file, "a", 0o600);
    } catch (error) {
      throw unwritable(file, error);
    }
  }

  /** Never throws; after `close` it does nothing. */
  write(event: FleetEvent): void {
    if (this.closed) return;
    this.lines.push(`${JSON.stringify(event)}\n`);
    this.syncDue ||= event.type === "run.started" || event.type === "run.finished";
    this.scheduled ??= setImmediate(() => this.flush());
  }

  /** Writes what is buffered now. Never throws: a failure goes to `onError`. */
  flush(): void {
    if (this.scheduled) clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (this.lines.length > 0) this.pending = Buffer.concat([this.pending, Buffer.from(this.lines.join(""))]);
    this.lines = [];
    try {
      while (this.pending.length > 0) this.pending = this.pending.subarray(this.files.writeSync(this.descriptor, this.pending));
      if (this.syncDue) this.files.fsyncSync(this.descriptor);
      this.syncDue = false;
    } catch (error) {
      this.report(error);
    }
  }

  /** Flushes and closes. @returns bytes that could not be written: 0 when the journal is complete */
  close(): number {
    if (this.closed) return this.pending.length;
    this.flush();
    this.closed = true;
    try {
      this.files.closeSync(this.descriptor);
    } catch (error) {
      this.report(error); // a network file system may report a full disk only here
    }
    return this.pending.length;
  }

  private report(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.options.onError(unwritable(this.file, error));
  }
}

const REASONS: Readonly<Record<string, { readonly text: string; readonly fix: string }>> = {
  EACCES: { text: "no permission", fix: "make the folder writable, or set STACKFLEET_ROOT to one that is" },
  EPERM: { text: "no permission", fix: "make the folder writable, or set STACKFLEET_ROOT to one that is" },
  EROFS: { text: "the file system is read-only", fix: "set STACKFLEET_ROOT to a folder that is writable" },
};

function unwritable(file: string, error: unknown): FleetError {
  if (isDiskFull(error)) return diskFull(`can't write the journal ${file}; what was deployed is in the checkpoints`, error);
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const reason = REASONS[code];
  return new FleetError("journal-unwritable", `can't write the journal ${file}: ${reason?.text ?? (error as Error).message}`, {
    source: "tool", cause: error, ...(reason && { fix: reason.fix }),
  });
}
