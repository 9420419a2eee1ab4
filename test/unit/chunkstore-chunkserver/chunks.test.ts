import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync, truncateSync, unlinkSync } from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { describe, expect, it } from "vitest";
import type { InventoryPage } from "../../../workloads/chunkstore/contract/nodeApi";
import { nodeTls } from "../../../workloads/chunkstore/transport";
import { ask, chunk, eventually, fileOf, get, json, KEY, put, sha256, startServer, temporaryFolder, type TestServer } from "./support";

const MIB = 1024 * 1024;

async function inventory(server: TestServer): Promise<InventoryPage["changes"]> {
  return (await json<InventoryPage>(server, "GET", "/v1/inventory")).changes;
}

function leftOver(server: TestServer): string[] {
  return readdirSync(path.join(server.dataDir, "tmp"));
}

describe("a chunk", () => {
  it.each([1, 65_535, 65_537, MIB + 1, 4 * MIB])("of %i bytes is given back as it came", async (size) => {
    const server = await startServer();
    const one = chunk(size);
    expect(await put(server, one)).toMatchObject({ status: 201 });
    const answer = await get(server, one);
    expect(answer.status).toBe(200);
    expect(sha256(answer.body)).toBe(one.sha256);
    expect(answer.headers).toMatchObject({ "content-length": String(size), "x-chunk-sha256": one.sha256, "content-type": "application/octet-stream" });
    expect(sha256(readFileSync(fileOf(server, one)))).toBe(one.sha256);
    expect(leftOver(server)).toEqual([]);
  });

  it("that is sent again is a success, and one change only", async () => {
    const server = await startServer();
    const one = chunk();
    expect((await put(server, one)).status).toBe(201);
    expect((await put(server, one)).status).toBe(201);
    expect(await inventory(server)).toEqual([{ upload: one.upload, index: 0, present: true }]);
  });

  it("that is sent many times at once is stored once", async () => {
    const server = await startServer();
    const one = chunk(2 * MIB);
    const answers = await Promise.all(Array.from({ length: 8 }, () => put(server, one)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(readdirSync(path.dirname(fileOf(server, one)))).toHaveLength(1);
    expect(await inventory(server)).toHaveLength(1);
    expect(leftOver(server)).toEqual([]);
    expect(await server.metrics.metrics()).toMatch(/chunkstore_chunk_bytes\{.*\} 2097152\n/);
  });

  it("can't take the place of another one", async () => {
    const server = await startServer();
    const one = chunk();
    await put(server, one);
    expect(await put(server, chunk(1_000, one.upload, 0))).toMatchObject({ status: 409, code: "chunk-conflict" });
    expect((await get(server, one)).body).toEqual(one.data);
  });

  it("is still there after a restart", async () => {
    const folder = temporaryFolder();
    const first = await startServer({ folder });
    const upload = randomUUID();
    const chunks = [0, 1, 2, 10, 11].map((index) => chunk(2_000, upload, index));
    for (const one of chunks) await put(first, one);
    await first.close();
    const second = await startServer({ folder });
    for (const one of chunks) expect((await get(second, one)).body).toEqual(one.data);
    expect((await put(second, chunks[0] ?? chunk())).status).toBe(201);
    expect(await inventory(second)).toHaveLength(5);
    await eventually(async () => (await second.metrics.metrics()).includes('chunkstore_chunk_bytes{role="chunkserver",node="server-1"} 10000'));
  });
});

describe("a chunk is refused, and nothing of it stays,", () => {
  const send = (server: TestServer, headers: Record<string, string>, body: Buffer | Readable, upload: string = randomUUID(), index = "0") =>
    ask(server, "PUT", `/v1/chunks/${upload}/${index}`, { headers: { "content-type": "application/octet-stream", ...headers }, body });
  const one = chunk();
  const good = { "x-chunk-sha256": one.sha256 };

  it.each([
    ["with another checksum", good, Buffer.from("other"), 422, "checksum-mismatch"],
    ["without a checksum", {}, one.data, 400, "invalid-request"],
    ["with a checksum in capitals", { "x-chunk-sha256": one.sha256.toUpperCase().replace(/[0-9]/g, "A") }, one.data, 400, "invalid-request"],
    ["without content", good, Buffer.alloc(0), 400, "invalid-request"],
    ["of more than 4 MiB", good, Buffer.alloc(4 * MIB + 1), 413, "chunk-too-large"],
    ["of unknown length", good, Readable.from([one.data]), 411, "length-required"],
    ["as JSON", { ...good, "content-type": "application/json" }, Buffer.from("{}"), 415, "invalid-request"],
    ["as text", { ...good, "content-type": "text/plain" }, Buffer.from("{}"), 415, "invalid-request"],
  ] as const)("%s", async (_what, headers, body, status, code) => {
    const server = await startServer();
    expect(await send(server, headers, body)).toMatchObject({ status, code });
    expect(await inventory(server)).toEqual([]);
    expect(leftOver(server)).toEqual([]);
    expect(server.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each(["..", ".", "%2e%2e", "..%2f..%2fetc", "A0000000-0000-4000-8000-000000000000", "a", "%00", "%", `${"a".repeat(300)}`])("for the upload %j", async (upload) => {
    const server = await startServer();
    const answer = await ask(server, "PUT", `/v1/chunks/${upload}/0`, { headers: { "content-type": "application/octet-stream", ...good }, body: one.data });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(readdirSync(path.join(server.dataDir, "chunks"))).toEqual([]);
  });

  it.each(["-1", "00", "1.5", "65536", "1e3", "0x1", "%20", "99999999999999999999"])("for the index %j", async (index) => {
    const server = await startServer();
    expect(await send(server, good, one.data, one.upload, index)).toMatchObject({ status: 400 });
  });

  it("that breaks off in the middle", async () => {
    const server = await startServer();
    const tls = nodeTls(Buffer.from(KEY)).client;
    const socket = tlsConnect({ host: "127.0.0.1", port: server.port, ...tls });
    await new Promise<void>((resolve) => socket.once("secureConnect", () => resolve()));
    socket.write(`PUT /v1/chunks/${one.upload}/0 HTTP/1.1\r\nhost: x\r\nx-chunkstore-node: a\r\ncontent-type: application/octet-stream\r\nx-chunk-sha256: ${one.sha256}\r\ncontent-length: 1000\r\n\r\n`);
    socket.write(one.data.subarray(0, 500));
    await eventually(() => leftOver(server).length === 1);
    socket.destroy();
    await eventually(() => leftOver(server).length === 0);
    expect(await inventory(server)).toEqual([]);
    expect(server.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("when the caller doesn't say who it is", async () => {
    const server = await startServer();
    const socket = tlsConnect({ host: "127.0.0.1", port: server.port, ...nodeTls(Buffer.from(KEY)).client });
    socket.write(`GET /v1/inventory HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    let text = "";
    for await (const data of socket) text += String(data);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain("x-chunkstore-node");
  });
});

describe("a chunk that is damaged on disk", () => {
  it.each([
    ["a flipped bit", (file: string) => { const bytes = readFileSync(file); bytes[7] = (bytes[7] ?? 0) ^ 1; writeFileSync(file, bytes); }],
    ["a missing end", (file: string) => truncateSync(file, 10)],
    ["no content", (file: string) => truncateSync(file, 0)],
    ["something appended", (file: string) => writeFileSync(file, "x", { flag: "a" })],
    ["more than any chunk has", (file: string) => truncateSync(file, 5 * MIB)],
  ])("by %s is never served, is put aside, and can be stored again", async (_what, damage) => {
    const server = await startServer();
    const one = chunk(100_000);
    await put(server, one);
    const before = (await json<InventoryPage>(server, "GET", "/v1/inventory")).cursor;
    damage(fileOf(server, one));
    expect(await get(server, one)).toMatchObject({ status: 410, code: "chunk-corrupt" });
    expect(await get(server, one)).toMatchObject({ status: 404, code: "chunk-absent" });
    expect(readdirSync(path.join(server.dataDir, "quarantine"))).toHaveLength(1);
    expect(existsSync(fileOf(server, one))).toBe(false);
    const page = await json<InventoryPage>(server, "GET", `/v1/inventory?epoch=${before.epoch}&after=${before.seq}`);
    expect(page).toMatchObject({ reset: false, more: false, changes: [{ upload: one.upload, index: 0, present: false }] });
    expect((await put(server, one)).status).toBe(201);
    expect((await get(server, one)).body).toEqual(one.data);
    expect(await server.metrics.metrics()).toMatch(/chunkstore_chunks_corrupt_total\{.*\} 1\n/);
  });

  it("is found by the scrub", async () => {
    const server = await startServer();
    const chunks = Array.from({ length: 5 }, () => chunk());
    for (const one of chunks) await put(server, one);
    const [bad = chunk(), missing = chunk()] = chunks;
    writeFileSync(fileOf(server, bad), "bad");
    unlinkSync(fileOf(server, missing));
    expect(await server.scrubber.pass(new AbortController().signal)).toEqual({ chunks: 5, manifests: 0, bad: 2 });
    expect(await inventory(server)).toHaveLength(5);
    expect((await inventory(server)).filter(({ present }) => !present).map(({ upload }) => upload)).toEqual(expect.arrayContaining([bad.upload, missing.upload]));
    expect((await get(server, bad)).status).toBe(404);
  });

  it("is put aside once when many read it at once", async () => {
    const server = await startServer();
    const one = chunk(MIB);
    await put(server, one);
    writeFileSync(fileOf(server, one), "bad");
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => get(server, one)))).map(({ status }) => status);
    expect(statuses).toContain(410);
    expect(statuses.every((status) => status === 410 || status === 404)).toBe(true);
    expect(readdirSync(path.join(server.dataDir, "quarantine"))).toHaveLength(1);
    expect(await server.metrics.metrics()).toMatch(/chunkstore_chunk_bytes\{.*\} 0\n/);
  });

  it("whose file is gone is absent, and taken again", async () => {
    const server = await startServer();
    const one = chunk();
    await put(server, one);
    unlinkSync(fileOf(server, one));
    expect((await put(server, one)).status).toBe(201);
    expect((await get(server, one)).body).toEqual(one.data);
  });
});

describe("an upload", () => {
  it("is removed with all its chunks, and those that come late are refused", async () => {
    const server = await startServer();
    const one = chunk();
    const two = chunk(500, one.upload, 1);
    const other = chunk();
    for (const each of [one, two, other]) await put(server, each);
    expect((await ask(server, "DELETE", `/v1/chunks/${one.upload}`)).status).toBe(204);
    expect((await ask(server, "DELETE", `/v1/chunks/${one.upload}`)).status).toBe(204);
    expect((await get(server, one)).status).toBe(404);
    expect(readdirSync(path.join(server.dataDir, "chunks"))).toEqual([other.upload]);
    expect(await put(server, two)).toMatchObject({ status: 409, code: "upload-removed" });
    expect(await server.metrics.metrics()).toMatch(/chunkstore_chunks\{.*\} 1\n/);
    expect(leftOver(server)).toEqual([]);
  });

  it("that no file has is removed once it is idle, and can come back", async () => {
    const server = await startServer();
    const one = chunk();
    await put(server, one);
    expect(await json(server, "POST", "/v1/orphans/remove", { uploads: [one.upload], idleSeconds: 60 })).toEqual({ removed: [] });
    expect(await json(server, "POST", "/v1/orphans/remove", { uploads: [one.upload, randomUUID(), "..", "/"], idleSeconds: 0 })).toEqual({ removed: [one.upload] });
    expect(existsSync(path.dirname(fileOf(server, one)))).toBe(false);
    expect((await put(server, one)).status).toBe(201);
    expect((await get(server, one)).status).toBe(200);
  });
});

describe("the inventory", () => {
  it("starts again for a cursor of another epoch, and one that is nonsense is refused", async () => {
    const server = await startServer();
    await put(server, chunk());
    expect(await json(server, "GET", "/v1/inventory?epoch=other&after=1")).toMatchObject({ reset: true, changes: [{ present: true }] });
    expect((await ask(server, "GET", "/v1/inventory?after=-1")).status).toBe(400);
    expect((await ask(server, "GET", "/v1/inventory?after=x")).status).toBe(400);
    expect((await ask(server, "GET", `/v1/inventory?epoch=${"x".repeat(500)}`)).status).toBe(400);
  });
});
