import fc from "fast-check";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FleetError } from "../../../automation/errors";
import type { FleetEvent } from "../../../automation/events";
import { followJournal, JournalWriter, latestRun, listRuns, newRunId, pruneRuns, readJournal, type JournalFiles } from "../../../automation/journal";
import { layoutAt } from "../../../automation/layout";

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(tmpdir(), "journal-"))));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const status = (seq: number, stack = "home"): FleetEvent => ({ seq, time: "2026-11-21T09:30:15.000Z", run: "r", type: "stack.status", stack, status: "running" });
const finished = (seq: number): FleetEvent => ({
  seq, time: "2026-11-21T09:30:16.000Z", run: "r", type: "run.finished", status: "succeeded", wallSeconds: 1, criticalPathSeconds: 1, cpuSeconds: 1, maxRssBytes: 1, stacks: [],
});
const never = (): void => expect.fail("no error was expected");

/** A disk that takes this many bytes, and more when it is told to. */
function smallDisk(room: number): { files: JournalFiles; free(bytes: number): void; syncs: number } {
  const disk = {
    room, syncs: 0,
    free: (bytes: number): void => void (disk.room += bytes),
    files: {
      ...fs,
      writeSync: ((descriptor: number, data: Buffer) => {
        if (disk.room === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
        const taken = Math.min(disk.room, data.length);
        disk.room -= taken;
        return fs.writeSync(descriptor, data, 0, taken);
      }) as typeof fs.writeSync,
      fsyncSync: (descriptor: number) => {
        disk.syncs++;
        fs.fsyncSync(descriptor);
      },
    } satisfies JournalFiles,
  };
  return disk;
}

describe("JournalWriter", () => {
  it("writes events in order, one line each, in folders that it makes", () => {
    const file = path.join(folder, "runs", "r", "journal.jsonl");
    const writer = new JournalWriter(file, { onError: never });
    for (let seq = 1; seq <= 3; seq++) writer.write(status(seq));
    expect(writer.close()).toBe(0);
    expect(readJournal(file)).toEqual({ events: [status(1), status(2), status(3)], damagedLines: 0 });
    expect(fs.statSync(file).mode & 0o077).toBe(0);
  });

  it("writes what a tick brought with one call, by itself", async () => {
    const file = path.join(folder, "journal.jsonl");
    let calls = 0;
    const writeSync = ((descriptor: number, data: Buffer) => (calls++, fs.writeSync(descriptor, data))) as typeof fs.writeSync;
    const writer = new JournalWriter(file, { onError: never, files: { ...fs, writeSync } });
    for (let seq = 1; seq <= 100; seq++) writer.write(status(seq));
    await new Promise(setImmediate);
    expect(calls).toBe(1);
    expect(readJournal(file).events).toHaveLength(100);
    writer.close();
  });

  it("forces the last event to the disk", () => {
    const disk = smallDisk(10_000);
    const writer = new JournalWriter(path.join(folder, "journal.jsonl"), { onError: never, files: disk.files });
    writer.write(status(1));
    writer.flush();
    expect(disk.syncs).toBe(0);
    writer.write(finished(2));
    writer.close();
    expect(disk.syncs).toBe(1);
  });

  it("tells a full disk once, and loses nothing when there is room again", () => {
    const file = path.join(folder, "journal.jsonl");
    const disk = smallDisk(150); // ends in the middle of the second line
    const errors: FleetError[] = [];
    const writer = new JournalWriter(file, { onError: (error) => errors.push(error), files: disk.files });
    writer.write(status(1));
    writer.write(status(2));
    writer.flush();
    writer.write(status(3));
    writer.flush();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "disk-full", exitCode: 1 });
    expect(errors[0]?.message).toContain("the disk is full");
    expect(readJournal(file).events).toEqual([status(1)]);
    disk.free(10_000);
    writer.write(finished(4));
    expect(writer.close()).toBe(0);
    expect(readJournal(file)).toEqual({ events: [status(1), status(2), status(3), finished(4)], damagedLines: 0 });
  });

  it("says at the end how much it could not write", () => {
    const disk = smallDisk(0);
    const writer = new JournalWriter(path.join(folder, "journal.jsonl"), { onError: () => undefined, files: disk.files });
    writer.write(status(1));
    expect(writer.close()).toBe(JSON.stringify(status(1)).length + 1);
  });

  it.runIf(fs.existsSync("/dev/full"))("takes a device that is really full for a full disk", () => {
    const errors: FleetError[] = [];
    const writer = new JournalWriter("/dev/full", { onError: (error) => errors.push(error) });
    writer.write(status(1));
    expect(writer.close()).toBeGreaterThan(0);
    expect(errors.map(({ code }) => code)).toEqual(["disk-full"]);
  });

  it("fails with one clear error where no file can be made", () => {
    fs.writeFileSync(path.join(folder, "file"), "");
    expect(() => new JournalWriter(path.join(folder, "file", "journal.jsonl"), { onError: never })).toThrow(/can't write the journal .*file/);
  });
});

