import fc from "fast-check";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AddressPool, missingAlias, parseProcNetTcp, type AddressSystem } from "../../../local/runtime/addresses";
import { checkArgv, foldHealth, Gate, nextCheckMs } from "../../../local/runtime/health";
import { parseImage } from "../../../local/runtime/images";
import { pruneLogs, readLog, rotateLog, tailOffset } from "../../../local/runtime/logs";
import { networkTables } from "../../../local/runtime/names";
import { backoffMs, restarts } from "../../../local/runtime/policy";
import { replaceFile } from "../../../local/runtime/replace";

function system(options: { held?: readonly string[]; inUse?: readonly string[] } = {}): AddressSystem {
  const held = new Set(options.held);
  return {
    claim: async (address) => {
      if (held.has(address)) return false;
      held.add(address);
      return { release: async () => void held.delete(address) };
    },
    inUse: () => new Set(options.inUse),
  };
}

describe("AddressPool", () => {
  it("hands out addresses from 127.64.0.1 up, each once, whatever is freed in between", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.option(fc.nat(20)), { maxLength: 300 }), async (actions) => {
      const pool = new AddressPool(system());
      const live: string[] = [];
      for (const [index, action] of actions.entries()) {
        if (action === null || live.length === 0) {
          const address = await pool.take(`c${index}`);
          expect(live).not.toContain(address);
          live.push(address);
        } else {
          const [freed] = live.splice(action % live.length, 1);
          if (freed !== undefined) pool.free(freed);
        }
      }
      if (live.length > 0) expect(live.every((address) => /^127\.64\.[01]\.\d+$/.test(address))).toBe(true);
    }), { numRuns: 20 });
  });

  it("goes on to the next block when one is full, held by another local cloud, or in use", async () => {
    const pool = new AddressPool(system({ held: ["127.64.0.1"], inUse: ["127.64.1.77", "127.0.0.1"] }));
    const taken = await Promise.all(Array.from({ length: 255 }, (_, index) => pool.take(String(index))));
    expect([taken[0], taken[253], taken[254]]).toEqual(["127.64.2.1", "127.64.2.254", "127.64.3.1"]);
  });

  it("keeps addresses over a restart, and takes none of them again", async () => {
    const pool = new AddressPool(system());
    await pool.adopt(new Map([["a", "127.64.5.1"], ["b", "127.64.5.2"]]));
    expect(await pool.take("c")).toBe("127.64.5.3");
  });

  it("says which aliases to add where only 127.0.0.1 exists", () => {
    expect(missingAlias("127.64.0.1").message).toMatch(/127\.64\.0\.1 does not exist.*sudo ifconfig lo0 alias 127\.64\.0\.\$i up/);
  });

  it("reads the addresses in use from the kernel's table", () => {
    const table = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A\n   1: 0500407F:1F90 0100007F:0001 01\n   2: 0600407F:1F90 0100007F:0001 06\n";
    expect([...parseProcNetTcp(table)]).toEqual(["127.0.0.1", "127.64.0.5"]);
  });
});

describe("networkTables", () => {
  it("lists a container under its id and its aliases on each of its networks, names of prototypes included", () => {
    const tables = networkTables([
      { id: "a", networks: [{ name: "n", aliases: ["X", "constructor"] }, { name: "m", aliases: [] }], address: "127.64.0.1", running: true },
      { id: "b", networks: [{ name: "n", aliases: ["x", "__proto__"] }], address: "127.64.0.2", running: true },
      { id: "stopped", networks: [{ name: "n", aliases: ["x"] }], address: "127.64.0.3", running: false },
    ]);
    expect(tables.get("n")?.members).toEqual(["127.64.0.1", "127.64.0.2", "127.64.0.3"]);
    expect(tables.get("n")?.names["x"]).toEqual(["127.64.0.1", "127.64.0.2"]);
    expect(Object.keys(tables.get("n")?.names ?? {}).sort()).toEqual(["__proto__", "a", "b", "constructor", "x"]);
    expect(tables.get("m")?.names["a"]).toEqual(["127.64.0.1"]);
  });
});

