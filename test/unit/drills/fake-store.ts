/** A chunk store in memory on a fake engine: right by default, wrong in one way when told so. */
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import { CHUNKSTORE_DRILLS } from "../../../drills/chunkstore";
import type { StoreClient } from "../../../drills/chunkstore/client";
import { ChunkStore } from "../../../drills/chunkstore/store";
import type { StoreUndo } from "../../../drills/chunkstore/undo";
import { DockerEngine } from "../../../drills/engine/client";
import type { DrillEvent, DrillsFinished } from "../../../drills/model";
import { runDrills } from "../../../drills/runner";
import type { ClusterStatus, FileEntry, FileLocations } from "../../../workloads/chunkstore/contract/clientApi";
import { FakeEngine } from "./fake-engine";
import { FakeClock } from "./fakes";

export type Fault =
  | "reads-fail-while-nodes-are-away" | "restarted-controller-knows-nothing" | "acknowledges-without-chunkservers" | "calls-itself-well-when-alone" | "loses-acknowledged-files"
  | "shows-partial-files" | "never-repairs" | "serves-corrupt-bytes" | "controllers-disagree" | "earlier-write-wins" | "one-replica-too-few" | "clients-do-not-fail-over" | "never-heals" | "refuses-uploads-of-rounds";

interface Entry { readonly name: string; readonly upload: string; readonly sha256: string; readonly content: Buffer; readonly time: number; readonly deleted: boolean }
interface Chunk { readonly index: number; readonly sha256: string; readonly size: number; readonly bytes: Buffer }

