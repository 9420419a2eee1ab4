import { readdirSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { realFiles, type FileSystem } from "../../../workloads/chunkstore/chunkserver/files";
import { Space } from "../../../workloads/chunkstore/chunkserver/space";
import { ask, chunk, failingFiles, get, json, put, record, startServer, type TestServer } from "./support";

const MIB = 1024 * 1024;

/** A clock that only the test moves. */
function manualClock(): { now: () => number; monotonic: () => number; advance: (ms: number) => void } {
  let ms = 1_000_000;
  return { now: () => ms, monotonic: () => ms, advance: (by) => { ms += by; } };
}

function tidy(server: TestServer): void {
  expect(readdirSync(path.join(server.dataDir, "tmp"))).toEqual([]);
}

/** A disk of this many free bytes, as `statfs` tells. */
function diskOf(free: () => number, total = 100 * 1024 * MIB): FileSystem {
  return {
    ...realFiles,
    statfs: (async () => ({ type: 0, bsize: 1, blocks: total, bfree: free(), bavail: free(), files: 1, ffree: 1 })) as unknown as FileSystem["statfs"],
  };
}

describe("a disk that is full", () => {
  it.each(["ENOSPC", "EDQUOT"])("refuses chunks with 507 on %s at any write, loses nothing, and takes them again when there is room", async (code) => {
    let left = Number.POSITIVE_INFINITY;
    const clock = manualClock();
    const fs = failingFiles((call, file) => (file.includes("/data/tmp/") && (call === "writev" || call === "sync") && (left -= 1) < 0 ? code : undefined));
    const server = await startServer({ fs, clock });
    const kept = chunk(MIB);
    await put(server, kept);
    const calls = 8 + 1; // a chunk of 4 MiB is written in 8 parts or more, and synced
    for (let nth = 0; nth < calls; nth += 1) {
      const one = chunk(4 * MIB);
      left = nth;
      expect(await put(server, one), `failing at call ${nth}`).toMatchObject({ status: 507, code: "disk-full" });
      expect((await get(server, one)).status).toBe(404);
      tidy(server);
      expect(server.health()).toMatchObject({ status: "degraded", reasons: expect.arrayContaining(["disk-full"]) as unknown });
      left = Number.POSITIVE_INFINITY;
      expect((await put(server, one)).status).toBe(507); // it counts as full for a while
      clock.advance(5_001);
    }
    expect((await put(server, chunk(4 * MIB))).status).toBe(201);
    expect((await get(server, kept)).body).toEqual(kept.data);
    expect(server.health().reasons).not.toContain("disk-full");
  });

  it("keeps its reserve for manifests and deletions", async () => {
    let free = 100 * MIB;
    const clock = manualClock();
    const server = await startServer({ fs: diskOf(() => free), clock, environment: { DISK_RESERVE_MIB: "64" } });
    const one = chunk();
    await put(server, one);
    free = 64 * MIB;
    clock.advance(1_001);
    expect((await put(server, chunk())).status).toBe(507);
    expect(await json(server, "PUT", "/v1/manifests", { records: [record("a", 1, [one])] })).toMatchObject({ changed: 1 });
    expect(await json(server, "PUT", "/v1/manifests", { records: [record("a", 2)] })).toMatchObject({ changed: 1 });
    free = 70 * MIB;
    clock.advance(1_001);
    expect((await put(server, chunk())).status).toBe(201);
  });

  it("refuses manifests with 507, keeps the old ones whole", async () => {
    let failing = false;
    const server = await startServer({ fs: failingFiles((call) => (failing && call === "writeFile" ? "ENOSPC" : undefined)) });
    const old = record("a", 1, [chunk()]);
    await json(server, "PUT", "/v1/manifests", { records: [old] });
    failing = true;
    const body = JSON.stringify({ records: [record("a", 2, [chunk()])] });
    expect(await ask(server, "PUT", "/v1/manifests", { body, headers: { "content-type": "application/json" } })).toMatchObject({ status: 507 });
    expect(await json(server, "GET", "/v1/manifests")).toMatchObject({ records: [old] });
    tidy(server);
  });

  it("refuses what is beyond the operator's limit, counts what is being written, and has room again after a removal", async () => {
    const server = await startServer({ environment: { CAPACITY_MIB: "8" } });
    const answers = await Promise.all(Array.from({ length: 4 }, () => chunk(4 * MIB)).map(async (one) => ({ one, status: (await put(server, one)).status })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 507, 507]);
    const stored = answers.find(({ status }) => status === 201)?.one ?? chunk();
    await ask(server, "DELETE", `/v1/chunks/${stored.upload}`);
    expect((await put(server, chunk(4 * MIB))).status).toBe(201);
  });

  it("knows its limit after a restart", async () => {
    const first = await startServer({ environment: { CAPACITY_MIB: "8" } });
    await put(first, chunk(4 * MIB));
    await put(first, chunk(4 * MIB));
    await first.close();
    const second = await startServer({ folder: path.dirname(first.dataDir), environment: { CAPACITY_MIB: "8" } });
    expect((await put(second, chunk(1))).status).toBe(507);
  });
});

describe("a disk that fails", () => {
  it("makes the node degraded; a chunk that can't be read is put aside", async () => {
    let failing = false;
    const server = await startServer({ fs: failingFiles((call, file) => (failing && call === "read" && file.includes("/chunks/") ? "EIO" : undefined)) });
    const one = chunk();
    await put(server, one);
    failing = true;
    expect((await get(server, one)).status).toBe(410);
    expect(server.health().reasons).toContain("disk-error");
    expect((await get(server, one)).status).toBe(404);
  });

  it("refuses a write with 500 and without acknowledging", async () => {
    const server = await startServer({ fs: failingFiles((call, file) => (call === "sync" && file.includes("/data/tmp/") ? "EIO" : undefined)) });
    const one = chunk();
    expect(await put(server, one)).toMatchObject({ status: 500, code: "disk-error" });
    expect((await get(server, one)).status).toBe(404);
    expect(server.health().reasons).toContain("disk-error");
    tidy(server);
  });
});

describe("the reserve", () => {
  it.each([[1_000 * MIB, 64 * MIB], [100_000 * MIB, 1_000 * MIB]])("is a hundredth of the disk, and at least 64 MiB: of %i bytes, %i", async (total, reserve) => {
    const space = new Space({ folder: "/", fs: diskOf(() => total, total), clock: manualClock() });
    await space.refresh();
    expect(space.freeBytes).toBe(total - reserve);
  });
});
