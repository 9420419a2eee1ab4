/** What Docker's users expect of a container beyond its program: files, a machine's name, published ports, signals, policies. */
import { createServer, type Server } from "node:net";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedContainerRuntime } from "../../../local/runtime/index";
import { findImage } from "../../../local/runtime/images";
import { realPath } from "../../../local/runtime/files";
import { AGENT, freePort, startAgent } from "./agent";
import { endEverything, logLine, makeSandbox, openRuntime, spec, until } from "./helpers";

let sandbox: ReturnType<typeof makeSandbox>;
let runtime: OwnedContainerRuntime;

beforeAll(async () => {
  sandbox = makeSandbox({
    generator: AGENT,
    aggregator: `for (const signal of ["SIGINT", "SIGUSR2", "SIGTERM"]) process.on(signal, () => { console.log("got " + signal); if (signal !== "SIGUSR2") process.exit(0); }); console.log("ready"); setInterval(() => {}, 1e6);`,
  });
  runtime = await openRuntime(sandbox);
});
afterAll(() => endEverything(sandbox, runtime));

describe("files", () => {
  const secret = { path: "/run/secrets/cluster-key", content: "not to be seen anywhere else", mode: 0o400 };
  const data = (...parts: string[]): string => path.join(sandbox.dir, "data", ...parts);

  it("are written at each start with their mode, as the deployment gave them, and are gone with the container", async () => {
    await runtime.run(spec("files", { files: [secret, { path: "/etc/app.json", content: "{}", mode: 0o644 }] }));
    const at = realPath(data(), { id: "files" }, secret.path);
    expect(readFileSync(at, "utf8")).toBe(secret.content);
    expect([statSync(at).mode & 0o777, statSync(data("containers", "files", "etc", "app.json")).mode & 0o777, statSync(path.dirname(at)).mode & 0o777]).toEqual([0o400, 0o644, 0o700]);
    await runtime.stop("files", 0);
    chmodSync(at, 0o600);
    writeFileSync(at, "tampered with");
    await runtime.start("files");
    expect(statSync(at).mode & 0o777).toBe(0o400);
    expect(readFileSync(at, "utf8")).toBe(secret.content);
    await runtime.remove("files", 0);
    expect(existsSync(data("containers", "files"))).toBe(false);
  });

  it("come back after a restart of the daemon, and never reach its database or its logs", async () => {
    await runtime.run(spec("files", { files: [secret] }));
    await runtime.close({ stopContainers: true });
    for (const name of ["runtime.db", "runtime.db-wal"]) if (existsSync(data(name))) expect(readFileSync(data(name), "latin1")).not.toContain(secret.content);
    for (const name of readdirSync(data("logs"))) expect(readFileSync(data("logs", name), "utf8")).not.toContain(secret.content);
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.get("files")?.spec.files).toEqual([secret]);
    expect(readFileSync(realPath(data(), { id: "files" }, secret.path), "utf8")).toBe(secret.content);
    await runtime.remove("files", 0);
  });

  it.each([
    ["run/secret", /path: not absolute; got "run\/secret"/],
    ["/data/secret", /files.path: lies in volume store/],
    ["/data/../data/secret", /files.path: lies in volume store/],
    ["/.stackfleet/network.json", /files.path: is the runtime's own/],
    ["/etc/", /files.path: is a folder/],
  ])("can't lie at %s", async (at, fault) => {
    await expect(runtime.run(spec("misplaced", { volumes: [{ name: "store", mountPath: "/data" }], files: [{ path: at, content: "", mode: 0o600 }] }))).rejects.toThrow(fault);
    expect(runtime.get("misplaced")).toBeUndefined();
  });

  it("lie where a path of the container says, which never leaves it", () => {
    const container = { id: "c", volumes: [{ name: "a/b", mountPath: "/data" }, { name: "inner", mountPath: "/data/deep" }] };
    expect(realPath("/d", container, "/data/x")).toBe("/d/volumes/a%2Fb/x");
    expect(realPath("/d", container, "/data")).toBe("/d/volumes/a%2Fb");
    expect(realPath("/d", container, "/data/deep/y")).toBe("/d/volumes/inner/y");
    expect(realPath("/d", container, "/database")).toBe("/d/containers/c/database");
    expect(realPath("/d", container, "/../../etc/passwd")).toBe("/d/containers/c/etc/passwd");
    expect(realPath("/d", container, "/data/../../x")).toBe("/d/containers/c/x");
  });
});

