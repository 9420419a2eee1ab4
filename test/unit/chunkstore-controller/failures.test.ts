import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../../../workloads/chunkstore/contract/record";
import type { ApiClient } from "../../support/chunk-api";
import { content, sha256, startChunkCluster, until, type ChunkCluster, type ClusterNode } from "../../support/chunk-cluster";

/** Content in pieces, with something done before one of them is sent. */
async function* pieces(data: Buffer, size: number, before: (at: number) => Promise<void> | void): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) {
    await before(at);
    yield data.subarray(at, at + size);
  }
}

async function put(api: ApiClient, name: string, data: Buffer, before: (at: number) => Promise<void> | void, signal?: AbortSignal) {
  return api.send("PUT", `/v1/files/${name}`, { body: pieces(data, CHUNK_BYTES / 2, before), headers: { "content-length": String(data.length) }, ...(signal && { signal }) });
}

/** Files of chunks on a chunkserver's disk. */
function chunkFiles(node: ClusterNode, upload: string): string[] {
  const folder = path.join(node.dataDir, "chunks", upload);
  return readdirSync(folder).map((name) => path.join(folder, name));
}

describe("a cluster in which things fail", { timeout: 180_000 }, () => {
  let cluster: ChunkCluster;
  beforeAll(async () => { cluster = await startChunkCluster(); }, 120_000);
  afterAll(async () => cluster.close(), 60_000);
  const controller = (index: number): ClusterNode => at(cluster.controllers, index);
  const chunkserver = (index: number): ClusterNode => at(cluster.chunkservers, index);

  it("stores a file while a chunkserver falls silent, and brings it there once it answers again", async () => {
    const api = await cluster.api(0);
    const data = content(3 * CHUNK_BYTES, "silent");
    const answer = await put(api, "silent", data, (at) => { if (at === CHUNK_BYTES) cluster.silence(controller(0), chunkserver(4)); });
    expect([answer.status, answer.body.toString()]).toEqual([201, expect.stringContaining('"silent"')]);
    expect(sha256(await api.download("silent"))).toBe(sha256(data));
    cluster.heal();
    await cluster.repaired(5);
    expect(chunkFiles(chunkserver(4), (await api.locations("silent")).upload).length).toBe(3);
  });

  it("finishes a download while the chunkservers that serve it stop one after the other", async () => {
    const api = await cluster.api(1);
    const data = content(6 * CHUNK_BYTES, "stops");
    await api.upload("stops", data);
    await cluster.repaired(5);
    const answer = await request(`${api.url}/v1/files/stops`, { headers: { authorization: `Bearer ${api.token ?? ""}` } });
    const read: Buffer[] = [];
    let stopped = 0;
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      read.push(piece);
      const bytes = read.reduce((sum, { length }) => sum + length, 0);
      if (stopped < 3 && bytes > (stopped + 1) * CHUNK_BYTES) {
        await chunkserver(stopped).stop();
        stopped += 1;
      }
    }
    expect([stopped, sha256(Buffer.concat(read))]).toEqual([3, sha256(data)]);
    expect(sha256(await (await cluster.api(2)).download("stops"))).toBe(sha256(data));
    await Promise.all([0, 1, 2].map((index) => chunkserver(index).start()));
    await cluster.repaired(5);
  });

  it("never serves a chunk that was damaged on disk, puts it aside and makes it anew", async () => {
    const api = await cluster.api(0);
    const data = content(CHUNK_BYTES + 1_000, "damaged");
    await api.upload("damaged", data);
    await cluster.repaired(5);
    const { upload } = await api.locations("damaged");
    for (const index of [0, 1, 2, 3]) {
      for (const file of chunkFiles(chunkserver(index), upload)) {
        const bytes = readFileSync(file);
        bytes[500] = (bytes[500] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      }
    }
    // Controllers that have it in memory prove nothing: these two haven't.
    for (const index of [1, 2]) expect(sha256(await (await cluster.api(index)).download("damaged"))).toBe(sha256(data));
    await until(async () => {
      await Promise.all([0, 1, 2].map(async (index) => (await cluster.api(index)).download("damaged")));
      return [0, 1, 2, 3].some((index) => readdirSync(path.join(chunkserver(index).dataDir, "quarantine")).length > 0);
    }, 30_000, "no damaged chunk was put aside");
    await cluster.repaired(5);
  });

  it("shows nothing of an upload that its client breaks off, and removes what was stored of it", async () => {
    const api = await cluster.api(0);
    const { chunks: before } = await api.cluster();
    const stop = new AbortController();
    const broken = put(api, "broken-off", content(4 * CHUNK_BYTES, "broken"), (at) => { if (at === 3 * CHUNK_BYTES) stop.abort(new Error("enough")); }, stop.signal);
    await expect(broken).rejects.toThrow("enough");
    await until(() => controller(0).logged("file not stored").length > 0, 30_000, "the controller did not notice");
    expect((await api.get("broken-off")).status).toBe(404);
    await until(async () => (await api.cluster()).chunkservers.every(({ chunks }) => chunks === before), 60_000, "chunks of the upload are still there");
  });

  it("learns everything again when all controllers lose their volumes", async () => {
    await (await cluster.api(2)).upload("before-the-loss", content(5_000, "loss"));
    await cluster.converged();
    await Promise.all([0, 1, 2].map((index) => controller(index).stop()));
    for (const index of [0, 1, 2]) controller(index).loseVolume();
    await Promise.all([0, 1, 2].map((index) => controller(index).start()));
    // Not even its first answers are those of an empty store.
    for (const index of [0, 1, 2]) expect((await (await cluster.api(index)).list()).map(({ name }) => name)).toEqual(["before-the-loss", "damaged", "silent", "stops"]);
    await cluster.repaired(5);
    await cluster.converged();
    expect(sha256(await (await cluster.api(0)).download("before-the-loss"))).toBe(sha256(content(5_000, "loss")));
  });

  it("takes writes on both sides of a partition, and agrees once it heals", async () => {
    const side = [controller(0), chunkserver(0), chunkserver(1)];
    cluster.isolate(...side);
    await until(async () => (await cluster.status()).map(({ chunkservers }) => chunkservers.filter(({ alive }) => alive).length).join() === "2,3,3", 60_000, "the partition isn't noticed");
    const [here, there] = [await cluster.api(0), await cluster.api(1)];
    await here.upload("only-here", content(2_000, "here"));
    await there.upload("only-there", content(2_000, "there"));
    await here.upload("both", content(2_000, "first"));
    await there.upload("both", content(2_000, "second"));
    expect((await there.remove("before-the-loss")).status).toBe(200);
    expect((await here.get("only-there")).status).toBe(404);
    expect((await here.get("before-the-loss")).status).toBe(200);
    cluster.heal();
    await cluster.converged();
    await cluster.repaired(5);
    for (const index of [0, 1, 2]) {
      const api = await cluster.api(index);
      expect(sha256(await api.download("only-here"))).toBe(sha256(content(2_000, "here")));
      expect(sha256(await api.download("only-there"))).toBe(sha256(content(2_000, "there")));
      expect(sha256(await api.download("both"))).toBe(sha256(content(2_000, "second")));
      expect((await api.get("before-the-loss")).status).toBe(404);
    }
    expect(cluster.controllers.some((node) => node.logged("resolved conflict").length > 0)).toBe(true);
  });

  it("is not led astray by a clock that is an hour wrong", async () => {
    controller(1).clockOffsetMs = 3_600_000;
    await until(async () => Math.abs(((await cluster.status())[1]?.clockOffsetMs ?? 0) - 3_600_000) < 60_000, 60_000, "the wrong clock isn't noticed");
    const [right, wrong] = [await cluster.api(0), await cluster.api(1)];
    // Tokens are good there, and those from there are good here.
    expect((await wrong.list()).length).toBeGreaterThan(0);
    await wrong.upload("time", content(1_000, "by the wrong clock"));
    await cluster.converged();
    await right.upload("time", content(1_000, "later"));
    await cluster.converged();
    for (const index of [0, 1, 2]) expect(sha256(await (await cluster.api(index)).download("time"))).toBe(sha256(content(1_000, "later")));
    const entry = (await wrong.list()).find(({ name }) => name === "time");
    expect(Math.abs(Date.parse(entry?.modifiedAt ?? "") - Date.now())).toBeLessThan(120_000);
    controller(1).clockOffsetMs = 0;
  });
});