describe("replaced files", () => {
  it("can be told from every version before, however fast they follow", () => {
    const dir = mkdtempSync(path.join(tmpdir(), "replaced-"));
    try {
      const file = path.join(dir, "f");
      const versions = Array.from({ length: 200 }, (_, index) => {
        replaceFile(file, String(index));
        const { ino, mtimeNs } = statSync(file, { bigint: true });
        return `${ino}:${mtimeNs}`;
      });
      expect(new Set(versions).size).toBe(200);
      expect(readdirSync(dir)).toEqual(["f"]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe("images", () => {
  it.each([
    ["stackfleet/loadtest:1", "stackfleet/loadtest", "1"],
    ["stackfleet/loadtest", "stackfleet/loadtest", "latest"],
    ["123456789012.dkr.ecr.eu-west-1.amazonaws.com/stackfleet/loadtest:2", "stackfleet/loadtest", "2"],
    ["localhost:5000/postgres:17@sha256:abc", "postgres", "17"],
    ["postgres", "postgres", "latest"],
  ])("splits %s", (reference, repository, tag) => {
    expect(parseImage(reference)).toEqual({ repository, tag });
  });
});

describe("health", () => {
  const check = { command: ["CMD", "x"], intervalSeconds: 10, timeoutSeconds: 1, retries: 3, startPeriodSeconds: 5 };

  it("counts failures in a row, and those of the start period not at all", () => {
    let fold = foldHealth({ status: "starting", failures: 0 }, false, check, 4);
    expect(fold).toEqual({ status: "starting", failures: 0 });
    for (const expected of ["starting", "starting", "unhealthy", "unhealthy"]) expect((fold = foldHealth(fold, false, check, 6)).status).toBe(expected);
    fold = foldHealth(fold, true, check, 7);
    expect(fold).toEqual({ status: "healthy", failures: 0 });
    expect(foldHealth(fold, false, check, 1)).toEqual({ status: "healthy", failures: 1 });
  });

  it("looks soon at first, then ever later, then by the interval", () => {
    const starting = [0, 1, 2, 3, 4, 5, 6].map((checks) => nextCheckMs("starting", checks, check));
    expect(starting[0]).toBeLessThanOrEqual(500);
    expect(starting).toEqual([...starting].sort((a, b) => a - b));
    expect(starting.at(-1)).toBe(2_000);
    expect(nextCheckMs("healthy", 0, check)).toBe(10_000);
    expect(nextCheckMs("starting", 5, { ...check, intervalSeconds: 1 })).toBe(1_000);
  });

  it.each([
    [["CMD", "node", "h.js"], ["node", "h.js"]], [["CMD-SHELL", "a && b"], ["/bin/sh", "-c", "a && b"]], [["NONE"], undefined], [["curl", "-f"], ["curl", "-f"]], [[], undefined], [["CMD"], undefined],
  ])("reads %j", (command, argv) => {
    expect(checkArgv(command)).toEqual(argv);
  });

  it("lets no more than the limit run at once, and all of them run", async () => {
    const gate = new Gate(2);
    let [running, most, done] = [0, 0, 0];
    await Promise.allSettled(Array.from({ length: 9 }, (_, index) => gate.run(async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done++;
      if (index % 3 === 0) throw new Error("fails");
    })));
    expect([most, done, running]).toEqual([2, 9, 0]);
  });
});

describe("restart backoff", () => {
  it("doubles from 100 ms to at most 10 s", () => {
    expect([0, 1, 2, 6, 7, 50].map(backoffMs)).toEqual([100, 200, 400, 6_400, 10_000, 10_000]);
  });
});

describe("restart policies", () => {
  it.each([
    ["no", 1, false], ["no", 0, false], ["on-failure", 1, true], ["on-failure", 0, false], ["on-failure", undefined, true],
    ["always", 0, true], ["always", 137, true], ["unless-stopped", 0, true], ["unless-stopped", 1, true],
  ] as const)("%s after exit %s: %s", (restart, code, again) => {
    expect(restarts({ restart }, code)).toBe(again);
  });

  it("lets a program fail so often and no more", () => {
    expect([0, 1, 2, 3].map((before) => restarts({ restart: "on-failure", maxRestarts: 2 }, 1, before))).toEqual([true, true, false, false]);
  });
});

describe("logs", () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "logs-"));
    file = path.join(dir, "a.log");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  async function all(options = {}): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of readLog(file, options)) lines.push(line);
    return lines;
  }

  it("gives all lines, or exactly the last ones, of any text", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: fc.constantFrom("a", "é", "漢", "\r", " ") })), fc.nat(12), fc.boolean(), async (lines, count, ended) => {
      writeFileSync(file, lines.join("\n") + (ended && lines.length > 0 ? "\n" : ""));
      const whole = lines.join("\n") === "" && !ended ? [] : lines.at(-1) === "" && !ended ? lines.slice(0, -1) : lines;
      expect(await all()).toEqual(whole);
      expect(await all({ tail: count })).toEqual(count === 0 ? [] : whole.slice(-count));
    }));
  });

  it("finds the tail of a log of several chunks", () => {
    writeFileSync(file, `${"x".repeat(150_000)}\nlast\n`);
    expect([tailOffset(file, 1), tailOffset(file, 2), tailOffset(file, 3)]).toEqual([150_001, 0, 0]);
  });

  it("follows what is appended, over a rotation, until the caller leaves", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const after: Record<string, () => void> = {
      one: () => appendFileSync(file, "two\nthr"),
      two: () => appendFileSync(file, "ee\n"),
      three: () => (truncateSync(file, 0), appendFileSync(file, "new\n")),
      new: () => stop.abort(),
    };
    writeFileSync(file, "one\n");
    for await (const line of readLog(file, { follow: true, signal: stop.signal })) {
      seen.push(line);
      after[line]?.();
    }
    expect(seen).toEqual(["one", "two", "three", "new"]);
  });

  it("waits for a log that is not there yet", async () => {
    const stop = new AbortController();
    const lines = readLog(file, { follow: true, signal: stop.signal });
    const first = lines.next();
    writeFileSync(file, "hello\n");
    expect(await first).toEqual({ value: "hello", done: false });
    stop.abort();
    expect(await lines.next()).toEqual({ value: undefined, done: true });
  });

  it("rotates a log that has grown beyond its bound, and no other", async () => {
    writeFileSync(file, "x".repeat(100));
    expect(await rotateLog(file, 100)).toBe(false);
    expect(await rotateLog(file, 99)).toBe(true);
    expect([readFileSync(file, "utf8"), readFileSync(`${file}.1`, "utf8").length]).toEqual(["", 100]);
    expect(await rotateLog(path.join(dir, "none.log"), 1)).toBe(false);
  });

  it("prunes the oldest logs of containers that are gone", () => {
    mkdirSync(dir, { recursive: true });
    for (const [index, name] of ["old", "mid", "new", "live"].entries()) {
      writeFileSync(path.join(dir, `${name}.log`), "");
      utimesSync(path.join(dir, `${name}.log`), name === "live" ? 0 : index, name === "live" ? 0 : index + 1);
    }
    writeFileSync(path.join(dir, "old.log.1"), "");
    pruneLogs(dir, new Set(["live"]), 2);
    expect(readdirSync(dir).sort()).toEqual(["live.log", "mid.log", "new.log"]);
  });
});
