import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FleetError } from "../../../automation/errors";
import { DiskReserve } from "../../../automation/run/reserve";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reserve-"));
  file = path.join(folder, "reserve");
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

describe("the space that a run keeps back", () => {
  it("is really taken, and given back at the end", () => {
    const reserve = new DiskReserve(file, { onLow: () => expect.unreachable(), free: () => 2 ** 30 });
    expect(statSync(file).blocks * 512).toBeGreaterThanOrEqual(16 * 2 ** 20);
    vi.advanceTimersByTime(60_000);
    reserve.release();
    reserve.release();
    expect(existsSync(file)).toBe(false);
  });

  it("is given back within a second when the disk is full, and that is told once", () => {
    const told: FleetError[] = [];
    let free = 2 ** 30;
    new DiskReserve(file, { onLow: (error) => { expect(existsSync(file)).toBe(false); told.push(error); }, free: () => free });
    vi.advanceTimersByTime(5_000);
    expect({ told, held: existsSync(file) }).toEqual({ told: [], held: true });
    free = 0;
    vi.advanceTimersByTime(999);
    expect(existsSync(file)).toBe(false);
    vi.advanceTimersByTime(60_000);
    expect(told.map(({ code }) => code)).toEqual(["disk-full"]);
  });
});
