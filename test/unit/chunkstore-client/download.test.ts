import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { contentHeaders, cutAfter, FakeCluster, FakeController, times } from "./fake-controller";
import { bytes, clientOf, faultOf, folder } from "./support";

const MIB = 1024 * 1024;

async function two(): Promise<[FakeController, FakeController]> {
  const cluster = new FakeCluster();
  return [await FakeController.start(cluster), await FakeController.start(cluster)];
}

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