describe("a published port", () => {
  it("answers on the machine's address, on the same server, and closes with it", async () => {
    const hostPort = await freePort();
    const agent = await startAgent(runtime, "published", { publish: [{ containerPort: 7100, hostAddress: "0.0.0.0", hostPort }], hostname: "box-1" });
    await agent.run(`state.server = http.createServer((request, response) => response.end(request.socket.remoteAddress + " " + os.hostname() + " " + process.env.HOSTNAME)); await new Promise((resolve) => state.server.listen(7100, resolve))`);
    expect(await (await fetch(`http://127.0.0.1:${hostPort}/`)).text()).toBe("127.0.0.1 box-1 box-1");
    expect(await agent.run(`return new Promise((resolve) => http.get("http://localhost:7100/", (r) => r.setEncoding("utf8").on("data", resolve)))`)).toBe(`${agent.address} box-1 box-1`);
    // Closing waits for connections of both ways in.
    expect(await agent.run(`await new Promise((resolve) => { state.server.close(resolve); state.server.closeAllConnections(); }); return state.server._connections`)).toBe(0);
    await expect(fetch(`http://127.0.0.1:${hostPort}/`)).rejects.toThrow();
    await runtime.remove("published", 0);
  });

  it("that is taken fails the start, in Docker's words", async () => {
    const hostPort = await freePort();
    const publish = [{ containerPort: 7100, hostAddress: "127.0.0.1", hostPort }];
    await runtime.run(spec("holder", { command: ["aggregator"], publish }));
    const words = `Bind for 127.0.0.1:${hostPort} failed: port is already allocated`;
    await expect(runtime.run(spec("second", { publish }))).rejects.toThrow(words);
    await runtime.remove("holder", 0);
    const stranger: Server = createServer();
    await new Promise<void>((resolve) => stranger.listen(hostPort, "127.0.0.1", resolve));
    try {
      await expect(runtime.run(spec("second", { publish }))).rejects.toThrow(words);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
    expect((await runtime.run(spec("second", { publish }))).status).toBe("running");
    await expect(runtime.run(spec("third", { publish: [{ containerPort: 1, hostAddress: "10.0.0.1", hostPort: 1 }] }))).rejects.toThrow(/publish.hostAddress: not an address of this machine alone; got 10.0.0.1/);
    await runtime.remove("second", 0);
  });

  it("that is taken behind the runtime's back ends the program, which says so", async () => {
    const hostPort = await freePort();
    const agent = await startAgent(runtime, "late", { publish: [{ containerPort: 7100, hostAddress: "127.0.0.1", hostPort }] });
    const stranger: Server = createServer();
    await new Promise<void>((resolve) => stranger.listen(hostPort, "127.0.0.1", resolve));
    await agent.run(`setTimeout(() => net.createServer().listen(7100), 20)`);
    expect(await logLine(runtime, "late", /already allocated/)).toContain(`Bind for 127.0.0.1:${hostPort} failed`);
    await until(runtime, "late", ({ status }) => status === "exited");
    await new Promise((resolve) => stranger.close(resolve));
    await runtime.remove("late", 0);
  });
});

describe("signals and policies", () => {
  const run = async (id: string, more: Parameters<typeof spec>[1] = {}): Promise<void> => {
    await runtime.run(spec(id, { command: ["aggregator"], ...more }));
    await logLine(runtime, id, /^ready/);
  };

  it("stops with the container's own signal", async () => {
    await run("polite", { stopSignal: "SIGINT", stopGraceSeconds: 5 });
    await runtime.stop("polite");
    expect(await logLine(runtime, "polite", /^got/)).toBe("got SIGINT");
    const state = runtime.get("polite");
    expect(state).toMatchObject({ status: "exited", exitCode: 0 });
    expect(Date.parse(state?.finishedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(state?.startedAt ?? ""));
    await runtime.remove("polite");
  });

  it("passes a signal on that is no stop", async () => {
    await run("signalled");
    await runtime.kill("signalled", { signal: "SIGUSR2" });
    await logLine(runtime, "signalled", /^got SIGUSR2/);
    expect(runtime.get("signalled")?.status).toBe("running");
    await runtime.remove("signalled", 0);
  });

  it("starts again what crashed, but not what was killed by hand", async () => {
    await run("phoenix", { restart: "always" });
    const first = runtime.get("phoenix")?.pid;
    await runtime.kill("phoenix");
    const again = await until(runtime, "phoenix", ({ status, pid }) => status === "running" && pid !== first);
    expect(again.restarts).toBe(1);
    await runtime.kill("phoenix", { manual: true });
    expect(runtime.get("phoenix")).toMatchObject({ status: "exited", exitCode: 137 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runtime.get("phoenix")?.status).toBe("exited");
    await runtime.start("phoenix");
    expect(runtime.get("phoenix")?.restarts).toBe(0);
    await runtime.remove("phoenix", 0);
  });

  it.each([["always", "running"], ["unless-stopped", "exited"]] as const)("treats what was stopped by hand after a restart of the daemon by its policy: %s", async (restart, status) => {
    await run("stopped", { restart });
    await runtime.stop("stopped", 0);
    await runtime.close({ stopContainers: false });
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.get("stopped")?.status).toBe(status);
    await runtime.remove("stopped", 0);
  });
});

describe("the chunk store's image", () => {
  it("runs its programs with real paths, whoever has named them", async () => {
    const bundle = path.join(sandbox.bundlesDir, "chunkstore", "entry");
    mkdirSync(bundle, { recursive: true });
    for (const name of ["controller", "chunkserver", "chunks", "healthcheck"]) writeFileSync(path.join(bundle, `${name}.js`), `console.log(JSON.stringify(process.env)); setInterval(() => {}, 1e6)`);
    await runtime.run(spec("store", {
      image: "stackfleet/chunkstore:1", command: ["chunkserver"], volumes: [{ name: "vol 1", mountPath: "/data" }], environment: { ACCOUNTS_FILE: "/run/secrets/users" },
      files: [{ path: "/run/secrets/cluster-key", content: "k", mode: 0o400 }, { path: "/run/secrets/users", content: "{}", mode: 0o400 }],
    }));
    const env = JSON.parse(await logLine(runtime, "store", /^\{/)) as Record<string, string>;
    const data = path.join(sandbox.dir, "data");
    expect([env["DATA_DIR"], env["CLUSTER_KEY_FILE"], env["ACCOUNTS_FILE"]]).toEqual([
      path.join(data, "volumes", "vol%201"), path.join(data, "containers", "store", "run", "secrets", "cluster-key"), path.join(data, "containers", "store", "run", "secrets", "users"),
    ]);
    // What the Dockerfile says of memory counts here as well.
    const dockerfile = readFileSync(path.resolve(__dirname, "../../../workloads/chunkstore/Dockerfile"), "utf8");
    const set = Object.fromEntries([...dockerfile.matchAll(/^(?:ENV |    )([A-Z_]+)=(.*?)(?: \\)?$/gm)].map(([, name = "", value]) => [name, value]));
    const { environment } = findImage("stackfleet/chunkstore").launch({ bundlesDir: sandbox.bundlesDir, folder: "", command: ["controller"], volumes: {}, files: {} });
    expect(set).toMatchObject(environment);
    expect(env["NODE_OPTIONS"]).toContain(` ${set["NODE_OPTIONS"]}`);
    expect(env).toMatchObject({ MALLOC_ARENA_MAX: set["MALLOC_ARENA_MAX"], MALLOC_MMAP_THRESHOLD_: set["MALLOC_MMAP_THRESHOLD_"] });
    await runtime.remove("store", 0);
    expect(() => findImage("stackfleet/chunkstore").launch({ bundlesDir: sandbox.bundlesDir, folder: "", command: ["shell"], volumes: {}, files: {} })).toThrow(/no such program; got command "shell"; expected controller, chunkserver, chunks, healthcheck/);
  });
});
