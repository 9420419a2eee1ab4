import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { liveRun, takeRunLock } from "../../../automation/run/lock";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "runlock-"));
  file = path.join(dir, ".stackfleet", "run.lock");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the lock of a run", () => {
  it("is held until it is given back", () => {
    const release = takeRunLock(file, { run: "r1", operation: "up" });
    expect(liveRun(file)).toMatchObject({ run: "r1", operation: "up", pid: process.pid });
    release();
    expect(liveRun(file)).toBeUndefined();
    expect(existsSync(file)).toBe(false);
  });

  it("names the live run to a second one and leaves it alone", () => {
    takeRunLock(file, { run: "r1", operation: "up" });
    expect(() => takeRunLock(file, { run: "r2", operation: "destroy" })).toThrow(/run r1 \(up, process \d+ on .*\) is in progress/);
    expect(liveRun(file)?.run).toBe("r1");
  });

  it("is taken over from a dead process", () => {
    takeRunLock(file, { run: "r1", operation: "up" });
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const { startedAt: _start, ...holder } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...holder, pid, host: hostname() }));
    expect(liveRun(file)).toBeUndefined();
    takeRunLock(file, { run: "r2", operation: "up" });
    expect(liveRun(file)?.run).toBe("r2");
  });

  it("is taken over when another process has got the dead one's id", () => {
    takeRunLock(file, { run: "r1", operation: "up" });
    const holder = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...holder, startedAt: "another start" }));
    expect(liveRun(file)).toBeUndefined();
  });
});
