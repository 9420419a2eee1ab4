import { buildSync } from "esbuild";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync } from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OwnedContainerRuntime } from "../../../local/runtime/index";
import { groupMembers, RUNTIME_MARKER, startOf } from "../../../local/runtime/processes";
import { CHECK, endEverything, logLine, makeSandbox, openRuntime, pidOf, PROGRAMS, spec, until } from "./helpers";

let sandbox: ReturnType<typeof makeSandbox>;
let runtime: OwnedContainerRuntime;

beforeEach(async () => {
  sandbox = makeSandbox(PROGRAMS);
  runtime = await openRuntime(sandbox);
});
afterEach(() => endEverything(sandbox, runtime));

describe("container runtime over restarts of the daemon", () => {
  const reopen = async (): Promise<void> => {
    await runtime.close({ stopContainers: false });
    runtime = await openRuntime(sandbox);
    await runtime.restore();
  };

  it("takes over running processes, their addresses, names and health", async () => {
    const networks = [{ name: "n", aliases: ["me"] }];
    const before = await runtime.run(spec("a", { healthCheck: CHECK, networks }));
    await reopen();
    expect(runtime.get("a")).toMatchObject({ pid: before.pid, address: before.address, startedAt: before.startedAt, status: "running" });
    await runtime.waitHealthy("a");
    expect(runtime.resolve("a", "me")).toEqual([before.address]);
    expect((await runtime.run(spec("b"))).address).not.toBe(before.address);
    await runtime.remove("a");
    expect(startOf(pidOf(before))).toBeUndefined();
  });

  it("sees the end of a process that it took over, and restarts it by policy", async () => {
    const before = await runtime.run(spec("a", { restart: "on-failure" }));
    await reopen();
    process.kill(pidOf(before), "SIGKILL");
    const after = await until(runtime, "a", ({ status, restarts }) => status === "running" && restarts === 1);
    expect(after.pid).not.toBe(before.pid);
  });

  it("restarts by policy what died while the daemon was away", async () => {
    const [no, always] = [await runtime.run(spec("no")), await runtime.run(spec("always", { restart: "always" }))];
    await runtime.close({ stopContainers: false });
    for (const state of [no, always]) process.kill(pidOf(state), "SIGKILL");
    await expect.poll(() => [no, always].map((state) => startOf(pidOf(state)))).toEqual([undefined, undefined]);
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.get("no")).toMatchObject({ status: "exited" });
    await until(runtime, "always", ({ status, restarts }) => status === "running" && restarts === 1);
  });

  it("ends everything on an orderly close and starts it again on restore, but not what was stopped", async () => {
    const [a, b] = [await runtime.run(spec("a", { environment: { CHILD: "1" } })), await runtime.run(spec("b"))];
    await runtime.stop("b", 0);
    await runtime.close({ stopContainers: true });
    expect([...groupMembers(pidOf(a)), ...groupMembers(pidOf(b))]).toEqual([]);
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.get("a")).toMatchObject({ status: "running", address: a.address });
    expect(runtime.get("b")).toMatchObject({ status: "exited", address: b.address });
  });

  it("ends processes that were started but never written down", async () => {
    const stray = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore", env: { [RUNTIME_MARKER]: path.join(sandbox.dir, "data") } });
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore", env: { [RUNTIME_MARKER]: path.join(sandbox.dir, "other") } });
    await reopen();
    expect([startOf(stray.pid ?? 0), startOf(stranger.pid ?? 0)]).toEqual([undefined, expect.any(String)]);
    stranger.kill("SIGKILL");
  });

  it("never signals a stranger that has taken the pid", async () => {
    const state = await runtime.run(spec("a"));
    await runtime.close({ stopContainers: false });
    process.kill(pidOf(state), "SIGKILL");
    await expect.poll(() => startOf(pidOf(state))).toBeUndefined();
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore", env: {} });
    const db = new DatabaseSync(path.join(sandbox.dir, "data", "runtime.db"));
    // The stranger's pid with an earlier start: the system counts starts in ticks of 10 ms, so the real one could be the same.
    const earlier = startOf(process.pid) ?? "";
    db.prepare("UPDATE containers SET record = json_set(record, '$.process.pid', ?, '$.process.start', ?)").run(stranger.pid ?? 0, earlier);
    db.close();
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    await runtime.remove("a", 0);
    expect(startOf(stranger.pid ?? 0)).toEqual(expect.any(String));
    stranger.kill("SIGKILL");
  });

  it("finds everything again after SIGKILL of the daemon, output written meanwhile included", async () => {
    await runtime.close({ stopContainers: false });
    const compiled = path.join(sandbox.dir, "compiled", "local");
    buildSync({ entryPoints: globSync(path.resolve(__dirname, "../../../local/{model,runtime/*}.ts")), outbase: path.resolve(__dirname, "../../../local"), outdir: compiled, platform: "node", format: "cjs", target: "node22" });
    const container = spec("a", { healthCheck: CHECK, restart: "always", environment: { CHILD: "1" } });
    const options = { dataDir: path.join(sandbox.dir, "data"), bundlesDir: sandbox.bundlesDir, preload: sandbox.preload };
    const daemon = spawn(process.execPath, ["-e", `
      const { createContainerRuntime } = require(process.env.RUNTIME);
      createContainerRuntime({ ...${JSON.stringify(options)}, log: console }).then(async (runtime) => {
        await runtime.run(${JSON.stringify(container)});
        console.log((await runtime.waitHealthy("a")).pid);
      });
      // The runtime keeps no process alive by itself; a daemon's servers do.
      setInterval(() => {}, 1e6);`], { env: { RUNTIME: path.join(compiled, "runtime", "index.js") }, stdio: ["ignore", "pipe", "inherit"] });
    const [pid] = (await once(daemon.stdout.setEncoding("utf8"), "data")) as [string];
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.get("a")).toMatchObject({ pid: Number(pid), status: "running", restarts: 0 });
    await runtime.waitHealthy("a");
    process.kill(Number(pid), "SIGTERM");
    expect(await logLine(runtime, "a", /^ending/)).toBe("ending");
    await until(runtime, "a", ({ status, restarts }) => status === "running" && restarts === 1);
  });

  it("hands out no address that a second local cloud on this machine uses", async () => {
    const first = await runtime.run(spec("a"));
    const other = await openRuntime(sandbox, "other");
    try {
      const second = await other.run(spec("a"));
      expect(second.address).not.toBe(first.address);
      expect(existsSync(second.logFile)).toBe(true);
    } finally {
      await other.close({ stopContainers: true });
    }
  });
});
