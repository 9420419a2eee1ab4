import fc from "fast-check";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { readTar, writeTar } from "../../../drills/engine/archive";
import { DockerEngine } from "../../../drills/engine/client";
import { engineHost } from "../../../drills/engine/host";
import { leaveSide, partition, type PartitionUndo } from "../../../drills/engine/partition";
import { UndoStack } from "../../../drills/undo";
import { FakeEngine } from "./fake-engine";

const signal = new AbortController().signal;

function client(engine: FakeEngine): DockerEngine {
  const docker = new DockerEngine({ kind: "unix", socketPath: engine.socketPath });
  onTestFinished(() => docker.close());
  return docker;
}

async function threeNodes(): Promise<{ engine: FakeEngine; docker: DockerEngine }> {
  const engine = await new FakeEngine().listen();
  for (const name of ["a", "b", "c"]) engine.add(name, "main", ["controller", name]);
  engine.networks.set("main-2", { driver: "bridge", labels: {} });
  return { engine, docker: client(engine) };
}

describe("where an engine is", () => {
  it.each([
    [{}, { kind: "unix", socketPath: "/var/run/docker.sock" }],
    [{ DOCKER_HOST: "unix:///tmp/x.sock" }, { kind: "unix", socketPath: "/tmp/x.sock" }],
    [{ DOCKER_HOST: "tcp://10.0.0.1:4000" }, { kind: "tcp", origin: "http://10.0.0.1:4000" }],
    [{ DOCKER_HOST: "tcp://engine" }, { kind: "tcp", origin: "http://engine:2375" }],
    [{ DOCKER_HOST: "tcp://engine:2376", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" }, { kind: "tcp", origin: "https://engine:2376", certificates: "/certs" }],
    [{ DOCKER_HOST: "tcp://[::1]:2375" }, { kind: "tcp", origin: "http://[::1]:2375" }],
  ])("%j is %j", (env, host) => expect(engineHost(env)).toEqual(host));

  it.each(["ssh://me@host", "unix://relative", "nonsense", "tcp://"])("refuses %s with what it needs", (text) => {
    expect(() => engineHost({ DOCKER_HOST: text })).toThrow(new RegExp(`got ${text.replace(/[/.]/g, "\\$&")}; expected`));
  });
});

describe("the engine's client", () => {
  it("tells what it tried and why when nothing listens", async () => {
    const docker = new DockerEngine({ kind: "unix", socketPath: "/nonexistent/docker.sock" });
    await expect(docker.version()).rejects.toThrow(/no answer from the Docker engine at unix:\/\/\/nonexistent\/docker\.sock: .*ENOENT/);
    await docker.close();
  });

  it("takes starting what runs and stopping what is stopped for done", async () => {
    const { engine, docker } = await threeNodes();
    await docker.start("a");
    await docker.stop("a");
    await docker.stop("a");
    expect(engine.containers.get("a")?.running).toBe(false);
  });

  it("passes the engine's own words and status on", async () => {
    const { docker } = await threeNodes();
    await expect(docker.inspect("nobody")).rejects.toMatchObject({ status: 404, message: expect.stringContaining("No such container: nobody") as string });
  });

  it("refuses an answer that is not the API's", async () => {
    const { engine, docker } = await threeNodes();
    engine.containers.get("a")?.networks.set("odd", { aliases: [], address: 7 as unknown as string });
    await expect(docker.inspect("a")).rejects.toMatchObject({ code: "engine-nonsense", message: expect.stringContaining("NetworkSettings.Networks.odd.IPAddress") as string });
  });

  it("finds a network by its whole name", async () => {
    const { docker } = await threeNodes();
    expect((await docker.network("main"))?.Driver).toBe("overlay");
    expect(await docker.network("mai")).toBeUndefined();
  });

  it("moves files in and out with their owner and mode", async () => {
    const { engine, docker } = await threeNodes();
    const file = { name: "0.abc", content: Buffer.from("bytes"), mode: 0o640, uid: 1000, gid: 7 };
    await docker.putFiles("a", "/data/chunks/u", [file]);
    expect(await docker.getFiles("a", "/data/chunks/u/0.abc")).toEqual([file]);
    expect(await docker.getFiles("a", "/data/chunks/u/1.abc")).toBeUndefined();
    expect(engine.calls).toEqual(["put a /data/chunks/u"]);
    await expect(docker.getFiles("nobody", "/data")).rejects.toThrow(/No such container/);
  });
});

describe("archives", () => {
  it("keep any files as they are", async () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,150}$/);
    const file = fc.record({ name, content: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)), mode: fc.integer({ min: 1, max: 0o777 }), uid: fc.integer({ min: 0, max: 65_534 }), gid: fc.integer({ min: 0, max: 65_534 }) });
    await fc.assert(fc.asyncProperty(fc.array(file, { maxLength: 5 }), async (files) => {
      expect(await readTar(Readable.from([await writeTar(files)]))).toEqual(files);
    }), { numRuns: 50 });
  });

  it("that are none are an error", async () => {
    await expect(readTar(Readable.from([Buffer.alloc(2_048, 7)]))).rejects.toThrow();
  });
});

describe("a partition", () => {
  const stack = (docker: DockerEngine): UndoStack<PartitionUndo> => new UndoStack<PartitionUndo>({ read: () => [], write: () => undefined },
    (action) => (action.kind === "rejoin" ? leaveSide(docker, action, signal) : docker.removeNetwork(action.network, signal)));
  const cut = (docker: DockerEngine, undo: UndoStack<PartitionUndo>): Promise<() => Promise<void>> =>
    partition({ engine: docker, undo, network: "main", side: "main-drill", minority: [{ container: "a", name: "a" }, { container: "b", name: "b" }], signal });

  it("moves the minority to a network of the same kind, under the same names", async () => {
    const { engine, docker } = await threeNodes();
    await cut(docker, stack(docker));
    expect(engine.networks.get("main-drill")).toMatchObject({ driver: "overlay", labels: { "stackfleet:drill": "main-drill" } });
    expect(["a", "b", "c"].map((name) => [...(engine.containers.get(name)?.networks.keys() ?? [])])).toEqual([["main-drill"], ["main-drill"], ["main"]]);
    expect(engine.containers.get("a")?.networks.get("main-drill")?.aliases).toEqual(["controller", "a"]);
  });

  it("is healed with the old names, and leaves no network behind", async () => {
    const { engine, docker } = await threeNodes();
    const undo = stack(docker);
    await (await cut(docker, undo))();
    expect([...(engine.containers.get("a")?.networks.keys() ?? [])]).toEqual(["main"]);
    expect(engine.containers.get("a")?.networks.get("main")?.aliases).toEqual(["controller", "a"]);
    expect(engine.networks.has("main-drill")).toBe(false);
    expect(undo.size).toBe(0);
  });

  it.each(["create main-drill", "connect main-drill a", "connect main-drill b", "disconnect main a", "disconnect main b"])("is put back whole when '%s' fails", async (call) => {
    const { engine, docker } = await threeNodes();
    const undo = stack(docker);
    engine.refused.set(call, 500);
    await expect(cut(docker, undo)).rejects.toThrow(/is refused/);
    expect(await undo.unwind()).toEqual([]);
    for (const name of ["a", "b", "c"]) expect([...(engine.containers.get(name)?.networks.keys() ?? [])]).toEqual(["main"]);
    expect(engine.networks.has("main-drill")).toBe(false);
  });
});
