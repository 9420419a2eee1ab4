import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OwnedContainerRuntime } from "../../../local/runtime/index";
import type { ContainerState } from "../../../local/runtime/port";
import { groupMembers, RUNTIME_MARKER, startOf } from "../../../local/runtime/processes";
import { CHECK, endEverything, logLine, makeSandbox, openRuntime, pidOf, PROGRAMS, spec, until } from "./helpers";

let sandbox: ReturnType<typeof makeSandbox>;
let runtime: OwnedContainerRuntime;

beforeEach(async () => {
  sandbox = makeSandbox(PROGRAMS);
  runtime = await openRuntime(sandbox);
});
afterEach(() => endEverything(sandbox, runtime));

describe("container runtime", () => {
  it("runs a container in its own folder, with the spec's environment and nothing of the daemon's", async () => {
    const volumes = [{ name: "orders", mountPath: "/var/data" }];
    const state = await runtime.run(spec("a", { environment: { PRINT: "1", NODE_OPTIONS: "--no-deprecation" }, volumes }));
    const { env, cwd } = JSON.parse(await logLine(runtime, "a", /^\{/)) as { env: Record<string, string>; cwd: string };
    expect(cwd).toBe(path.join(sandbox.dir, "data", "containers", "a"));
    expect(Object.keys(env).sort()).toEqual(["HOME", "NODE_OPTIONS", "PATH", "PRINT", "STACKFLEET_ADDRESS", "STACKFLEET_CONTAINER", "STACKFLEET_NETWORK", RUNTIME_MARKER, "TZ"].sort());
    expect(env).toMatchObject({ HOME: cwd, STACKFLEET_ADDRESS: state.address, TZ: "UTC" });
    expect(realpathSync(path.join(cwd, "var/data"))).toBe(path.join(sandbox.dir, "data", "volumes", "orders"));
    expect(state).toMatchObject({ status: "running", health: "none", restarts: 0 });
  });

  it("gives each container an address and frees it on removal", async () => {
    const [a, b] = [await runtime.run(spec("a")), await runtime.run(spec("b"))];
    expect(a.address).toMatch(/^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.1$/);
    expect(b.address).toBe(a.address.replace(/1$/, "2"));
    await runtime.remove("a");
    expect((await runtime.run(spec("c"))).address).toBe(a.address);
  });

  it("runs once however often it is asked, and refuses another container of the same id", async () => {
    const states = await Promise.all([runtime.run(spec("a")), runtime.run(spec("a")), runtime.run(spec("a"))]);
    expect(new Set(states.map(pidOf)).size).toBe(1);
    await expect(runtime.run(spec("a", { environment: { X: "1" } }))).rejects.toThrow("ContainerConflict");
  });

  it.each([
    ["an unknown image", spec("a", { image: "ghcr.io/acme/thing:2" }), /CannotPullContainerError: image "ghcr.io\/acme\/thing:2" is not in the local cloud's image table.*extend local\/runtime\/images\.ts/],
    ["an unknown program", spec("a", { command: ["sh", "-c", "true"] }), /CannotStartContainerError.*got command "sh"/],
    ["an id that is no file name", spec("../a"), /id: not a file name/],
    ["a volume outside of the container", spec("a", { volumes: [{ name: "v", mountPath: "/../../x" }] }), /leaves the container/],
  ])("refuses %s and keeps nothing of it", async (_, bad, message) => {
    await expect(runtime.run(bad)).rejects.toThrow(message);
    expect(runtime.list()).toEqual([]);
    expect((await runtime.run(spec("b"))).address).toMatch(/\.1$/);
  });

  it("ends a container in order, and its whole group by force when it doesn't listen", async () => {
    await runtime.run(spec("polite"));
    await logLine(runtime, "polite", /^ready/);
    await runtime.stop("polite");
    expect(runtime.get("polite")).toMatchObject({ status: "exited", exitCode: 0 });

    const stubborn = await runtime.run(spec("stubborn", { environment: { STUBBORN: "1", CHILD: "1" } }));
    const child = Number((await logLine(runtime, "stubborn", /^child/)).split(" ")[1]);
    await logLine(runtime, "stubborn", /^ready/);
    expect(groupMembers(pidOf(stubborn))).toContain(child);
    await runtime.remove("stubborn", 0.2);
    expect(runtime.get("stubborn")).toBeUndefined();
    expect(startOf(child)).toBeUndefined();
    expect(groupMembers(pidOf(stubborn))).toEqual([]);
    await runtime.remove("stubborn");
  });

  it("starts a stopped container again at the same address", async () => {
    const before = await runtime.run(spec("a"));
    await runtime.stop("a", 0);
    expect(runtime.get("a")?.pid).toBeUndefined();
    const after = await runtime.start("a");
    expect(after).toMatchObject({ status: "running", address: before.address });
    expect(after.pid).not.toBe(before.pid);
  });

  it.each([
    ["always", "0", true], ["always", "1", true], ["on-failure", "1", true], ["on-failure", "0", false], ["no", "1", false],
  ] as const)("restart policy %s after exit code %s", async (restart, code, again) => {
    await runtime.run(spec("a", { restart, environment: { EXIT: code } }));
    const state = await until(runtime, "a", ({ status, restarts }) => (again ? restarts >= 2 : status === "exited"));
    expect(state.restarts).toBe(again ? 2 : 0);
    if (!again) expect(state.exitCode).toBe(Number(code));
  });

  it("treats kill as a crash: children die too, the policy restarts", async () => {
    const before = await runtime.run(spec("a", { restart: "on-failure", environment: { CHILD: "1" } }));
    const child = Number((await logLine(runtime, "a", /^child/)).split(" ")[1]);
    await runtime.kill("a");
    const after = await until(runtime, "a", ({ status, restarts }) => status === "running" && restarts === 1);
    expect(after.pid).not.toBe(before.pid);
    expect(startOf(child)).toBeUndefined();
  });

  it("follows health from starting to healthy to unhealthy and back", async () => {
    const seen: string[] = [];
    runtime.onChange(({ health }) => { if (seen.at(-1) !== health) seen.push(health); });
    const { spec: { id } } = await runtime.run(spec("a", { healthCheck: CHECK }));
    await runtime.waitHealthy(id);
    const sick = path.join(sandbox.dir, "data", "containers", "a", "sick");
    execFileSync("touch", [sick]);
    await until(runtime, "a", ({ health }) => health === "unhealthy");
    execFileSync("rm", [sick]);
    await until(runtime, "a", ({ health }) => health === "healthy");
    expect(seen).toEqual(["starting", "healthy", "unhealthy", "healthy"]);
  });

  it("kills a health check that hangs, with what it started", async () => {
    const command = ["CMD-SHELL", "sleep 1000 & echo $! > pid; wait"];
    await runtime.run(spec("a", { healthCheck: { ...CHECK, command, timeoutSeconds: 0.2, retries: 1 } }));
    await until(runtime, "a", ({ health }) => health === "unhealthy");
    const pid = Number(readFileSync(path.join(sandbox.dir, "data", "containers", "a", "pid"), "utf8"));
    await expect.poll(() => startOf(pid)).toBeUndefined();
  });

  it("stops waiting for health when the container has ended, is gone, or the caller has left", async () => {
    await runtime.run(spec("short", { environment: { EXIT: "4" }, healthCheck: { ...CHECK, intervalSeconds: 60 } }));
    await expect(runtime.waitHealthy("short")).rejects.toThrow(/has ended with exit code 4/);
    const never = { ...CHECK, command: ["CMD-SHELL", "exit 1"] };
    await runtime.run(spec("b", { healthCheck: never }));
    await expect(runtime.waitHealthy("b", AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    await expect(runtime.waitHealthy("nobody")).rejects.toThrow("NoSuchContainer");
    const waiting = runtime.waitHealthy("b");
    await Promise.all([runtime.remove("b", 0), expect(waiting).rejects.toThrow(/ContainerExited|NoSuchContainer/)]);
  });

  it("lists by labels", async () => {
    await runtime.run(spec("a", { labels: { stack: "home", service: "x" } }));
    await runtime.run(spec("b", { labels: { stack: "home" } }));
    expect(runtime.list({ stack: "home" }).map((state) => state.spec.id)).toEqual(["a", "b"]);
    expect(runtime.list({ stack: "home", service: "x" }).map((state) => state.spec.id)).toEqual(["a"]);
    expect(runtime.list({ stack: "eu" })).toEqual([]);
  });

  it("resolves names of shared networks only, all addresses in turn, and none of stopped containers", async () => {
    const net = (...aliases: string[]): Pick<ContainerState["spec"], "networks"> => ({ networks: [{ name: "dfs", aliases }] });
    const [one, two] = [await runtime.run(spec("one", net("Controller"))), await runtime.run(spec("two", net("controller", "second")))];
    await runtime.run(spec("outside", { networks: [{ name: "other", aliases: ["controller"] }] }));
    expect(runtime.resolve("one", "controller").sort()).toEqual([one.address, two.address]);
    expect(new Set([1, 2].map(() => runtime.resolve("one", "controller")[0])).size).toBe(2);
    expect(runtime.resolve("one", "second")).toEqual([two.address]);
    expect(runtime.resolve("one", "outside")).toEqual([]);
    await runtime.stop("two", 0);
    expect(runtime.resolve("one", "CONTROLLER")).toEqual([one.address]);
  });

  it("keeps the log of a removed container, and gives its tail", async () => {
    await runtime.run(spec("a"));
    await logLine(runtime, "a", /^ready/);
    await runtime.remove("a");
    const tail: string[] = [];
    for await (const line of runtime.logs("a", { tail: 2 })) tail.push(line);
    expect(tail).toEqual(["ready", "ending"]);
  });
});
