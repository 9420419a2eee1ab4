import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import type { ManifestPage, ManifestPushReply } from "../../../workloads/chunkstore/contract/nodeApi";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import { ManifestDisk } from "../../../workloads/chunkstore/chunkserver/manifestDisk";
import { DiskHealth } from "../../../workloads/chunkstore/chunkserver/diskHealth";
import { DurableFiles, realFiles } from "../../../workloads/chunkstore/chunkserver/files";
import { Layout } from "../../../workloads/chunkstore/chunkserver/layout";
import { prepareVolume } from "../../../workloads/chunkstore/chunkserver/load";
import { Quarantine } from "../../../workloads/chunkstore/chunkserver/quarantine";
import { ask, chunk, eventually, get, json, memoryLog, put, record, sha256, startServer, temporaryFolder, type TestServer } from "./support";

const push = (server: TestServer, ...records: FileRecord[]): Promise<ManifestPushReply> => json(server, "PUT", "/v1/manifests", { records });

async function all(server: TestServer): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  for (let after = ""; ;) {
    const page = await json<ManifestPage>(server, "GET", `/v1/manifests${after}`);
    records.push(...page.records);
    if (!page.more) return records;
    after = `?epoch=${page.cursor.epoch}&after=${page.cursor.seq}`;
  }
}

describe("manifests", () => {
  it("are merged by the last write, in whatever order they come", async () => {
    const server = await startServer();
    const [old, middle, last] = [record("a", 1, [chunk()]), record("a", 2, [chunk()], "writer-2"), record("a", 3, [chunk()], "writer-3")];
    expect((await push(server, last)).changed).toBe(1);
    expect((await push(server, old, middle)).changed).toBe(1); // the versions are joined
    expect((await push(server, old, middle, last)).changed).toBe(0);
    expect(await all(server)).toEqual([{ ...last, version: { "writer-1": 1, "writer-2": 2, "writer-3": 3 } }]);
  });

  it("are told back when chunks of theirs are not there, unless another write has the name", async () => {
    const server = await startServer();
    const [one, other] = [chunk(), chunk()];
    for (const here of [one, other]) expect((await put(server, here)).status).toBe(201);
    const [whole, partly] = [record("whole", 1, [one]), record("partly", 2, [other, chunk(1_000, other.upload, 1)])];
    expect(await push(server, whole, partly, record("empty", 3, []), record("deleted", 4))).toEqual({ changed: 4, incomplete: [other.upload] });
    expect(await push(server, record("partly", 1, [chunk()], "writer-2"))).toEqual({ changed: 1, incomplete: [] });
  });

  it("survive a restart, deletions included, under any name", async () => {
    const folder = temporaryFolder();
    const first = await startServer({ folder });
    const records = [record("ä/b".replace("/", "⁄"), 1, [chunk()]), record("x".repeat(255), 2, []), record(".hidden", 3), record("CON", 4, [chunk()])];
    await push(first, ...records);
    await first.close();
    const second = await startServer({ folder });
    expect((await all(second)).sort((a, b) => a.stamp.time - b.stamp.time)).toEqual(records);
    expect(readdirSync(path.join(second.dataDir, "manifests"))).toHaveLength(4);
  });

  it("come in pages that can be resumed, and begin again for another epoch", async () => {
    const server = await startServer();
    const records = Array.from({ length: 500 }, (_, index) => record(`file-${index}`, index + 1));
    await push(server, ...records);
    await push(server, record("one more", 1_000));
    const first = await json<ManifestPage>(server, "GET", "/v1/manifests");
    expect(first).toMatchObject({ more: true });
    expect(first.records).toHaveLength(500);
    const second = await json<ManifestPage>(server, "GET", `/v1/manifests?epoch=${first.cursor.epoch}&after=${first.cursor.seq}`);
    expect([second.more, second.records.map(({ name }) => name)]).toEqual([false, ["one more"]]);
    const third = await json<ManifestPage>(server, "GET", `/v1/manifests?epoch=${second.cursor.epoch}&after=${second.cursor.seq}`);
    expect([third.more, third.records, third.cursor]).toEqual([false, [], second.cursor]);
    expect((await json<ManifestPage>(server, "GET", `/v1/manifests?epoch=other&after=${first.cursor.seq}`)).records).toHaveLength(500);
  });

  it("end a page by size as well", async () => {
    const server = await startServer();
    const large = (name: string): FileRecord => {
      const one = record(name, 1, [chunk(10)]);
      return one.state.kind === "file" ? { ...one, state: { ...one.state, chunks: Array.from({ length: 8_000 }, (_, index) => ({ sha256: sha256(`${name}${index}`), size: 1 })) } } : one;
    };
    await push(server, large("a"), large("b"));
    const first = await json<ManifestPage>(server, "GET", "/v1/manifests");
    expect([first.records.length, first.more]).toEqual([1, true]);
    expect(await all(server)).toHaveLength(2);
  });

  it.each([
    ["another form", { records: [{ name: "a" }] }], ["no list", {}], ["a name that leaves the folder", { records: [{ ...record("a", 1), name: "../a" }] }],
    ["too many", { records: Array.from({ length: 501 }, (_, index) => record(`f${index}`, 1)) }], ["null", null],
  ])("are refused with %s, and nothing is kept", async (_what, body) => {
    const server = await startServer();
    expect(await ask(server, "PUT", "/v1/manifests", { body: JSON.stringify(body), headers: { "content-type": "application/json" } })).toMatchObject({ status: 400, code: "invalid-request" });
    expect(await ask(server, "PUT", "/v1/manifests", { body: '{"records":', headers: { "content-type": "application/json" } })).toMatchObject({ status: 400 });
    expect(await all(server)).toEqual([]);
  });
});

