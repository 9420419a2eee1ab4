import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { bodyOf, FakeCluster, FakeController, json, refuse, times } from "./fake-controller";
import { bytes, clientOf, faultOf, folder } from "./support";

const MIB = 1024 * 1024;

async function two(): Promise<[FakeController, FakeController]> {
  const cluster = new FakeCluster();
  return [await FakeController.start(cluster), await FakeController.start(cluster)];
}

function fileOf(content: Buffer, name = "data.bin"): string {
  const file = path.join(folder(), name);
  fs.writeFileSync(file, content);
  return file;
}

describe("an upload", () => {
  it.each([0, 1, MIB - 1, MIB, 3 * MIB + 5])("stores a file of %i bytes with its tags under its own name", async (size) => {
    const [a] = await two();
    const content = bytes(size);
    const progress: number[] = [];
    const entry = await clientOf([a]).upload(fileOf(content, "ä b.bin"), { tags: ["x", "y z", "x"], onProgress: (done, total) => void (progress.push(done), expect(total).toBe(size)) });
    expect(entry).toMatchObject({ name: "ä b.bin", size, tags: ["x", "y z"] });
    expect(a.cluster.files.get("ä b.bin")?.content.equals(content)).toBe(true);
    expect(progress.at(-1)).toBe(size);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
  });

  it("announces the checksum of content that is in memory", async () => {
    const [a] = await two();
    await clientOf([a]).upload(Buffer.from("hello"), { name: "x" });
    expect(a.headers[0]?.["x-content-sha256"]).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  });

  it("begins again at the next controller when the connection breaks in the middle, from the file's beginning", async () => {
    const [a, b] = await two();
    a.misbehave = async (request) => {
      for await (const _ of request) break;
      request.socket.destroy();
      return true;
    };
    const content = bytes(5 * MIB);
    await clientOf([a, b]).upload(fileOf(content));
    expect(b.cluster.files.get("data.bin")?.content.equals(content)).toBe(true);
  });

  it("begins again at the next controller when one stops taking data, or takes all and never confirms", async () => {
    const [a, b] = await two();
    a.misbehave = () => true;
    const content = bytes(16 * MIB);
    expect((await clientOf([a, b]).upload(fileOf(content))).size).toBe(content.length);
    a.misbehave = async (request) => (await bodyOf(request), true);
    expect((await clientOf([a, b]).upload(Buffer.from("x"), { name: "x" })).size).toBe(1);
  });

  it("begins again when what is confirmed is not what was sent", async () => {
    const [a, b] = await two();
    const lie = { name: "x", size: 1, sha256: "0".repeat(64), tags: [], owner: "o", modifiedAt: "2026-01-02T03:04:05Z", replicas: 1 };
    a.misbehave = async (request, response) => (await bodyOf(request), json(response, 201, lie), true);
    await clientOf([a, b]).upload(fileOf(bytes(10)));
    b.misbehave = a.misbehave;
    const fault = await faultOf(clientOf([a, b]).upload(fileOf(bytes(10))));
    expect(fault.options.details?.[0]).toMatch(/confirmed other content than was sent/);
  });

  it("tells what a controller refuses while data is still on its way", async () => {
    const [a, b] = await two();
    a.misbehave = (_, response) => (refuse(response, 401, "token-expired", "the token has expired"), true);
    expect(await faultOf(clientOf([a, b]).upload(fileOf(bytes(40 * MIB))))).toMatchObject({ code: "token-expired" });
    expect(b.requests).toEqual([]);
  });

  it("of a stream is sent once, and says so when the connection breaks", async () => {
    const [a, b] = await two();
    const stream = async function* () { yield bytes(MIB); yield bytes(MIB); };
    expect((await clientOf(["http://127.0.0.1:9", a]).upload({ stream: stream(), size: 2 * MIB }, { name: "s" })).size).toBe(2 * MIB);
    a.misbehave = async (request) => {
      for await (const _ of request) break;
      request.socket.destroy();
      return true;
    };
    expect(await faultOf(clientOf([a, b]).upload({ stream: stream(), size: 2 * MIB }, { name: "t" }))).toMatchObject({ code: "upload-interrupted" });
    expect(b.cluster.files.has("t")).toBe(false);
  });

  it.each([["too short", [MIB]], ["too long", [MIB, MIB, 1]], ["too long by a whole block at its end", [2 * MIB, 1]]])("of a stream that is %s stores nothing", async (_, blocks) => {
    const [a] = await two();
    const stream = async function* () { for (const size of blocks) yield bytes(size); };
    expect(await faultOf(clientOf([a]).upload({ stream: stream(), size: 2 * MIB }, { name: "t" }))).toMatchObject({ code: "source-changed" });
    expect(a.cluster.files.size).toBe(0);
  });

  it.each([
    ["grows", (file: string) => fs.appendFileSync(file, "x")],
    ["shrinks", (file: string) => fs.truncateSync(file, 10)],
    ["is overwritten in place, with its old time set again", (file: string) => {
      const { atime, mtime } = fs.statSync(file);
      const descriptor = fs.openSync(file, "r+");
      fs.writeSync(descriptor, "XXXX", 0);
      fs.closeSync(descriptor);
      fs.utimesSync(file, atime, mtime);
    }],
  ])("of a file that %s meanwhile stores nothing and is not tried again", async (_, change) => {
    const [a, b] = await two();
    const file = fileOf(bytes(4 * MIB));
    let changed = false;
    const onProgress = (done: number): void => {
      if (done === 0 || changed) return;
      changed = true;
      change(file);
    };
    expect(await faultOf(clientOf([a, b]).upload(file, { onProgress }))).toMatchObject({ code: "source-changed" });
    expect(a.cluster.files.size).toBe(0);
    expect(b.requests).toEqual([]);
  });

  it("of what is no readable file is refused before anything is sent", async () => {
    const [a] = await two();
    const client = clientOf([a]);
    expect((await faultOf(client.upload(folder()))).message).toMatch(/which is a folder; expected a regular file$/);
    expect((await faultOf(client.upload(path.join(folder(), "none")))).message).toMatch(/none: no such file or folder$/);
    expect((await faultOf(client.upload("/dev/null"))).message).toMatch(/a device/);
    expect(await faultOf(client.upload(fileOf(bytes(1)), { name: "../x" }))).toMatchObject({ code: "invalid-name" });
    expect(await faultOf(client.upload(fileOf(bytes(1)), { name: "a\u001b[2Jb" }))).toMatchObject({ code: "invalid-name" });
    expect(await faultOf(client.upload(fileOf(bytes(1)), { tags: ["", "-x", "ok"] }))).toMatchObject({ code: "usage" });
    expect(await faultOf(client.upload(fileOf(bytes(1)), { tags: Array.from({ length: 33 }, (_, index) => `t${index}`) }))).toMatchObject({ code: "usage" });
    expect(await faultOf(client.upload(Buffer.from("x")))).toMatchObject({ code: "usage" });
    expect(a.requests).toEqual([]);
  });

  it("of a file whose length says nothing of its content stores nothing", async () => {
    const [a] = await two();
    expect((await faultOf(clientOf([a]).upload("/proc/self/status", { name: "x" }))).message).toMatch(/beyond its length of 0/);
    expect(a.cluster.files.size).toBe(0);
  });

  it("is sent again when it arrived damaged, and not when the disks are full", async () => {
    const [a, b] = await two();
    a.misbehave = times(1, /^PUT/, async (request, response) => (await bodyOf(request), refuse(response, 422, "checksum-mismatch", "other content"), true));
    await clientOf([a, b]).upload(Buffer.from("x"), { name: "x" });
    expect(b.requests.length).toBe(1);
    a.misbehave = async (request, response) => (await bodyOf(request), refuse(response, 507, "disk-full", "the chunkservers have no room"), true);
    expect(await faultOf(clientOf([a, b]).upload(Buffer.from("x"), { name: "y" }))).toMatchObject({ code: "disk-full", options: { status: 507 } });
    expect([a.requests.length, b.requests.length]).toEqual([2, 1]);
  });

  it("stores nothing when it is interrupted", async () => {
    const [a] = await two();
    const abort = new AbortController();
    const fault = faultOf(clientOf([a]).upload(fileOf(bytes(20 * MIB)), { signal: abort.signal, onProgress: (done) => void (done > MIB && abort.abort()) }));
    expect(await fault).toMatchObject({ code: "interrupted" });
    expect(a.cluster.files.size).toBe(0);
  });
});