describe("readJournal", () => {
  it("gives a whole prefix of the events, wherever the writer was cut off", () => {
    const events = [status(1, "監視"), status(2), finished(3)];
    const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
    const file = path.join(folder, "journal.jsonl");
    fc.assert(fc.property(fc.integer({ min: 0, max: bytes.length }), (length) => {
      fs.writeFileSync(file, bytes.subarray(0, length));
      const lines = bytes.subarray(0, length).filter((byte) => byte === 0x0a).length;
      expect(readJournal(file)).toEqual({ events: events.slice(0, lines), damagedLines: 0 });
    }));
  });

  it("counts lines that a power cut damaged and reads the others", () => {
    const file = path.join(folder, "journal.jsonl");
    fs.writeFileSync(file, `${JSON.stringify(status(1))}\n\0\0\0\0\n{"seq":2}\nnull\n${JSON.stringify(status(3))}\n`);
    expect(readJournal(file)).toEqual({ events: [status(1), status(3)], damagedLines: 3 });
  });
});

describe("followJournal", () => {
  it("gives what was written before, then each event as it comes, and ends with the run", async () => {
    const file = path.join(folder, "journal.jsonl");
    fs.writeFileSync(file, `${JSON.stringify(status(1))}\n`);
    const seen: number[] = [];
    let appended: Promise<void> | undefined;
    const rest = `${JSON.stringify(status(2, "監視"))}\n${JSON.stringify(finished(3))}\n${JSON.stringify(status(4))}\n`;
    for await (const event of followJournal(file, { signal: new AbortController().signal, pollMs: 5 })) {
      seen.push(event.seq);
      if (event.seq === 1) appended = appendSlowly(file, Buffer.from(rest), 7);
    }
    await appended;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("ends when it is told to, also while it waits", async () => {
    const file = path.join(folder, "journal.jsonl");
    fs.writeFileSync(file, `${JSON.stringify(status(1))}\n`);
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const event of followJournal(file, { signal: controller.signal, pollMs: 60_000 })) {
      seen.push(event.seq);
      setImmediate(() => controller.abort());
    }
    expect(seen).toEqual([1]);
  });
});

/** In pieces that split lines and characters. */
async function appendSlowly(file: string, bytes: Buffer, size: number): Promise<void> {
  for (let start = 0; start < bytes.length; start += size) {
    fs.appendFileSync(file, bytes.subarray(start, start + size));
    await new Promise(setImmediate);
  }
}

describe("runs", () => {
  const makeRun = (id: string): string => {
    const { journal } = layoutAt(folder).run(id);
    fs.mkdirSync(path.dirname(journal), { recursive: true });
    fs.writeFileSync(journal, "");
    return id;
  };

  it("have ids that sort by time", () => {
    expect(newRunId(new Date("2026-11-21T09:30:15.999Z"), "abc123")).toBe("20261121T093015-abc123");
    fc.assert(fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1000, max: 1e12 }), (first, later) =>
      newRunId(new Date(first)) < newRunId(new Date(first + later))));
  });

  it("are listed newest first; folders without a journal and others are left out", () => {
    const ids = ["20261121T093015-abc123", "20261122T000000-000000", "20251231T235959-ffffff"].map(makeRun);
    fs.mkdirSync(path.join(layoutAt(folder).runs, "20271121T093015-abc123"));
    fs.mkdirSync(path.join(layoutAt(folder).runs, "notes"));
    expect(listRuns(layoutAt(folder))).toEqual([ids[1], ids[0], ids[2]]);
    expect(latestRun(layoutAt(folder))).toBe(ids[1]);
  });

  it("are none where there was none", () => {
    expect(listRuns(layoutAt(folder))).toEqual([]);
    expect(latestRun(layoutAt(folder))).toBeUndefined();
  });

  it("are pruned from the oldest; what is not a run stays", () => {
    const ids = Array.from({ length: 5 }, (_, index) => makeRun(`2026112${index}T093015-abc123`));
    fs.mkdirSync(path.join(layoutAt(folder).runs, "notes"));
    expect(pruneRuns(layoutAt(folder), 2)).toEqual([ids[2], ids[1], ids[0]]);
    expect(fs.readdirSync(layoutAt(folder).runs).sort()).toEqual([ids[3], ids[4], "notes"]);
  });
});
