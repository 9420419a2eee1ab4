/** Reads journals, also while they are being written. */
import { closeSync, openSync, readFileSync, readSync, watch } from "node:fs";
import type { FleetEvent } from "../events";

/** A journal's events in order, and how many of its complete lines were no events (a power cut can leave such lines). */
export interface JournalContents { readonly events: readonly FleetEvent[]; readonly damagedLines: number }

/**
 * The events written so far. A last line that is still being written is left out.
 * @throws the system's error when there is no such file
 */
export function readJournal(file: string): JournalContents {
  return new LineDecoder().take(readFileSync(file));
}

export interface FollowOptions {
  /** Ends the iteration. */
  readonly signal: AbortSignal;
  /** Upper bound, in milliseconds, between looks at the file: change notices are lost on some file systems. @default 250 */
  readonly pollMs?: number;
}

/**
 * Every event of a journal, those already written first, then each as it comes. Ends after `run.finished`, or when the
 * signal aborts; a run whose driver died never ends by itself.
 * @throws the system's error when there is no such file
 */
export async function* followJournal(file: string, options: FollowOptions): AsyncGenerator<FleetEvent, void, undefined> {
  const descriptor = openSync(file, "r");
  const waiter = new ChangeWaiter(file, options.signal, options.pollMs ?? 250);
  const decoder = new LineDecoder();
  const chunk = Buffer.alloc(64 * 1024);
  try {
    while (!options.signal.aborted) {
      // Armed before reading: a change between the read and the wait is not missed.
      const changed = waiter.next();
      const length = readSync(descriptor, chunk, 0, chunk.length, null);
      if (length === 0) {
        await changed;
        continue;
      }
      for (const event of decoder.take(chunk.subarray(0, length)).events) {
        yield event;
        if (event.type === "run.finished") return;
      }
    }
  } finally {
    waiter.close();
    closeSync(descriptor);
  }
}

/** Splits bytes into lines and lines into events; keeps an incomplete last line for later. */
class LineDecoder {
  private rest = Buffer.alloc(0);

  take(bytes: Buffer): JournalContents {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const end = all.lastIndexOf(0x0a) + 1;
    this.rest = Buffer.from(all.subarray(end)); // a copy: the caller reuses its buffer
    const lines = all.toString("utf8", 0, end).split("\n").filter((line) => line !== "");
    const events = lines.map(decode).filter((event) => event !== undefined);
    return { events, damagedLines: lines.length - events.length };
  }
}

/**
 * The journal is the driver's own file, so only its envelope is checked: full schema checks would cost every `status` the
 * load of a schema library.
 */
function decode(line: string): FleetEvent | undefined {
  try {
    const value = JSON.parse(line) as Partial<FleetEvent> | null;
    const ok = typeof value?.seq === "number" && typeof value.type === "string" && typeof value.time === "string" && typeof value.run === "string";
    return ok ? (value as FleetEvent) : undefined;
  } catch {
    return undefined; // counted as damaged
  }
}

/** Waits for a change of a file, by notices where the system gives them and by the clock in any case. */
class ChangeWaiter {
  private readonly watcher: ReturnType<typeof watch> | undefined;
  private wake: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly onAbort = (): void => this.wake();

  constructor(file: string, private readonly signal: AbortSignal, private readonly pollMs: number) {
    signal.addEventListener("abort", this.onAbort);
    try {
      this.watcher = watch(file, () => this.wake());
      this.watcher.on("error", () => this.watcher?.close()); // the clock goes on
    } catch {
      this.watcher = undefined; // no watch left in the system's table: the clock must do
    }
  }

  next(): Promise<void> {
    clearTimeout(this.timer);
    return new Promise((resolve) => {
      this.wake = resolve;
      this.timer = setTimeout(resolve, this.pollMs);
      if (this.signal.aborted) resolve();
    });
  }

  close(): void {
    clearTimeout(this.timer);
    this.signal.removeEventListener("abort", this.onAbort);
    this.watcher?.close();
  }
}