describe("chunks of a file", () => {
  it("go at once when the file is deleted, and stay when it isn't", async () => {
    const server = await startServer();
    const [one, other] = [chunk(), chunk()];
    for (const each of [one, other]) await put(server, each);
    await push(server, record("a", 1, [one]), record("b", 1, [other]));
    expect(await ask(server, "DELETE", `/v1/chunks/${one.upload}`)).toMatchObject({ status: 409, code: "upload-in-use" });
    expect(await json(server, "POST", "/v1/orphans/remove", { uploads: [one.upload], idleSeconds: 0 })).toEqual({ removed: [] });
    await push(server, record("a", 2));
    await eventually(async () => (await get(server, one)).status === 404);
    expect((await get(server, other)).status).toBe(200);
  });

  it("go after the grace when the file is replaced", async () => {
    const server = await startServer({ environment: { REPLACED_GRACE: "0.3" } });
    const [one, two, late] = [chunk(), chunk(), chunk()];
    for (const each of [one, two, late]) await put(server, each);
    await push(server, record("a", 1, [one]));
    await push(server, record("a", 3, [two]));
    expect((await get(server, one)).status).toBe(200);
    await eventually(async () => (await get(server, one)).status === 404);
    expect((await get(server, two)).status).toBe(200);
    // A write that lost against what is here already.
    await push(server, record("a", 2, [late], "writer-2"));
    await eventually(async () => (await get(server, late)).status === 404);
    expect((await get(server, two)).status).toBe(200);
  });
});

describe("a manifest that can't be read", () => {
  const damages: readonly [string, (text: string) => string][] = [
    ["is no JSON", (text) => text.slice(0, 50)], ["has another checksum", (text) => text.replace('"owner":"anna"', '"owner":"otto"')],
    ["is empty", () => ""], ["is of another form", () => "[]"],
  ];
  it.each(damages)("because it %s is put aside at start, and the rest is served", async (_what, damage) => {
    const folder = temporaryFolder();
    const first = await startServer({ folder });
    await push(first, record("a", 1, [chunk()]), record("b", 1, [chunk()]));
    await first.close();
    const file = path.join(first.dataDir, "manifests", `${sha256("a")}.json`);
    writeFileSync(file, damage(readFileSync(file, "utf8")));
    const second = await startServer({ folder });
    expect((await all(second)).map(({ name }) => name)).toEqual(["b"]);
    expect(readdirSync(path.join(second.dataDir, "quarantine"))).toHaveLength(1);
    expect((await push(second, record("a", 1, [chunk()]))).changed).toBe(1);
  });

  it("is noticed while the node runs, and controllers are made to read all again", async () => {
    const server = await startServer();
    await push(server, record("a", 1, [chunk()]), record("b", 1, [chunk()]));
    const { cursor } = await json<ManifestPage>(server, "GET", "/v1/manifests");
    writeFileSync(path.join(server.dataDir, "manifests", `${sha256("a")}.json`), "{}");
    expect(await server.scrubber.pass(new AbortController().signal)).toMatchObject({ manifests: 2 });
    const again = await json<ManifestPage>(server, "GET", `/v1/manifests?epoch=${cursor.epoch}&after=${cursor.seq}`);
    expect(again.cursor.epoch).not.toBe(cursor.epoch);
    expect(again.records.map(({ name }) => name)).toEqual(["b"]);
  });
});

describe("deleted names", () => {
  it("are forgotten when their time has come, and live files never", async () => {
    const log = memoryLog();
    const layout = new Layout(temporaryFolder());
    const files = new DurableFiles(realFiles);
    await prepareVolume(layout, files);
    const space = { full: false, markFull: () => undefined };
    const disk = new ManifestDisk({ layout, files, log, quarantine: new Quarantine(layout.quarantine, realFiles, log), health: new DiskHealth(space, { monotonic: () => 0 }, log), superseded: () => undefined });
    await disk.merge([record("old", 1_000), record("new", 3_000), record("live", 500, [chunk()])]);
    expect(await disk.prune(2_000)).toBe(1);
    expect((await disk.page(undefined)).records.map(({ name }) => name).sort()).toEqual(["live", "new"]);
    expect(readdirSync(layout.manifests)).toHaveLength(2);
  });
});
