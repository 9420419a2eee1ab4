/** The daemon in this process, and the client over its real loopback HTTP. */
import * as fs from "node:fs";
import * as path from "node:path";
import { fastify } from "fastify";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, LocalCloudClient } from "../../../local/client";
import { startDaemon, type DaemonParts, type RunningDaemon } from "../../../local/daemon";
import type { ContainerState } from "../../../local/runtime/port";
import { CHAIN_TYPES, chainPackage, noContainers, noFunctions } from "../../support/chain";
import { scratch } from "./world";

const killed: string[] = [];
const container: ContainerState = {
  spec: { id: "ecs-1", image: "stackfleet/loadtest", environment: {}, networks: [], restart: "no", labels: { stack: "s" } },
  status: "running", health: "healthy", address: "127.64.0.1", restarts: 0, logFile: "ecs-1.log",
};

async function all(stream: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const line of stream) read.push(line);
  return read;
}

async function* lines(follow: boolean, signal?: AbortSignal): AsyncGenerator<string> {
  yield "one";
  yield "two";
  if (follow) await new Promise((resolve) => signal?.addEventListener("abort", resolve));
}

const parts: DaemonParts = {
  packages: [chainPackage()],
  createContainers: async () => ({
    ...noContainers(), list: () => [container], get: (id) => (id === "ecs-1" ? container : undefined),
    kill: async (id) => void killed.push(id), logs: (_id, { follow, signal }) => lines(follow ?? false, signal),
  }),
  createFunctions: () => noFunctions(),
  registerApis: (app) => void app.get("/", () => "aws"),
  sockets: [{
    name: "side",
    serve: () => {
      const app = fastify();
      app.get("/", () => "side");
      return app;
    },
    environment: (socket) => ({ SIDE_HOST: `unix://${socket}` }),
  }],
};

