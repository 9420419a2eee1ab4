/** Containers' logs: plain files that processes append to by themselves, bounded in size, followed from any point. */
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readSync, rmSync, statSync, watch } from "node:fs";
import { copyFile, stat, truncate } from "node:fs/promises";
import * as path from "node:path";
import { StringDecoder } from "node:string_decoder";

/** A log is rotated beyond this many bytes; one older part is kept as `<log>.1`. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** So many logs of removed containers are kept, the newest: what failed can still be read after it was replaced. */
export const KEPT_LOGS = 200;
/** File notifications are lost on some file systems; so a follower looks by itself this often, in milliseconds. */
const FOLLOW_POLL_MS = 500;
const CHUNK = 64 * 1024;

/** What to read of a log. */
export interface LogOptions {
  /** Go on with lines as they are written, until `signal` aborts. @default false */
  readonly follow?: boolean;
  /** Only the last so many lines. @default all */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

/** Lines of a log without their line ends. A line still being written is held back while following, and given at the end otherwise. */
export async function* readLog(file: string, options: LogOptions = {}): AsyncGenerator<string> {
  let position = options.tail === undefined ? 0 : tailOffset(file, options.tail);
  let decoder = new StringDecoder("utf8");
  let rest = "";
  for (;;) {
    if (options.signal?.aborted === true) return;
    const size = sizeOf(file);
    if (size < position) {
      // Rotated: what follows is at the start of the emptied file.
      [position, rest, decoder] = [0, "", new StringDecoder("utf8")];
    }
    const bytes = readAt(file, position, Math.min(CHUNK, size - position));
    position += bytes.length;
    const lines = (rest + decoder.write(bytes)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (bytes.length > 0) continue;
    if (options.follow !== true) break;
    await changed(file, position, options.signal);
  }
  if (rest !== "") yield rest;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readAt(file: string, position: number, length: number): Buffer {
  if (length <= 0) return Buffer.alloc(0);
  const fd = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(fd, buffer, 0, length, position));
  } finally {
    closeSync(fd);
  }
}

/** Offset of the start of the last `count` lines; reads backwards, so a big log costs no more than its tail. */
export function tailOffset(file: string, count: number): number {
  const size = sizeOf(file);
  if (count <= 0) return size;
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK);
    const bytes = readAt(file, start, end - start);
    for (let index = bytes.length - 1; index >= 0; index--) {
      // The newline that ends the last line starts no other.
      if (bytes[index] !== 10 || start + index === size - 1) continue;
      if (++found === count) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

/** Resolves when the file no longer has this size, or the signal aborts. */
async function changed(file: string, size: number, signal: AbortSignal | undefined): Promise<void> {
  const stop = new AbortController();
  const signals = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const watcher = sizeOf(file) === 0 ? undefined : watch(file, { signal: signals, persistent: false });
  watcher?.on("error", () => stop.abort());
  let timer: NodeJS.Timeout | undefined;
  try {
    while (!signals.aborted && sizeOf(file) === size) {
      const waited = new AbortController();
      timer = setTimeout(() => waited.abort(), FOLLOW_POLL_MS);
      const either = AbortSignal.any([signals, waited.signal]);
      await Promise.race([once(either, "abort"), ...(watcher === undefined ? [] : [once(watcher, "change", { signal: either }).catch(() => undefined)])]);
      clearTimeout(timer);
      waited.abort();
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/**
 * Rotates by copy and truncation, because the process keeps its descriptor open; it appends, so it goes on at the start of the
 * emptied file. Lines written between the copy and the truncation are lost.
 */
export async function rotateLog(file: string, maxBytes: number = MAX_LOG_BYTES): Promise<boolean> {
  const size = await stat(file).then((found) => found.size, () => 0);
  if (size <= maxBytes) return false;
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
  return true;
}

/** Removes the oldest logs of containers that are no longer there, beyond `kept`. */
export function pruneLogs(folder: string, live: ReadonlySet<string>, kept: number = KEPT_LOGS): void {
  const gone = readdirSync(folder).filter((name) => name.endsWith(".log") && !live.has(name.slice(0, -".log".length)))
    .map((name) => ({ file: path.join(folder, name), time: statSync(path.join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.time - a.time);
  for (const { file } of gone.slice(kept)) {
    rmSync(file, { force: true });
    rmSync(`${file}.1`, { force: true });
  }
}
