import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ReplicateReply } from "../../../workloads/chunkstore/contract/nodeApi";
import { chunk, fileOf, get, json, put, startServer, type Chunk, type TestServer } from "./support";

const source = (server: TestServer): { id: string; address: string; port: number } => ({ id: server.nodeId, address: "127.0.0.1", port: server.port });
const nobody = { id: "nobody", address: "127.0.0.1", port: 1 };

function replicate(server: TestServer, chunks: readonly Chunk[], sources: readonly object[]): Promise<ReplicateReply> {
  return json(server, "POST", `/v1/chunks/${chunks[0]?.upload ?? ""}/replicate`, { chunks: chunks.map(({ index, sha256, data }) => ({ index, sha256, size: data.length })), sources });
}

/** An upload of some chunks on the first server. */
async function stored(server: TestServer, count: number, size = 50_000): Promise<Chunk[]> {
  const upload = randomUUID();
  const chunks = Array.from({ length: count }, (_, index) => chunk(size, upload, index));
  for (const one of chunks) await put(server, one);
  return chunks;
}

describe("replication", () => {
  it("pulls what is missing, and leaves what is there", async () => {
    const [full, empty] = [await startServer({ nodeId: "full" }), await startServer({ nodeId: "empty" })];
    const chunks = await stored(full, 6);
    await put(empty, chunks[2] ?? chunk());
    expect(await replicate(empty, chunks, [source(full)])).toEqual({ stored: [0, 1, 2, 3, 4, 5], failed: [] });
    for (const one of chunks) expect((await get(empty, one)).body).toEqual(one.data);
    expect(empty.log.lines).toContainEqual({ level: "info", message: "replicated", fields: { upload: chunks[0]?.upload, chunks: 5 } });
    expect(await replicate(empty, chunks, [])).toEqual({ stored: [0, 1, 2, 3, 4, 5], failed: [] });
  });

  it("asks the next source when one is away, lacks the chunk, or has a damaged one", async () => {
    const [damaged, lacking, good, target] = [await startServer({ nodeId: "damaged" }), await startServer({ nodeId: "lacking" }), await startServer({ nodeId: "good" }), await startServer({ nodeId: "target" })];
    const chunks = await stored(damaged, 2);
    for (const one of chunks) await put(good, one);
    for (const one of chunks) writeFileSync(fileOf(damaged, one), "damaged");
    expect(await replicate(target, chunks, [nobody, damaged, lacking, good].map((one) => ("log" in one ? source(one) : one)))).toEqual({ stored: [0, 1], failed: [] });
    for (const one of chunks) expect((await get(target, one)).body).toEqual(one.data);
  });

  it("replaces a copy of its own that is damaged", async () => {
    const [good, target] = [await startServer({ nodeId: "good" }), await startServer({ nodeId: "target" })];
    const [one = chunk()] = await stored(good, 1);
    await put(target, one);
    writeFileSync(fileOf(target, one), "damaged");
    expect(await replicate(target, [one], [source(good)])).toEqual({ stored: [0], failed: [] });
    expect((await get(target, one)).body).toEqual(one.data);
  });

  it("says which chunks it could not get, and why", async () => {
    const [some, target] = [await startServer({ nodeId: "some" }), await startServer({ nodeId: "target" })];
    const [one = chunk()] = await stored(some, 1);
    const missing = chunk(10, one.upload, 7);
    const reply = await replicate(target, [one, missing], [nobody, source(some)]);
    expect(reply.stored).toEqual([0]);
    expect(reply.failed).toEqual([{ index: 7, reason: expect.stringMatching(/^nobody: ECONNREFUSED; some: answered 404$/) as unknown }]);
  });

  it("never stores what a source sends under another checksum", async () => {
    const [other, target] = [await startServer({ nodeId: "other" }), await startServer({ nodeId: "target" })];
    const [one = chunk()] = await stored(other, 1);
    const wanted = { ...one, sha256: chunk().sha256 };
    const reply = await replicate(target, [wanted], [source(other)]);
    expect(reply).toEqual({ stored: [], failed: [{ index: 0, reason: expect.stringContaining("checksum-mismatch") as unknown }] });
    expect((await get(target, one)).status).toBe(404);
  });

  it("pulls a chunk once that two ask for", async () => {
    const [full, target] = [await startServer({ nodeId: "full" }), await startServer({ nodeId: "target" })];
    const chunks = await stored(full, 8);
    const replies = await Promise.all([1, 2, 3].map(() => replicate(target, chunks, [source(full)])));
    expect(replies.map(({ stored: { length } }) => length)).toEqual([8, 8, 8]);
    expect(await full.metrics.metrics()).toMatch(/chunkstore_chunk_reads_total\{result="ok",.*\} 8\n/);
    expect(await target.metrics.metrics()).toMatch(/chunkstore_chunks_replicated_total\{.*\} 8\n/);
  });

  it("tells of a full disk, and asks no other source then", async () => {
    const [full, target] = [await startServer({ nodeId: "full" }), await startServer({ nodeId: "target", environment: { CAPACITY_MIB: "4" } })];
    const chunks = await stored(full, 2, 3 * 1024 * 1024);
    const reply = await replicate(target, chunks, [source(full), source(full)]);
    expect(reply.stored).toHaveLength(1);
    expect(reply.failed).toEqual([{ index: expect.any(Number) as unknown, reason: "full: disk-full: no room for another chunk" }]);
  });
});
