import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { bodyOf, contentHeaders, cutAfter, FakeCluster, FakeController, json, refuse, times } from "./fake-controller";
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
    const content = bytes(32 * MIB);
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

  it("stores nothing when it is interrupted", async () => {
    const [a] = await two();
    const abort = new AbortController();
    const fault = faultOf(clientOf([a]).upload(fileOf(bytes(20 * MIB)), { signal: abort.signal, onProgress: (done) => void (done > MIB && abort.abort()) }));
    expect(await fault).toMatchObject({ code: "interrupted" });
    expect(a.cluster.files.size).toBe(0);
  });
});

describe("a download", () => {
  it.each([0, 1, MIB, 3 * MIB + 5])("saves a file of %i bytes, and nothing else", async (size) => {
    const [a] = await two();
    const { content, sha256 } = a.cluster.put("ä b.bin", bytes(size));
    const dir = folder();
    const saved = await clientOf([a]).download("ä b.bin", dir);
    expect(saved).toEqual({ name: "ä b.bin", path: path.join(dir, "ä b.bin"), size, sha256, controllers: [a.endpoint] });
    expect(fs.readFileSync(saved.path).equals(content)).toBe(true);
    expect(fs.readdirSync(dir)).toEqual(["ä b.bin"]);
  });

  it("goes on at the next controller where the connection broke, again and again", async () => {
    const [a, b] = await two();
    const { content } = a.cluster.put("f", bytes(4 * MIB));
    a.misbehave = times(2, /^GET/, cutAfter(MIB + 7));
    b.misbehave = times(1, /^GET/, cutAfter(MIB));
    const told: string[] = [];
    const file = path.join(folder(), "f");
    const saved = await clientOf([a, b], { onFailover: (failed) => told.push(failed.endpoint) }).download("f", file);
    expect(fs.readFileSync(file).equals(content)).toBe(true);
    expect(saved.controllers).toEqual([a.endpoint, b.endpoint, a.endpoint, b.endpoint]);
    expect([...a.headers, ...b.headers].map(({ range }) => range)).toEqual([undefined, `bytes=${2 * MIB + 7}-`, `bytes=${MIB + 7}-`, `bytes=${3 * MIB + 14}-`]);
    expect(told).toEqual([a.endpoint, b.endpoint, a.endpoint]);
  });

  it("goes on when a controller stalls in the middle", async () => {
    const [a, b] = await two();
    const file = a.cluster.put("f", bytes(2 * MIB));
    a.misbehave = (_, response) => (response.writeHead(200, contentHeaders(file)).write(file.content.subarray(0, 1000)), true);
    expect((await clientOf([a, b]).content("f")).equals(file.content)).toBe(true);
  });

  it("does not count the time in which its reader is slow as a stall", async () => {
    const [a] = await two();
    const { content } = a.cluster.put("f", bytes(2 * MIB));
    const pieces: Buffer[] = [];
    const file = await clientOf([a], { timeouts: { stallMs: 400 } }).open("f");
    for await (const piece of file.pieces()) {
      if (pieces.length === 0) await new Promise((resolve) => setTimeout(resolve, 500));
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(a.requests.length).toBe(1);
  });

  it("passes over a controller that goes on with something else", async () => {
    const [a, b] = await two();
    const lying = await FakeController.start(a.cluster);
    const file = a.cluster.put("f", bytes(2 * MIB));
    a.misbehave = times(1, /^GET/, cutAfter(MIB));
    lying.misbehave = (_, response) => (response.writeHead(200, contentHeaders(file)).end(file.content), true);
    expect((await clientOf([a, lying, b]).content("f")).equals(file.content)).toBe(true);
  });

  it("gives up after breaks that bring nothing", async () => {
    const [a, b] = await two();
    a.cluster.put("f", bytes(MIB));
    a.misbehave = b.misbehave = cutAfter(0);
    expect(await faultOf(clientOf([a, b]).content("f"))).toMatchObject({ code: "no-controller" });
    expect(a.requests.length + b.requests.length).toBeLessThan(20);
  });

  it("begins again when the file is replaced meanwhile, and saves one version", async () => {
    const [a, b] = await two();
    a.cluster.put("f", bytes(2 * MIB));
    const second = Buffer.alloc(MIB, "b");
    a.misbehave = times(1, /^GET/, async (request, response, controller) => {
      await cutAfter(MIB)(request, response, controller);
      controller.cluster.put("f", second);
      return true;
    });
    const file = path.join(folder(), "f");
    await clientOf([a, b]).download("f", file);
    expect(fs.readFileSync(file).equals(second)).toBe(true);
  });

  it("says so when the file is deleted meanwhile, and leaves nothing", async () => {
    const [a, b] = await two();
    a.cluster.put("f", bytes(2 * MIB));
    a.misbehave = times(1, /^GET/, async (request, response, controller) => (await cutAfter(MIB)(request, response, controller), controller.cluster.files.delete("f")));
    const dir = folder();
    expect(await faultOf(clientOf([a, b]).download("f", dir))).toMatchObject({ code: "file-not-found" });
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  it("of content that differs from its checksum is begun again elsewhere, and never saved", async () => {
    const [a, b] = await two();
    const file = a.cluster.put("f", bytes(MIB));
    const rotten = Buffer.from(file.content);
    rotten[77] = 1 + (rotten[77] ?? 0);
    a.misbehave = (_, response) => (response.writeHead(200, contentHeaders(file)).end(rotten), true);
    const dir = folder();
    expect((await clientOf([a, b]).download("f", dir)).controllers).toEqual([b.endpoint]);
    b.misbehave = a.misbehave;
    expect(await faultOf(clientOf([a, b]).download("f", path.join(dir, "g")))).toMatchObject({ code: "checksum-mismatch" });
    expect(fs.readdirSync(dir)).toEqual(["f"]);
  });

  it("leaves nothing when it is interrupted", async () => {
    const [a] = await two();
    a.cluster.put("f", bytes(8 * MIB));
    const dir = folder();
    const abort = new AbortController();
    expect(await faultOf(clientOf([a]).download("f", dir, { signal: abort.signal, onProgress: (done) => void (done > MIB && abort.abort()) }))).toMatchObject({ code: "interrupted" });
    expect(fs.readdirSync(dir)).toEqual([]);
  });
});

describe("the target of a download", () => {
  it("is not overwritten, even when it appears meanwhile, unless that is wanted", async () => {
    const [a] = await two();
    const { content } = a.cluster.put("f", bytes(2 * MIB));
    const file = path.join(folder(), "f");
    fs.writeFileSync(file, "mine", { mode: 0o600 });
    expect(await faultOf(clientOf([a]).download("f", file))).toMatchObject({ code: "target-exists" });
    expect(a.requests).toEqual([]);
    await clientOf([a]).download("f", file, { force: true });
    expect(fs.readFileSync(file).equals(content)).toBe(true);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    const late = path.join(folder(), "late");
    expect(await faultOf(clientOf([a]).download("f", late, { onProgress: () => fs.writeFileSync(late, "mine") }))).toMatchObject({ code: "target-exists" });
    expect(fs.readdirSync(path.dirname(late))).toEqual(["late"]);
    expect(fs.readFileSync(late, "utf8")).toBe("mine");
  });

  it("behind a symbolic link is replaced, and the link stays", async () => {
    const [a] = await two();
    a.cluster.put("f", bytes(10));
    const dir = folder();
    fs.writeFileSync(path.join(dir, "real"), "old");
    fs.symlinkSync("real", path.join(dir, "link"));
    await clientOf([a]).download("f", path.join(dir, "link"), { force: true });
    expect(fs.lstatSync(path.join(dir, "link")).isSymbolicLink()).toBe(true);
    expect(fs.readFileSync(path.join(dir, "real")).equals(bytes(10))).toBe(true);
  });

  it("must lie in a folder that is there, and be a regular file", async () => {
    const [a] = await two();
    a.cluster.put("f", bytes(10));
    const client = clientOf([a]);
    expect((await faultOf(client.download("f", path.join(folder(), "none", "f")))).message).toMatch(/no such folder/);
    expect((await faultOf(client.download("f", `${path.join(folder(), "none")}/`))).message).toMatch(/no such folder/);
    expect((await faultOf(client.download("f", "/dev/null", { force: true }))).message).toMatch(/not a regular file/);
    expect(await faultOf(client.download("../f", folder()))).toMatchObject({ code: "invalid-name" });
    expect(a.requests).toEqual([]);
  });
});
