import { build } from "esbuild";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Readable } from "node:stream";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { InventoryPage, ManifestPage } from "../../../workloads/chunkstore/contract/nodeApi";
import type { NodeClient } from "../../../workloads/chunkstore/contract/ports";
import { fileRecordSchema, type FileRecord } from "../../../workloads/chunkstore/contract/record";
import { createNodeClient, nodeTls } from "../../../workloads/chunkstore/transport";
import { chunk, KEY, record, settingsFor, temporaryFolder, type Chunk } from "./support";

const root = path.resolve(__dirname, "../../..");
let bundles = "";

beforeAll(async () => {
  bundles = mkdtempSync(path.join(tmpdir(), "stackfleet-chunkserver-bundles-"));
  await build({
    entryPoints: ["workloads/chunkstore/entry/chunkserver.ts", "workloads/chunkstore/entry/healthcheck.ts", "local/runtime/preload.ts"].map((file) => path.join(root, file)),
    outdir: bundles, entryNames: "[name]", bundle: true, platform: "node", format: "cjs", target: "node22", logLevel: "error",
  });
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));

type Child = ChildProcessByStdio<null, Readable, Readable>;

interface Started {
  readonly child: Child;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string; err: string }>;
  readonly lines: () => Record<string, unknown>[];
}

