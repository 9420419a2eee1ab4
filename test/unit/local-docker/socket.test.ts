import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { claimSocket } from "../../../local/sockets";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "stackfleet-socket-"));
  vi.stubEnv("TMPDIR", dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const listenOn = (file: string): Promise<void> => new Promise((resolve, reject) => {
  const server = createServer().once("error", reject).listen(file, () => server.close(() => resolve()));
});

describe("the place of a socket", () => {
  it("is the daemon's folder, where a socket of a killed daemon is in nobody's way", async () => {
    const file = path.join(dir, "docker.sock");
    writeFileSync(file, "left behind");
    const place = claimSocket(dir, "docker");
    expect(place.path).toBe(file);
    await listenOn(place.path);
    place.release();
    expect(existsSync(file)).toBe(false);
  });

  it("is a short folder of the user's alone where the path would be too long; the same each time", async () => {
    const deep = path.join(dir, "x".repeat(100));
    mkdirSync(deep);
    const place = claimSocket(deep, "docker");
    expect(Buffer.byteLength(place.path)).toBeLessThanOrEqual(100);
    expect(claimSocket(deep, "docker").path).toBe(place.path);
    expect(claimSocket(`${deep}y`, "docker").path).not.toBe(place.path);
    expect(statSync(path.dirname(place.path)).mode & 0o777).toBe(0o700);
    await listenOn(place.path);
    place.release();
    expect(existsSync(path.dirname(place.path))).toBe(false);
  });

  it("is no folder that somebody else put there", () => {
    const deep = path.join(dir, "x".repeat(100));
    const place = claimSocket(deep, "docker");
    place.release();
    symlinkSync(dir, path.dirname(place.path));
    expect(() => claimSocket(deep, "docker")).toThrow("is another user's; expected a folder of yours");
  });

  it("is refused when no place is short enough", () => {
    vi.stubEnv("TMPDIR", path.join(dir, "y".repeat(100)));
    expect(() => claimSocket(path.join(dir, "x".repeat(100)), "docker")).toThrow("no place for the socket docker.sock");
  });
});