describe("chunkservers without room", { timeout: 120_000 }, () => {
  let cluster: ChunkCluster;
  const small = 8 * 1024 * 1024;
  beforeAll(async () => { cluster = await startChunkCluster({ controllers: 1, chunkservers: 3, chunkserverSettings: (index) => (index < 2 ? { capacityBytes: small } : {}) }); }, 120_000);
  afterAll(async () => cluster.close(), 60_000);

  it("are left out while others have room, and else the upload is refused and nothing else harmed", async () => {
    const api = await cluster.api(0);
    const kept = content(CHUNK_BYTES, "kept");
    await api.upload("kept", kept);
    const refused = await api.put("too-large", content(3 * CHUNK_BYTES, "large"));
    expect([refused.status, refused.body.toString()]).toEqual([507, expect.stringContaining("disk-full")]);
    expect((await api.get("too-large")).status).toBe(404);
    await api.upload("fits", content(CHUNK_BYTES, "fits"));
    await until(async () => (await api.cluster()).chunkservers.filter(({ freeBytes }) => freeBytes < CHUNK_BYTES).length === 2, 30_000, "the chunkservers aren't full");
    expect((await api.put("one-more", content(CHUNK_BYTES, "more"))).status).toBe(507);
    expect(await api.json("/health")).toMatchObject({ status: "degraded", reasons: ["chunkservers-full"] });
    expect(sha256(await api.download("kept"))).toBe(sha256(kept));
    expect((await api.remove("fits")).status).toBe(200);
    await until(async () => (await api.put("one-more", content(CHUNK_BYTES, "more"))).status === 201, 30_000, "room that was made isn't used");
  });
});

describe("a replication factor of two", { timeout: 120_000 }, () => {
  let cluster: ChunkCluster;
  beforeAll(async () => { cluster = await startChunkCluster({ controllers: 2, chunkservers: 4, controllerSettings: { replicationFactor: 2 } }); }, 120_000);
  afterAll(async () => cluster.close(), 60_000);

  it("keeps two replicas, and makes another one when a chunkserver is lost", async () => {
    const api = await cluster.api(0);
    const data = content(2 * CHUNK_BYTES, "two");
    await api.upload("two", data);
    const holders = async (): Promise<string[][]> => (await api.locations("two")).chunks.map(({ chunkservers }) => [...chunkservers]);
    const first = await holders();
    expect(first.map(({ length }) => length)).toEqual([2, 2]);
    const lost = cluster.chunkservers.find(({ id }) => id === first[0]?.[0]);
    await lost?.stop();
    await cluster.repaired(3);
    const second = await holders();
    expect(second.map((ids) => ids.filter((id) => id !== lost?.id).length)).toEqual([2, 2]);
    expect(sha256(await (await cluster.api(1)).download("two"))).toBe(sha256(data));
  });
});

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`there is no number ${index}`);
  return found;
}
