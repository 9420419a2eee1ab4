import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile } from "../../../automation/backend/checkpoint";
import { endAbandoned } from "../../../automation/recovery/abandoned";
import { clearDeadLocks, repairSidecars } from "../../../automation/recovery/locks";

let dir: string;
beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), "locks-")); });
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function writeLock(name: string, lock: { pid: number; hostname?: string; timestamp?: string } | ""): string {
  const folder = path.join(dir, ".pulumi", "locks", "organization", "p", "home");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  writeFileSync(file, lock === "" ? "" : JSON.stringify({ username: "u", hostname: hostname(), timestamp: new Date().toISOString(), ...lock }));
  return file;
}

/** A process id that certainly belongs to nobody: its process has just ended and been reaped. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

describe("clearing Pulumi's locks", () => {
  it("clears the lock of a dead process", () => {
    const file = writeLock("a.json", { pid: deadPid() });
    expect(clearDeadLocks(dir, "p", "home")).toHaveLength(1);
    expect(existsSync(file)).toBe(false);
  });

  it("leaves the lock of a live process and says who holds it", () => {
    const file = writeLock("a.json", { pid: process.pid });
    expect(() => clearDeadLocks(dir, "p", "home")).toThrow(`process ${process.pid}`);
    expect(existsSync(file)).toBe(true);
  });

  it("clears the lock of a process id that now belongs to a process started later", () => {
    writeLock("a.json", { pid: process.pid, timestamp: "2020-01-01T00:00:00Z" });
    expect(clearDeadLocks(dir, "p", "home")).toHaveLength(1);
  });

  it("never clears a lock of another host", () => {
    const file = writeLock("a.json", { pid: deadPid(), hostname: "elsewhere" });
    expect(() => clearDeadLocks(dir, "p", "home")).toThrow("can't be seen from this host");
    expect(existsSync(file)).toBe(true);
  });

  it("clears a lock that was torn while it was written", () => {
    writeLock("a.json", "");
    expect(clearDeadLocks(dir, "p", "home")).toHaveLength(1);
  });

  it("clears what the file driver left behind when it died, or found the disk full, before its rename", () => {
    const torn = writeLock("a.json.18ea08fc87872b20.tmp", "");
    const whole = writeLock("b.json.18ea08fc87872b21.tmp", { pid: deadPid() });
    expect(clearDeadLocks(dir, "p", "home")).toHaveLength(2);
    expect([torn, whole].filter((file) => existsSync(file))).toEqual([]);
  });

  it("leaves a live process's lock that is about to be renamed into place", () => {
    const file = writeLock("a.json.18ea08fc87872b20.tmp", { pid: process.pid });
    expect(() => clearDeadLocks(dir, "p", "home")).toThrow(`process ${process.pid}`);
    expect(existsSync(file)).toBe(true);
  });

  it("leaves locks of other stacks alone", () => {
    writeLock("a.json", { pid: deadPid() });
    expect(clearDeadLocks(dir, "p", "other")).toEqual([]);
  });
});

describe.skipIf(process.platform !== "linux")("a CLI that outlived its program", () => {
  /** Looks like a CLI with an inline program, and like one that waits for it is deaf to interrupts. */
  async function fakeCli(port: number): Promise<{ pid: number; exited: Promise<string | null> }> {
    const child = spawn(process.execPath, ["-e", "process.on('SIGINT', () => {}); process.stdout.write('up'); setInterval(() => {}, 1e6)", "--", `--client=127.0.0.1:${port}`, "--exec-kind", "auto.inline"], {
      argv0: "pulumi", detached: true, stdio: ["ignore", "pipe", "ignore"],
    });
    const exited = new Promise<string | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    await once(child.stdout, "data");
    return { pid: child.pid ?? 0, exited };
  }

  it("is ended, so that its lock can be cleared", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { pid, exited } = await fakeCli(port);
    writeLock("a.json", { pid });
    expect(await endAbandoned(dir, "p", "home", 200)).toEqual([]); // its program still answers
    server.close();
    await once(server, "close");
    expect(await endAbandoned(dir, "p", "home", 200)).toEqual([pid]);
    expect(await exited).toBe("SIGKILL");
    expect(clearDeadLocks(dir, "p", "home")).toHaveLength(1);
  });

  it("is told from a process that only holds the lock", async () => {
    writeLock("a.json", { pid: process.pid });
    expect(await endAbandoned(dir, "p", "home", 200)).toEqual([]);
  });
});

describe("attribute files beside a checkpoint", () => {
  it.each([["torn", "", false], ["half written", "{\"user.con", false], ["whole", "{}", true]])("that are %s are kept only when they can be read", (_state, content, kept) => {
    const file = checkpointFile(dir, "p", "home");
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(`${file}.attrs`, content);
    repairSidecars(dir, "p", "home");
    expect(existsSync(`${file}.attrs`)).toBe(kept);
  });
});
