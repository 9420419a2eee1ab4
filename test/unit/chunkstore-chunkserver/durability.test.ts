import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { realFiles, type FileSystem } from "../../../workloads/chunkstore/chunkserver/files";
import { ask, chunk, eventually, get, json, put, record, startServer, temporaryFolder } from "./support";

/** The real disk, and in which order things were asked of it; paths from the volume's folder. */
function recordingFiles(folder: string): { fs: FileSystem; calls: string[] } {
  const calls: string[] = [];
  const short = (file: unknown): string => path.relative(path.join(folder, "data"), String(file)).replace(/tmp\/.*/, "tmp/*") || ".";
  const fs: FileSystem = {
    ...realFiles,
    rename: async (from, to) => {
      calls.push(`rename ${short(from)} ${short(to)}`);
      await realFiles.rename(from, to);
    },
    open: async (file, ...rest) => {
      const handle = await realFiles.open(file, ...rest);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        await sync();
        calls.push(`synced ${short(file)}`);
      };
      return handle;
    },
  };
  return { fs, calls };
}

describe("before it answers, the chunkserver syncs", () => {
  it("a chunk's bytes, then its name, and the name of a new upload's folder", async () => {
    const folder = temporaryFolder();
    const { fs, calls } = recordingFiles(folder);
    const server = await startServer({ folder, fs });
    calls.length = 0;
    const one = chunk();
    const name = `chunks/${one.upload}/0.${one.sha256}`;
    await put(server, one);
    expect(calls).toEqual(["synced tmp/*", "synced chunks", `rename tmp/* ${name}`, `synced chunks/${one.upload}`]);
  });

  it("a manifest's bytes, then its name", async () => {
    const folder = temporaryFolder();
    const { fs, calls } = recordingFiles(folder);
    const server = await startServer({ folder, fs });
    calls.length = 0;
    await json(server, "PUT", "/v1/manifests", { records: [record("a", 1)] });
    expect(calls).toEqual(["synced tmp/*", expect.stringMatching(/^rename tmp\/\* manifests\/[0-9a-f]{64}\.json$/), "synced manifests"]);
  });

  it("what an earlier process may not have synced, before it tells of it", async () => {
    const folder = temporaryFolder();
    const first = await startServer({ folder });
    const one = chunk();
    await put(first, one);
    await first.close();
    const { fs, calls } = recordingFiles(folder);
    await startServer({ folder, fs });
    expect(calls).toEqual(expect.arrayContaining(["synced chunks", `synced chunks/${one.upload}`, "synced manifests"]));
  });

  it("one folder once for many chunks that come at once, and each chunk before its answer", async () => {
    const folder = temporaryFolder();
    const { fs, calls } = recordingFiles(folder);
    const server = await startServer({ folder, fs });
    const upload = randomUUID();
    await put(server, chunk(10, upload, 0));
    calls.length = 0;
    await Promise.all(Array.from({ length: 12 }, async (_, index) => {
      const one = chunk(10, upload, index + 1);
      expect((await put(server, one)).status).toBe(201);
      const renamed = calls.indexOf(`rename tmp/* chunks/${upload}/${one.index}.${one.sha256}`);
      expect(calls.indexOf(`synced chunks/${upload}`, renamed)).toBeGreaterThan(renamed);
    }));
    expect(calls.filter((call) => call === `synced chunks/${upload}`).length).toBeLessThanOrEqual(12);
  });
});

describe("an upload that is removed while a chunk of it is on its way", () => {
  it("stays removed", async () => {
    const server = await startServer();
    const [first, second] = [chunk(), chunk(100_000)];
    await put(server, first);
    const late = { ...second, upload: first.upload, index: 1 };
    const body = new Readable({ read: () => undefined });
    body.push(late.data.subarray(0, 50_000));
    const answer = ask(server, "PUT", `/v1/chunks/${late.upload}/1`, { body, headers: { "content-type": "application/octet-stream", "x-chunk-sha256": late.sha256, "content-length": "100000" } });
    await eventually(() => readdirSync(path.join(server.dataDir, "tmp")).length === 1);
    expect(await json(server, "POST", "/v1/orphans/remove", { uploads: [late.upload], idleSeconds: 0 })).toEqual({ removed: [] }); // it isn't idle
    expect((await ask(server, "DELETE", `/v1/chunks/${late.upload}`)).status).toBe(204);
    body.push(late.data.subarray(50_000));
    body.push(null);
    expect(await answer).toMatchObject({ status: 409, code: "upload-removed" });
    expect(readdirSync(path.join(server.dataDir, "tmp"))).toEqual([]);
    expect(readdirSync(path.join(server.dataDir, "chunks"))).toEqual([]);
    expect((await get(server, late)).status).toBe(404);
  });
});