/** A program of the image, with an address of its own as in a container. */
function run(entry: string, address: string, environment: Record<string, string>): Started {
  const child = spawn(process.execPath, ["--require", path.join(bundles, "preload.js"), path.join(bundles, `${entry}.js`)], {
    env: { PATH: process.env["PATH"], STACKFLEET_ADDRESS: address, ...environment }, stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => { child.kill("SIGKILL"); });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => { out += data.toString(); });
  child.stderr.on("data", (data: Buffer) => { err += data.toString(); });
  const exit = new Promise<Awaited<Started["exit"]>>((resolve) => child.once("close", (code, signal) => resolve({ code, signal, out, err })));
  return { child, exit, lines: () => out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** 127.77.x.y, which nothing else of the tests uses. */
const freshAddress = (): string => `127.77.${randomInt(1, 255)}.${randomInt(1, 255)}`;

class Node {
  readonly client: NodeClient = createNodeClient({ tls: nodeTls(Buffer.from(KEY)), nodeId: "tester-1" });
  readonly address = freshAddress();
  readonly environment: Record<string, string>;
  readonly dataDir: string;

  constructor(more: Record<string, string> = {}) {
    const folder = temporaryFolder();
    this.dataDir = settingsFor(folder).dataDir;
    this.environment = { DATA_DIR: this.dataDir, CLUSTER_KEY_FILE: path.join(folder, "cluster-key"), DISK_RESERVE_MIB: "0", ...more };
    onTestFinished(() => this.client.close());
  }

  async start(): Promise<Started> {
    const started = run("chunkserver", this.address, this.environment);
    const gone = started.exit.then(({ out, err }) => { throw new Error(`the chunkserver ended: ${out}${err}`); });
    gone.catch(() => undefined);
    await Promise.race([gone, this.#healthy()]);
    return started;
  }

  async #healthy(): Promise<void> {
    for (const end = performance.now() + 15_000; performance.now() < end;) {
      const answer = await request(`http://${this.address}:8000/health`).catch(() => undefined);
      await answer?.body.dump();
      if (answer?.statusCode === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("the chunkserver did not become healthy within 15 s");
  }

  async put({ upload, index, data, sha256 }: Chunk): Promise<number> {
    const { statusCode, body } = await request(`https://${this.address}:50051/v1/chunks/${upload}/${index}`, { dispatcher: this.client.dispatcher, method: "PUT", body: data, headers: { "content-type": "application/octet-stream", "x-chunk-sha256": sha256 } });
    await body.dump();
    return statusCode;
  }

  async get(upload: string, index: number): Promise<{ status: number; sha256: string }> {
    const { statusCode, body } = await request(`https://${this.address}:50051/v1/chunks/${upload}/${index}`, { dispatcher: this.client.dispatcher });
    return { status: statusCode, sha256: createHash("sha256").update(Buffer.from(await body.arrayBuffer())).digest("hex") };
  }

  async json<T>(method: "GET" | "PUT", route: string, body?: unknown): Promise<T> {
    const { statusCode, body: answer } = await request(`https://${this.address}:50051${route}`, { dispatcher: this.client.dispatcher, method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }) });
    const value = await answer.json();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${JSON.stringify(value)}`);
    return value as T;
  }
}

/** Writes as fast as it can until the node dies; gives what was acknowledged. */
async function writeUntilDeath(node: Node, acknowledged: { chunks: Chunk[]; records: FileRecord[] }, enough: () => void): Promise<void> {
  let dead = false;
  const worker = async (number: number): Promise<void> => {
    for (let count = 0; !dead; count += 1) {
      const upload = randomUUID();
      const chunks = Array.from({ length: randomInt(1, 4) }, (_, index) => chunk(randomInt(1, 700_000), upload, index));
      const file = record(`file-${randomInt(20)}`, Date.now() * 100 + number, chunks, `writer-${number}`);
      try {
        for (const one of chunks) if ((await node.put(one)) === 201) acknowledged.chunks.push(one);
        await node.json("PUT", "/v1/manifests", { records: [file] });
        acknowledged.records.push(file);
      } catch {
        dead = true;
      }
      if (acknowledged.records.length > 12) enough();
    }
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(worker));
}

describe("a chunkserver that is killed in the middle of writes", () => {
  it("has everything that it acknowledged, verified, and nothing half-written", async () => {
    const node = new Node({ REPLACED_GRACE: "3600" });
    const all = { chunks: [] as Chunk[], records: [] as FileRecord[] };
    for (let round = 0; round < 3; round += 1) {
      const { child, exit } = await node.start();
      const acknowledged = { chunks: [] as Chunk[], records: [] as FileRecord[] };
      await writeUntilDeath(node, acknowledged, () => child.kill("SIGKILL"));
      expect((await exit).signal).toBe("SIGKILL");
      all.chunks.push(...acknowledged.chunks);
      all.records.push(...acknowledged.records);
    }
    const { child, exit, lines } = await node.start();
    expect(readdirSync(path.join(node.dataDir, "tmp"))).toEqual([]);
    expect(readdirSync(path.join(node.dataDir, "quarantine"))).toEqual([]);
    for (const { upload, index, sha256 } of all.chunks) expect(await node.get(upload, index)).toEqual({ status: 200, sha256 });
    const inventory = await node.json<InventoryPage>("GET", "/v1/inventory");
    expect(inventory.changes.length).toBeGreaterThanOrEqual(all.chunks.length);
    for (const { upload, index } of inventory.changes) expect((await node.get(upload, index)).status).toBe(200);
    const { records } = await node.json<ManifestPage>("GET", "/v1/manifests");
    for (const acknowledged of all.records) {
      const kept = fileRecordSchema.parse(records.find(({ name }) => name === acknowledged.name));
      expect(kept.version[acknowledged.stamp.node]).toBeGreaterThanOrEqual(acknowledged.stamp.time);
    }
    child.kill("SIGTERM");
    expect(await exit).toMatchObject({ code: 0, err: "" });
    expect(lines().filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
    expect(all.records.length).toBeGreaterThan(30);
  }, 90_000);
});

describe("the process", () => {
  it("starts, answers its health check, tells what happens in JSON lines, and ends on SIGTERM", async () => {
    const node = new Node();
    const { child, exit, lines } = await node.start();
    expect(await run("healthcheck", node.address, {}).exit).toMatchObject({ code: 0, out: "" });
    child.kill("SIGTERM");
    expect(await exit).toMatchObject({ code: 0, err: "" });
    expect(lines().map(({ msg }) => msg)).toEqual(["chunkserver started", "the alias doesn't resolve", "stopping", "stopped"]);
    expect(lines()[0]).toMatchObject({ level: "info", role: "chunkserver", node: readFileSync(path.join(node.dataDir, "node-id"), "utf8").trim(), port: 50_051 });
    const check = await run("healthcheck", node.address, {}).exit;
    expect(check.code).toBe(1);
    expect(check.out).toContain("ECONNREFUSED");
  }, 60_000);

  it("finishes what is under way when it is asked to end", async () => {
    const node = new Node();
    const { child, exit, lines } = await node.start();
    const chunks = Array.from({ length: 12 }, () => chunk(4 * 1024 * 1024));
    const writes = chunks.map((one) => node.put(one).catch(() => 0));
    await Promise.race(writes);
    child.kill("SIGTERM");
    const statuses = await Promise.all(writes);
    expect((await exit).code).toBe(0);
    expect(lines().map(({ msg }) => msg).slice(-2)).toEqual(["stopping", "stopped"]);
    const again = await node.start();
    for (const [at, one] of chunks.entries()) if (statuses[at] === 201) expect(await node.get(one.upload, 0)).toEqual({ status: 200, sha256: one.sha256 });
    expect(statuses).toContain(201);
    again.child.kill("SIGTERM");
    await again.exit;
  }, 60_000);

  it("refuses to start on another node's volume", async () => {
    const node = new Node();
    const { child, exit } = await node.start();
    expect(await run("chunkserver", freshAddress(), node.environment).exit).toMatchObject({ code: 1, out: "", err: `DATA_DIR: ${node.dataDir} is in use by another node; expected a volume of its own for each node\n` });
    child.kill("SIGTERM");
    await exit;
  }, 60_000);

  it("tells all that is wrong with its settings, one line each, and no secret", async () => {
    const secret = randomBytes(8).toString("hex");
    const node = new Node();
    writeFileSync(node.environment["CLUSTER_KEY_FILE"] ?? "", secret);
    const { code, err } = await run("chunkserver", node.address, { ...node.environment, SCRUB_INTERVAL: "often", CAPACITY_MIB: "1" }).exit;
    expect(code).toBe(1);
    expect(err.trimEnd().split("\n").map((line) => line.split(":")[0]).sort()).toEqual(["CAPACITY_MIB", "CLUSTER_KEY_FILE", "SCRUB_INTERVAL"]);
    expect(err).not.toContain(secret);
  }, 60_000);
});