/** All sizes are a thousandth of the real ones. */
const SCALE = 1 / 1024;
const CHUNK_BYTES = 4096;
const NETWORK = "dfs-network";
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export class FakeStore {
  readonly engine = new FakeEngine();
  readonly clock = new FakeClock(5);
  private readonly records = new Map<string, Map<string, Entry>>();
  /** Controllers that were seen stopped. */
  private readonly stopped = new Set<string>();
  private readonly forgetful = new Set<string>();
  private readonly uploads = new Set<string>();
  private time = 0;
  private turn = 0;

  constructor(readonly fault?: Fault, readonly controllers = ["controller-1", "controller-2", "controller-3"], readonly chunkservers = [1, 2, 3, 4, 5].map((number) => `chunkserver-${number}`)) {
    for (const name of controllers) {
      this.engine.add(name, NETWORK, ["controller"]);
      this.engine.file(name, "/data/metadata.db", Buffer.from("a database"));
      this.records.set(name, new Map());
    }
    for (const name of chunkservers) this.engine.add(name, NETWORK, ["chunkserver"]);
  }

  /** Plays drills by name on this store. */
  async play(...names: readonly string[]): Promise<{ readonly events: readonly DrillEvent[]; readonly finished: DrillsFinished }> {
    await this.engine.listen();
    const docker = new DockerEngine({ kind: "unix", socketPath: this.engine.socketPath });
    const folder = mkdtempSync(path.join(tmpdir(), "fake-store-"));
    onTestFinished(async () => {
      rmSync(folder, { recursive: true, force: true });
      await docker.close();
    });
    const node = <R extends string>(name: string, role: R): { name: string; role: R; container: string } => ({ name, role, container: name });
    const system = new ChunkStore({
      engine: docker, clock: this.clock, folder, sizeScale: SCALE, realEngine: false, clients: (endpoints) => this.client(endpoints.map((endpoint) => endpoint.replace("http://", ""))),
      access: {
        controllers: this.controllers.map((name) => ({ ...node(name, "controller" as const), endpoint: `http://${name}` })), chunkservers: this.chunkservers.map((name) => node(name, "chunkserver" as const)),
        network: NETWORK, replicationFactor: "all", user: "admin", password: "x",
      },
    });
    const events: DrillEvent[] = [];
    let due: readonly StoreUndo[] = [];
    const finished = await runDrills({
      drills: CHUNKSTORE_DRILLS.filter(({ name }) => names.includes(name)), system, drillable: system, clock: this.clock, seed: 3, listener: (event) => events.push(event),
      undoLog: { read: () => due, write: (actions) => (due = actions) }, signal: new AbortController().signal, abandon: new AbortController().signal,
    });
    return { events, finished };
  }

  private client(order: readonly string[]): StoreClient {
    const at = async <T>(signal: AbortSignal, work: (controller: string) => Promise<T> | T): Promise<T> => {
      signal.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
      this.settle();
      let last: unknown = new Error("no controller");
      for (const controller of this.fault === "clients-do-not-fail-over" ? order.slice(0, 1) : order) {
        try {
          if (!this.running(controller)) throw new Error(`${controller}: connection refused`);
          return await work(controller);
        } catch (error) {
          last = error;
        }
      }
      throw last;
    };
    return {
      list: (signal) => at(signal, (controller) => this.live(controller).map((entry) => this.listed(entry))),
      upload: (file, name, signal, onProgress) => at(signal, (controller) => this.upload(controller, name, readFileSync(file), signal, onProgress)),
      read: (name, signal) => at(signal, (controller) => sha256(this.read(controller, name))),
      remove: (name, signal) => at(signal, (controller) => this.write(controller, { name, upload: "", sha256: "", content: Buffer.alloc(0), deleted: true })),
      locations: (name, signal) => at(signal, (controller) => this.locations(controller, name)),
      cluster: (signal) => at(signal, (controller) => this.status(controller)),
      health: (signal) => at(signal, (controller) => this.health(controller)),
    };
  }

  private async upload(controller: string, name: string, content: Buffer, signal: AbortSignal, onProgress: (done: number) => void = () => undefined): Promise<void> {
    if (this.fault === "refuses-uploads-of-rounds" && name.includes("-round-")) throw new Error("too few chunkservers [not-enough-chunkservers]");
    const upload = randomUUID();
    const chunks = chunksOf(content);
    for (const chunk of chunks) {
      onProgress((chunk.index + 1) * CHUNK_BYTES);
      // Long enough for a kill by the engine to come in the middle of a large file.
      for (let turn = 0; chunks.length > 3 && turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      if (!this.running(controller)) {
        if (this.fault === "shows-partial-files") this.spread({ name, upload: randomUUID(), sha256: sha256(content), content: content.subarray(0, -1), deleted: false, time: ++this.time });
        for (const server of this.chunkservers) for (const file of this.engine.containers.get(server)?.files.keys() ?? []) if (file.includes(upload)) this.engine.containers.get(server)?.files.delete(file);
        throw new Error(`${controller}: connection reset`);
      }
      const reached = this.reached(controller, this.chunkservers);
      if (reached.length < 2 && this.fault !== "acknowledges-without-chunkservers") throw new Error("too few chunkservers [not-enough-chunkservers]");
      for (const server of this.fault === "one-replica-too-few" ? reached.slice(1) : reached) this.engine.file(server, chunkFile(upload, chunk), chunk.bytes);
    }
    if (this.fault === "loses-acknowledged-files" && name.includes("-round-")) return;
    this.write(controller, { name, upload, sha256: sha256(content), content, deleted: false });
  }

  private read(controller: string, name: string): Buffer {
    const entry = this.entry(controller, name);
    if (this.fault === "reads-fail-while-nodes-are-away" && this.chunkservers.some((server) => !this.running(server) || !this.meet(controller, server))) throw new Error("no replica [chunk-unavailable]");
    return Buffer.concat(chunksOf(entry.content).map((chunk) => this.readChunk(controller, entry, chunk)));
  }

  private readChunk(controller: string, entry: Entry, chunk: Chunk): Buffer {
    const servers = this.reached(controller, this.chunkservers);
    const start = this.turn++;
    for (let index = 0; index < servers.length; index++) {
      const server = servers[(start + index) % servers.length] ?? "";
      const file = this.engine.containers.get(server)?.files.get(chunkFile(entry.upload, chunk));
      if (file === undefined) continue;
      if (sha256(file.content) === chunk.sha256 || this.fault === "serves-corrupt-bytes") return file.content;
      this.engine.containers.get(server)?.files.delete(chunkFile(entry.upload, chunk));
    }
    throw new Error("no replica [chunk-unavailable]");
  }

  private locations(controller: string, name: string): FileLocations {
    const entry = this.entry(controller, name);
    const servers = this.reached(controller, this.chunkservers);
    return { name, upload: entry.upload, chunks: chunksOf(entry.content).map((chunk) => ({
      index: chunk.index, sha256: chunk.sha256, size: chunk.size, chunkservers: servers.filter((server) => this.engine.containers.get(server)?.files.has(chunkFile(entry.upload, chunk))),
    })) };
  }

  private entry(controller: string, name: string): Entry {
    const found = this.live(controller).find((entry) => entry.name === name);
    if (found === undefined) throw new Error(`no such file: ${name} [file-not-found]`);
    return found;
  }

  private live(controller: string): Entry[] {
    return [...(this.records.get(controller)?.values() ?? [])].filter(({ deleted }) => !deleted);
  }

  private listed({ name, content, sha256: hash }: Entry): FileEntry {
    return { name, size: content.length, sha256: hash, tags: [], owner: "admin", modifiedAt: "2030-01-01T00:00:00Z", replicas: this.chunkservers.length };
  }

  private write(controller: string, entry: Omit<Entry, "time">): void {
    this.uploads.add(entry.upload);
    this.records.get(controller)?.set(entry.name, { ...entry, time: ++this.time });
    this.settle();
  }

  private spread(entry: Entry): void {
    for (const records of this.records.values()) records.set(entry.name, entry);
  }

  private status(controller: string): ClusterStatus {
    const seen = (names: readonly string[]): { id: string; address: string; alive: boolean; secondsSinceSeen: number }[] =>
      names.map((id) => ({ id, address: id, alive: id === controller || this.reached(controller, [id]).length === 1, secondsSinceSeen: 0 }));
    const records = [...(this.records.get(controller)?.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      nodeId: controller, controllers: seen(this.controllers), chunkservers: seen(this.chunkservers).map((server) => ({ ...server, capacityBytes: 1, freeBytes: 1, chunks: 0 })), replicationFactor: "all",
      files: 0, deletedNames: 0, chunks: 0, underReplicatedChunks: 0, clockOffsetMs: 0, metadataDigest: sha256(Buffer.from(records.map(({ name, time }) => `${name} ${time}`).join("\n"))),
    };
  }

  private health(controller: string): Awaited<ReturnType<StoreClient["health"]>> {
    const alone = this.reached(controller, this.chunkservers).length < 2 && this.fault !== "calls-itself-well-when-alone";
    return { status: alone ? "degraded" : "ok", role: "controller", nodeId: controller, version: "1", uptimeSeconds: 1, controllers: 1, chunkservers: 1, reasons: alone ? ["no-chunkservers"] : [] };
  }

  /** What happens by itself: gossip, repair, deletions. */
  private settle(): void {
    for (const controller of this.controllers) {
      if (!this.running(controller)) this.stopped.add(controller);
      else if (this.stopped.delete(controller) && this.fault === "restarted-controller-knows-nothing") this.forgetful.add(controller);
    }
    for (const controller of this.forgetful) this.records.get(controller)?.clear();
    const wasCut = this.engine.calls.some((call) => call.startsWith("disconnect dfs-network "));
    if (this.fault === "never-heals" && wasCut) return;
    for (const a of this.controllers) for (const b of this.reached(a, this.controllers)) this.merge(a, b, wasCut);
    for (const controller of this.controllers) this.repair(controller);
  }

  /** @param healed conflicts come from partitions only */
  private merge(from: string, to: string, healed: boolean): void {
    const target = this.records.get(to);
    for (const entry of this.records.get(from)?.values() ?? []) {
      const own = target?.get(entry.name);
      const conflict = healed && own !== undefined && own.time !== entry.time && this.engine.calls.some((call) => call.startsWith("connect dfs-network "));
      if (conflict && this.fault === "controllers-disagree") continue;
      if (own === undefined || (conflict && this.fault === "earlier-write-wins" ? entry.time < own.time : entry.time > own.time)) target?.set(entry.name, entry);
    }
  }

  private repair(controller: string): void {
    if (!this.running(controller)) return;
    const servers = this.reached(controller, this.chunkservers);
    const live = new Set(this.live(controller).map(({ upload }) => upload));
    for (const server of servers) {
      for (const file of this.engine.containers.get(server)?.files.keys() ?? []) {
        const upload = file.split("/")[3] ?? "";
        if (file.startsWith("/data/chunks/") && this.uploads.has(upload) && !live.has(upload)) this.engine.containers.get(server)?.files.delete(file);
      }
    }
    if (this.fault === "never-repairs" || this.fault === "one-replica-too-few") return;
    for (const entry of this.live(controller)) {
      for (const chunk of chunksOf(entry.content)) {
        const name = chunkFile(entry.upload, chunk);
        const holders = servers.filter((server) => this.engine.containers.get(server)?.files.has(name));
        if (holders.length > 0) for (const server of servers) if (!holders.includes(server)) this.engine.file(server, name, chunk.bytes);
      }
    }
  }

  private running(name: string): boolean {
    return this.engine.containers.get(name)?.running ?? false;
  }

  /** Those that run and share a network with it. */
  private reached(from: string, names: readonly string[]): string[] {
    return names.filter((name) => this.running(name) && this.running(from) && this.meet(from, name));
  }

  private meet(a: string, b: string): boolean {
    const networks = this.engine.containers.get(b)?.networks;
    return [...(this.engine.containers.get(a)?.networks.keys() ?? [])].some((network) => networks?.has(network));
  }
}

const cut = new WeakMap<Buffer, readonly Chunk[]>();
function chunksOf(content: Buffer): readonly Chunk[] {
  const known = cut.get(content);
  if (known) return known;
  const chunks = Array.from({ length: Math.ceil(content.length / CHUNK_BYTES) }, (_, index) => {
    const bytes = content.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    return { index, bytes, size: bytes.length, sha256: sha256(bytes) };
  });
  cut.set(content, chunks);
  return chunks;
}

function chunkFile(upload: string, { index, sha256: hash }: Pick<Chunk, "index" | "sha256">): string {
  return `/data/chunks/${upload}/${index}.${hash}`;
}
