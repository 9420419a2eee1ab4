import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../../../workloads/chunkstore/contract/record";
import { content, sha256, startChunkCluster, until, type ChunkCluster } from "../../support/chunk-cluster";

describe("a cluster of three controllers and five chunkservers", () => {
  let cluster: ChunkCluster;
  beforeAll(async () => { cluster = await startChunkCluster(); });
  afterAll(async () => cluster.close());

  it.each([0, 1, 1_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17])("stores and gives back a file of %i bytes, at every controller at once", async (size) => {
    const data = content(size, `size ${size}`);
    const entry = await (await cluster.api(0)).upload(`size-${size}`, data, "?tag=b&tag=a");
    expect(entry).toMatchObject({ name: `size-${size}`, size, sha256: sha256(data), tags: ["a", "b"], owner: "ada", replicas: 5 });
    for (const controller of [0, 1, 2]) {
      const answer = await (await cluster.api(controller)).get(`size-${size}`);
      expect([answer.status, answer.headers["x-content-sha256"], sha256(answer.body)]).toEqual([200, sha256(data), sha256(data)]);
    }
  });

  it("lists files by tag, deletes them everywhere, and removes their chunks", async () => {
    const [first, second] = [await cluster.api(0), await cluster.api(1)];
    await first.upload("to-delete", content(10_000), "?tag=temporary");
    await cluster.converged();
    expect((await second.list("?tag=temporary")).map(({ name }) => name)).toEqual(["to-delete"]);
    const before = (await first.cluster()).chunks;
    expect((await second.remove("to-delete")).status).toBe(200);
    expect((await first.get("to-delete")).status).toBe(404);
    expect((await first.remove("to-delete")).status).toBe(404);
    await cluster.converged();
    expect(await first.list("?tag=temporary")).toEqual([]);
    expect((await first.cluster()).chunks).toBe(before - 1);
    await until(async () => (await first.cluster()).chunkservers.every(({ chunks }) => chunks === before - 1), 5_000, "chunks of a deleted file are still there");
  });
});