describe("the daemon and its client", () => {
  const { dir, remove } = scratch();
  let daemon: RunningDaemon;
  let client: LocalCloudClient;
  let stopAsked = 0;

  beforeAll(async () => {
    expect(await connect(dir)).toBeUndefined();
    daemon = await startDaemon(parts, { dir, timeScale: 5, onStopRequest: () => void stopAsked++ });
    const connected = await connect(dir);
    if (!connected) throw new Error("not connected");
    client = connected;
  });
  afterAll(async () => {
    await daemon.stop();
    remove();
  });

  it("serves sockets for the user alone, and tells where", async () => {
    const socketPath = path.join(dir, "side.sock");
    expect(client.info.sockets).toEqual({ side: socketPath });
    expect(client.env()["SIDE_HOST"]).toBe(`unix://${socketPath}`);
    expect(fs.statSync(socketPath).mode & 0o777).toBe(0o600);
    const agent = new Agent({ connect: { socketPath } });
    expect(await (await request("http://side/", { dispatcher: agent })).body.text()).toBe("side");
    await agent.close();
  });

  it("tells how to reach it to the user alone", () => {
    expect(fs.statSync(path.join(dir, "daemon.json")).mode & 0o777).toBe(0o600);
    expect(client.info).toEqual(daemon.info);
    expect(client.isRunning()).toBe(true);
    expect(client.env()).toEqual({
      PULUMI_DEBUG_PROVIDERS: `chain:${daemon.info.ports.providers["chain"]}`, AWS_ENDPOINT_URL: `http://127.0.0.1:${daemon.info.ports.aws}`,
      AWS_ACCESS_KEY_ID: "LKIA000000000000", AWS_SECRET_ACCESS_KEY: "local-cloud",
      SIDE_HOST: `unix://${path.join(dir, "side.sock")}`, AEROSPIKE_CLOUD_TIME_SCALE: "5",
    });
  });

  it("refuses a second daemon in the folder, which stays untouched", async () => {
    await expect(startDaemon(parts, { dir })).rejects.toThrow("is running in");
    expect((await connect(dir))?.info.token).toBe(client.info.token);
  });

  it("reports its status and its containers", async () => {
    expect(await client.status()).toMatchObject({ timeScale: 5, resources: 0, faults: 0, ledgerEntries: 0, containers: [{ id: "ecs-1", status: "running", labels: { stack: "s" } }] });
    expect(await client.containers()).toHaveLength(1);
  });

  it("changes the time scale, and tells every later client", async () => {
    await client.setTimeScale(7);
    expect((await client.status()).timeScale).toBe(7);
    expect((await connect(dir))?.info.timeScale).toBe(7);
    await expect(client.setTimeScale(0)).rejects.toThrow(expect.objectContaining({ code: "request-invalid" }));
  });

  it("plans, lists and clears faults", async () => {
    const type = CHAIN_TYPES[0] ?? "";
    expect(await client.addFault({ type, kind: "fail" })).toEqual({ id: 1, type, nth: 1, kind: "fail", seen: 0, fired: false });
    expect(await client.addFault({ type, kind: "hang", stack: "s", nth: 3 })).toMatchObject({ id: 2, stack: "s", nth: 3 });
    expect(await client.faults()).toHaveLength(2);
    await client.clearFaults();
    expect(await client.faults()).toEqual([]);
    await expect(client.addFault({ type, kind: "fail", nth: 0 })).rejects.toThrow("nth");
    await expect(client.addFault({ type: "chain:index:Nothing", kind: "fail" })).rejects.toThrow(`unknown resource type; got "chain:index:Nothing"`);
  });

  it("filters the ledger", async () => {
    daemon.cloud.ledger.open({ stack: "a&b", urn: "u", type: "t", operation: "read", id: "i", region: "r", modelledSeconds: 0 }).close("ok");
    expect(await client.ledger({ stack: "a&b" })).toMatchObject([{ seq: 1, result: "ok" }]);
    expect(await client.ledger({ since: 1 })).toEqual([]);
  });

  it("streams logs, ends them when asked, and names an unknown container", async () => {
    expect(await all(client.logs("ecs-1"))).toEqual(["one", "two"]);
    const abort = new AbortController();
    const followed: string[] = [];
    for await (const line of client.logs("ecs-1", { follow: true, signal: abort.signal })) if (followed.push(line) === 2) abort.abort();
    expect(followed).toEqual(["one", "two"]);
    await expect(all(client.logs("ecs-2"))).rejects.toThrow(`no such container; got "ecs-2"; expected one of ecs-1`);
  });

  it("kills a container", async () => {
    await client.kill("ecs-1");
    expect(killed).toEqual(["ecs-1"]);
    await expect(client.kill("ecs-2")).rejects.toThrow(expect.objectContaining({ code: "container-unknown" }));
  });

  it("lets nobody in without its token", async () => {
    const stranger = new LocalCloudClient({ ...client.info, token: "guess" });
    await expect(stranger.status()).rejects.toThrow(expect.objectContaining({ code: "unauthorized" }));
    await expect(stranger.clearFaults()).rejects.toThrow(expect.objectContaining({ code: "unauthorized" }));
  });

  it("says when it can't be reached", async () => {
    const nowhere = new LocalCloudClient({ ...client.info, ports: { ...client.info.ports, control: 1 } });
    await expect(nowhere.status()).rejects.toThrow(expect.objectContaining({ code: "daemon-unreachable", fix: "start it with `stackfleet local start`" }));
  });

  it("is no daemon for a folder whose daemon is dead", async () => {
    const other = scratch();
    fs.writeFileSync(path.join(other.dir, "daemon.json"), JSON.stringify({ ...client.info, pidStart: "another boot" }));
    expect(await connect(other.dir)).toBeUndefined();
    fs.writeFileSync(path.join(other.dir, "daemon.json"), "{");
    expect(await connect(other.dir)).toBeUndefined();
    other.remove();
  });

  it("keeps ports, time scale and resources over a restart", async () => {
    const { ports, token } = daemon.info;
    daemon.cloud.store.insert({ type: CHAIN_TYPES[0] ?? "", id: "link-1", region: "r", account: "0", stack: "s", urn: "urn:pulumi:s::p::t::n", inputs: {}, outputs: {}, status: "available", createdAt: "2026-01-01T00:00:00.000Z" });
    await daemon.stop();
    expect(fs.existsSync(path.join(dir, "daemon.json"))).toBe(false);
    daemon = await startDaemon(parts, { dir, onStopRequest: () => void stopAsked++ });
    expect(daemon.info.ports).toEqual(ports);
    expect(daemon.info.token).not.toBe(token);
    expect(daemon.info.timeScale).toBe(7);
    expect(daemon.cloud.store.size).toBe(1);
  });

  it("is asked to stop through the control API", async () => {
    const asked = await connect(dir);
    asked?.stop().catch(() => undefined); // this process is the daemon's, and it stays
    await expect.poll(() => stopAsked).toBe(1);
  });
});
