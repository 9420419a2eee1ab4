import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { version } from "../../../package.json";
import type { Health } from "../../../workloads/chunkstore/contract/clientApi";
import { createDiscovery, createLogger, createMetrics, loadNodeId, lockVolume, readSettings, SettingsError, startHealthServer, VERSION, VolumeInUse, type Role } from "../../../workloads/chunkstore/node";
import { KEY, memoryLog, temporaryFolder } from "./support";

function environment(more: Record<string, string> = {}): Record<string, string> {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "key"), `${KEY}\n`);
  writeFileSync(path.join(folder, "accounts"), '{"anna":"a password"}');
  return { CLUSTER_KEY_FILE: path.join(folder, "key"), ACCOUNTS_FILE: path.join(folder, "accounts"), ...more };
}

function faults(variables: Record<string, string>, role: Role = "controller"): readonly string[] {
  try {
    if (role === "controller") readSettings(variables, role);
    else readSettings(variables, role);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

describe("settings", () => {
  it("have defaults for everything but the secrets", () => {
    expect(readSettings(environment(), "controller")).toMatchObject({
      role: "controller", nodeId: undefined, dataDir: "/data", clusterKey: Buffer.from(KEY), controllerAlias: "controller", chunkserverAlias: "chunkserver", logLevel: "info", runAs: undefined,
      heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 6_000, gossipIntervalMs: 2_000, antiEntropyIntervalMs: 30_000, repairIntervalMs: 5_000, tokenTtlMs: 28_800_000,
      orphanGraceMs: 3_600_000, replacedGraceMs: 60_000, tombstoneTtlMs: 604_800_000, chunkCacheBytes: 48 * 1024 * 1024, replicationFactor: "all", minWriteReplicas: 2, accounts: '{"anna":"a password"}',
    });
    expect(readSettings(environment(), "chunkserver")).toMatchObject({ role: "chunkserver", scrubIntervalMs: 3_600_000, diskReserveBytes: undefined, capacityBytes: undefined });
  });

  it.each([["1", 1], ["2", 2], ["5", 2], ["all", 2]])("with a replication factor of %s an upload needs %i replicas", (factor, replicas) => {
    expect(readSettings(environment({ REPLICATION_FACTOR: factor }), "controller").minWriteReplicas).toBe(replicas);
  });

  it("take what the environment says, and an empty variable for none", () => {
    expect(readSettings(environment({ HEARTBEAT_INTERVAL: "0.25", CAPACITY_MIB: "100", DISK_RESERVE_MIB: "0", CHUNKSERVER_NODE_ID: "cs-1", RUN_AS: "10001:10002", LOG_LEVEL: "" }), "chunkserver")).toMatchObject({
      heartbeatIntervalMs: 250, capacityBytes: 100 * 1024 * 1024, diskReserveBytes: 0, nodeId: "cs-1", runAs: { uid: 10_001, gid: 10_002 }, logLevel: "info",
    });
  });

  it("tell all faults at once", () => {
    const all = faults(environment({ HEARTBEAT_INTERVAL: "fast", GOSSIP_INTERVAL: "-1", REPLICATION_FACTOR: "0", DATA_DIR: "data", LOG_LEVEL: "loud", CONTROLLER_NODE_ID: "a b", CONTROLLER_ALIAS: "-x-", RUN_AS: "root" }));
    expect(all).toEqual([
      'HEARTBEAT_INTERVAL: got "fast"; expected a number of seconds from 0.05 to 3155760000',
      'CONTROLLER_NODE_ID: got "a b"; expected 1 to 128 of A-Z a-z 0-9 _ . -, a letter or digit first',
      'DATA_DIR: got "data"; expected an absolute path',
      'CONTROLLER_ALIAS: got "-x-"; expected a host name',
      'LOG_LEVEL: got "loud"; expected one of trace, debug, info, warn, error, fatal, silent',
      'RUN_AS: got "root"; expected <uid>:<gid>, numbers from 1, such as 10001:10001',
      'REPLICATION_FACTOR: got "0"; expected `all` or a whole number from 1',
      'GOSSIP_INTERVAL: got "-1"; expected a number of seconds from 0.05 to 3155760000',
    ]);
  });

  it.each([
    [{ HEARTBEAT_INTERVAL: "1e3" }, "HEARTBEAT_INTERVAL"], [{ HEARTBEAT_INTERVAL: "Infinity" }, "HEARTBEAT_INTERVAL"], [{ HEARTBEAT_INTERVAL: "1s" }, "HEARTBEAT_INTERVAL"],
    [{ HEARTBEAT_INTERVAL: "4" }, "HEARTBEAT_TIMEOUT"], [{ REPLICATION_FACTOR: "1.5" }, "REPLICATION_FACTOR"], [{ REPLICATION_FACTOR: "2", MIN_WRITE_REPLICAS: "3" }, "MIN_WRITE_REPLICAS"],
    [{ RUN_AS: "0:0" }, "RUN_AS"], [{ CHUNK_CACHE_MIB: "-1" }, "CHUNK_CACHE_MIB"], [{ DATA_DIR: "/data\0/x" }, "DATA_DIR"],
  ])("refuse %j", (variables, name) => {
    expect(faults(environment(variables)).map((fault) => fault.split(":")[0])).toEqual([name]);
  });

  it("name a secret's file and never what is in it", () => {
    const short = environment();
    writeFileSync(short["CLUSTER_KEY_FILE"] ?? "", "hunter2");
    expect(faults({ ...short, ACCOUNTS_FILE: "/nowhere" })).toEqual([
      `CLUSTER_KEY_FILE: got a file of 7 bytes, ${short["CLUSTER_KEY_FILE"]}; expected at least 32 bytes of secret text, such as \`openssl rand -hex 32\` gives`,
      "ACCOUNTS_FILE: got /nowhere, which can't be read (ENOENT); expected a file that this process may read",
    ]);
    expect(faults({ ...short, CLUSTER_KEY_FILE: "/" }).join()).toContain("EISDIR");
  });
});

describe("a node's ID", () => {
  it("is made of host and time at the first start, and kept", () => {
    const dataDir = temporaryFolder();
    expect(loadNodeId({ dataDir, host: "host-a", now: 1_700_000_000_000 })).toBe("host-a-1700000000000");
    expect(loadNodeId({ dataDir, host: "host-b", now: 1_800_000_000_000 })).toBe("host-a-1700000000000");
    expect(loadNodeId({ dataDir, override: "mine" })).toBe("mine");
    expect(loadNodeId({ dataDir })).toBe("host-a-1700000000000");
  });

  it.each([["ä.example", "example-1"], ["", "node-1"], ["---", "node-1"], ["a b/c", "a-b-c-1"], ["x".repeat(300), `${"x".repeat(100)}-1`]])("is valid for a host called %j", (host, id) => {
    expect(loadNodeId({ dataDir: temporaryFolder(), host, now: 1 })).toBe(id);
  });

  it("that makes no sense is an error and not a new identity", () => {
    const dataDir = temporaryFolder();
    writeFileSync(path.join(dataDir, "node-id"), "../../x");
    expect(() => loadNodeId({ dataDir })).toThrow(/holds no node ID/);
  });
});

describe("a volume", () => {
  it("belongs to one node at a time, also of other processes, and is free when its node is killed", async () => {
    const dataDir = path.join(temporaryFolder(), "new");
    const lock = lockVolume(dataDir);
    expect(() => lockVolume(dataDir)).toThrow(VolumeInUse);
    lock.release();
    const script = `const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(process.argv[1]); db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"); console.log("locked"); setInterval(() => db, 1000);`;
    const holder = spawn(process.execPath, ["-e", script, path.join(dataDir, "node.lock")], { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => { holder.kill("SIGKILL"); });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    expect(() => lockVolume(dataDir)).toThrow(`DATA_DIR: ${dataDir} is in use by another node; expected a volume of its own for each node`);
    const ended = new Promise((resolve) => holder.once("exit", resolve));
    holder.kill("SIGKILL");
    await ended;
    lockVolume(dataDir).release();
  });
});

describe("discovery", () => {
  function world(): { names: Map<string, string[] | Error>; lookup: (name: string) => Promise<string[]> } {
    const names = new Map<string, string[] | Error>([["localhost", ["127.0.0.9"]]]);
    return { names, lookup: async (name) => {
      const found = names.get(name) ?? Object.assign(new Error("none"), { code: "ENOTFOUND" });
      if (found instanceof Error) throw found;
      return found;
    } };
  }

  it("finds the others, and tells when they change", async () => {
    const { names, lookup } = world();
    const log = memoryLog();
    const discovery = createDiscovery({ alias: "controller", log, lookup });
    expect(await discovery.find()).toEqual([]);
    names.set("controller", ["127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.8"]);
    expect(await discovery.find()).toEqual(["127.0.0.7", "127.0.0.8"]);
    names.set("controller", ["127.0.0.8", "127.0.0.7"]);
    expect(await discovery.find()).toEqual(["127.0.0.7", "127.0.0.8"]);
    names.set("controller", ["127.0.0.7"]);
    await discovery.find();
    expect(log.messages()).toEqual(["the alias doesn't resolve", "discovered 2 peers", "discovered 1 peers"]);
  });

  it("keeps what it knew while the resolver fails, and tells it once", async () => {
    const { names, lookup } = world();
    const log = memoryLog();
    const discovery = createDiscovery({ alias: "controller", log, lookup });
    names.set("controller", ["127.0.0.7"]);
    await discovery.find();
    names.set("controller", Object.assign(new Error("x"), { code: "EAI_AGAIN" }));
    expect([await discovery.find(), await discovery.find()]).toEqual([["127.0.0.7"], ["127.0.0.7"]]);
    expect(log.lines.filter(({ level }) => level === "info")).toHaveLength(2);
  });

  it("doesn't wait for a resolver that hangs, and asks it once", async () => {
    let asked = 0;
    const discovery = createDiscovery({ alias: "controller", log: memoryLog(), timeoutMs: 10, lookup: (name) => { asked += name === "controller" ? 1 : 0; return new Promise(() => undefined); } });
    expect([await discovery.find(), await discovery.find()]).toEqual([[], []]);
    expect(asked).toBe(1);
  });
});

describe("health and metrics", () => {
  it("are served over plain HTTP, 503 while the node starts or stops", async () => {
    let state: Health = { status: "starting", role: "chunkserver", nodeId: "n", version: VERSION, uptimeSeconds: 0, controllers: 0, chunkservers: 1, reasons: [] };
    const server = await startHealthServer({ health: () => state, metrics: createMetrics("chunkserver", "n") }, memoryLog(), { host: "127.0.0.1", port: 0 });
    onTestFinished(() => server.close());
    const url = `http://127.0.0.1:${server.port}`;
    const statuses: number[] = [];
    for (const status of ["starting", "ok", "degraded", "stopping"] as const) {
      state = { ...state, status };
      const answer = await fetch(`${url}/health`);
      statuses.push(answer.status);
      expect(await answer.json()).toEqual(state);
    }
    expect(statuses).toEqual([503, 200, 200, 503]);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(`chunkstore_build_info{version="${version}",role="chunkserver",node="n"} 1`);
    expect((await fetch(`${url}/metrics`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${url}/health`, { method: "HEAD" })).status).toBe(503);
    expect((await fetch(`${url}/v1/inventory`)).status).toBe(404);
    expect((await fetch(`${url}/health`, { method: "POST", body: "{}" })).status).toBe(404);
  });

  it("tell the project's version", () => {
    expect(VERSION).toBe(version);
  });
});

describe("the log", () => {
  it("is JSON lines with time, level, role and node", () => {
    const lines: string[] = [];
    const log = createLogger({ role: "chunkserver", node: "n-1", level: "info" }, { write: (line) => { lines.push(line); } });
    log.debug({}, "not shown");
    log.warn({ err: new Error("broken"), a: 1 }, "careful");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", role: "chunkserver", node: "n-1", a: 1, msg: "careful", err: { message: "broken" }, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown });
  });
});

it("a folder can be made durable below one that exists", () => {
  const dataDir = path.join(temporaryFolder(), "a", "b");
  mkdirSync(path.dirname(dataDir));
  lockVolume(dataDir).release();
  loadNodeId({ dataDir, host: "h", now: 1 });
  expect(readFileSync(path.join(dataDir, "node-id"), "utf8")).toBe("h-1\n");
});
