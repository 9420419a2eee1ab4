/** A simulated cluster: controllers with the real store, cluster time, membership and gossip, and chunkservers. */
import type { ZodType } from "zod";
import type { Clock } from "../../../workloads/chunkstore/contract/ports";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import {
  ANTI_ENTROPY_PATH, ClusterTime, compareWrites, createGossip, FIRST_CURSOR, GOSSIP_PATH, isAcknowledged, Membership, openMetadataDatabase,
  openRecordStore, pullManifests, type Gossip, type MetadataDatabase, type MetadataLog, type MetadataStore, type ReplicaReport,
} from "../../../workloads/chunkstore/metadata";
import { Chunkserver } from "./chunkserver";
import { Network, seeded, Timeline } from "./network";
import { deleted, fileState, uuidOf } from "./support";

/** 2026, so that stamps look as they will. */
const EPOCH_START = 1_767_225_600_000;
const PORT = 8_001;
const ROUND_MS = 2_000;
const ANTI_ENTROPY_MS = 30_000;

export interface ClusterSize {
  readonly controllers: number;
  readonly chunkservers?: number;
  /** Between two comparisons. @default 30 s, as in reality */
  readonly antiEntropyMs?: number;
}

export interface Written {
  readonly record: FileRecord;
  /** False for an upload that wasn't acknowledged: it may be somewhere, or nowhere. */
  isKept: boolean;
}

const quiet: MetadataLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** A machine's clock: wrong by `skew`; its monotonic one begins anew at each start. */
class MachineClock implements Clock {
  skew = 0;
  #startedAt = 0;
  constructor(private readonly timeline: Timeline) {}
  started(): void {
    this.#startedAt = this.timeline.now;
  }
  now(): number {
    return Math.round(EPOCH_START + this.timeline.now + this.skew);
  }
  monotonic(): number {
    return this.timeline.now - this.#startedAt;
  }
}

export class Controller {
  readonly address: string;
  readonly clock: MachineClock;
  /** The volume; survives a crash. */
  #database: MetadataDatabase = openMetadataDatabase(":memory:");
  store: MetadataStore | undefined;
  gossip: Gossip | undefined;
  time: ClusterTime | undefined;
  life = 0;

  constructor(readonly id: string, private readonly cluster: Cluster, private readonly log: MetadataLog = quiet) {
    this.address = id;
    this.clock = new MachineClock(cluster.timeline);
  }

  start(): void {
    if (this.store) return;
    const { cluster, clock, id } = this;
    const life = (this.life += 1);
    clock.started();
    const time = new ClusterTime(clock);
    const store = openRecordStore({ database: this.#database, nodeId: id, time });
    const membership = new Membership({ self: { id, role: "controller" }, clock });
    const transport = {
      post: async <T>(to: { address: string }, path: string, body: unknown, schema: ZodType<T>): Promise<T> => {
        const reply = await cluster.network.request(id, to.address, path, body);
        // What a node is told after its crash it never learns.
        if (this.life !== life) return new Promise<T>(() => undefined);
        return schema.parse(reply);
      },
    };
    const gossip = createGossip({ store, self: { id, port: PORT }, clock, clusterTime: time, membership, transport, log: this.log, random: cluster.random });
    Object.assign(this, { store, gossip, time });
    membership.seeds(cluster.controllers.map(({ address }) => ({ address, port: PORT })));
    cluster.network.listen(id, (path, body, from) => (path === GOSSIP_PATH ? gossip.handle(body, from) : path === ANTI_ENTROPY_PATH ? gossip.handleAntiEntropy(body, from) : fail(path)));
    this.#every(ROUND_MS, () => gossip.round());
    this.#every(cluster.size.antiEntropyMs ?? ANTI_ENTROPY_MS, () => gossip.antiEntropyRound());
    for (const chunkserver of cluster.chunkservers) this.#follow(chunkserver, store);
  }

  crash(): void {
    this.life += 1;
    this.cluster.network.listen(this.id, undefined);
    this.store?.close();
    Object.assign(this, { store: undefined, gossip: undefined, time: undefined });
  }

  /** Crashes, and has an empty volume then. */
  loseVolume(): void {
    this.crash();
    this.#database.close();
    this.#database = openMetadataDatabase(":memory:");
  }

  /** What is on the volume, running or not. */
  records(): FileRecord[] {
    return this.#database.db.prepare("SELECT body FROM files").all().map((row) => JSON.parse(String(row["body"])) as FileRecord);
  }

  dispose(): void {
    this.crash();
    this.#database.close();
  }

  #every(intervalMs: number, work: () => Promise<unknown>): void {
    const { life, cluster } = this;
    const again = (): void => {
      if (this.life !== life) return;
      void work();
      cluster.timeline.after(intervalMs, again);
    };
    cluster.timeline.after(cluster.random() * intervalMs, again);
  }

  /** Pulls a chunkserver's manifests, as a controller does when a heartbeat shows news. */
  #follow(chunkserver: Chunkserver, store: MetadataStore): void {
    const { life } = this;
    let cursor = FIRST_CURSOR;
    this.#every(ROUND_MS, async () => {
      const fetch = async (after: typeof cursor): Promise<unknown> => {
        const page = await this.cluster.network.request(this.id, chunkserver.id, "/v1/manifests", after);
        return this.life === life ? page : new Promise(() => undefined);
      };
      cursor = await pullManifests(store, cursor, fetch).then((pull) => pull.cursor, () => cursor);
    });
  }
}

function fail(path: string): never {
  throw new Error(`no such path: ${path}`);
}

export class Cluster {
  readonly timeline = new Timeline();
  readonly random: () => number;
  readonly network: Network;
  readonly controllers: Controller[] = [];
  readonly chunkservers: Chunkserver[] = [];
  /** Everything that was ever written, acknowledged or not. */
  readonly written: Written[] = [];
  readonly acknowledged: FileRecord[] = [];
  /** Writes that were on nothing but volumes that were lost. */
  readonly lost = new Set<FileRecord>();
  #uploads = 0;

  constructor(readonly size: ClusterSize, seed: number, log?: MetadataLog) {
    this.random = seeded(seed);
    this.network = new Network(this.timeline, this.random);
    for (let index = 0; index < size.controllers; index += 1) this.controllers.push(new Controller(`c${index}`, this, log));
    for (let index = 0; index < (size.chunkservers ?? 0); index += 1) this.chunkservers.push(new Chunkserver(`s${index}`, this.network));
    for (const node of [...this.chunkservers, ...this.controllers]) node.start();
  }

  run(milliseconds: number): Promise<void> {
    return this.timeline.runUntil(this.timeline.now + milliseconds);
  }

  /** A write that a controller keeps at once, and tells the others. */
  write(controller: Controller, name: string, isDelete = false): FileRecord | undefined {
    if (!controller.store) return undefined;
    const record = controller.store.write(name, isDelete ? deleted : fileState(`${this.written.length}`));
    this.written.push({ record, isKept: true });
    void controller.gossip?.push();
    if (isDelete) for (const { id } of this.chunkservers) this.network.request(controller.id, id, "/v1/manifests/put", record).catch(() => undefined);
    return record;
  }

  /** An upload as controllers do it: chunks, then manifests on those that have all, then the answer to the client, then gossip. */
  async upload(controller: Controller, name: string, chunkCount: number): Promise<void> {
    const { store, life } = controller;
    if (!store) return;
    const seed = `upload-${(this.#uploads += 1)}`;
    const chunk = fileState(seed).chunks[0];
    const state = fileState(seed, { upload: uuidOf(seed), chunks: chunk ? Array.from({ length: chunkCount }, () => chunk) : [] });
    const reports = await Promise.all(this.chunkservers.map(async ({ id }): Promise<ReplicaReport> => {
      const put = state.chunks.map((_, index) => this.network.request(controller.id, id, "/v1/chunks", { upload: state.upload, index }).then(() => index, () => undefined));
      const chunks = new Set((await Promise.all(put)).filter((index) => index !== undefined));
      return { chunkserver: id, chunks, manifest: false };
    }));
    const complete = reports.filter(({ chunks }) => chunks.size === chunkCount);
    if (controller.life !== life || complete.length < 2) return;
    const record = store.propose(name, state);
    const write: Written = { record, isKept: false };
    this.written.push(write);
    const stored = await Promise.all(complete.map(async (report) => {
      const manifest = await this.network.request(controller.id, report.chunkserver, "/v1/manifests/put", record).then(() => true, () => false);
      return { ...report, manifest };
    }));
    if (controller.life !== life || !isAcknowledged(chunkCount, stored, 2)) return;
    store.merge([record]);
    write.isKept = true;
    this.acknowledged.push(record);
    void controller.gossip?.push();
  }

  /** Notes which writes go with a controller's volume, and takes it. */
  loseController(controller: Controller): void {
    const elsewhere = this.#everything(controller);
    for (const record of controller.records()) {
      const others = elsewhere.filter(({ name }) => name === record.name);
      // Whatever the volume knew beyond the others may be gone; messages under way may still carry it.
      for (const { record: write } of this.written) {
        if (write.name === record.name && compareWrites(write, record) <= 0 && others.every((other) => compareWrites(other, write) < 0)) this.lost.add(write);
      }
    }
    controller.loseVolume();
  }

  /** Takes a chunkserver's volume unless an acknowledged upload would then be nowhere. */
  loseChunkserver(chunkserver: Chunkserver): void {
    const rest = this.chunkservers.filter((other) => other !== chunkserver);
    const isLast = this.acknowledged.some((record) => chunkserver.keeps(record) && !rest.some((other) => other.keeps(record)));
    const isOnlyWitness = [...chunkserver.manifests.values()].some(({ record }) => !this.#everything(chunkserver).some((other) => other.name === record.name && compareWrites(other, record) >= 0));
    if (!isLast && !isOnlyWitness) chunkserver.loseVolume();
  }

  /** Ends every trouble but wrong clocks. */
  heal(): void {
    this.network.loss = 0;
    this.network.doubled = 0;
    this.network.latency = { least: 1, most: 20 };
    this.network.partition({});
    for (const node of [...this.chunkservers, ...this.controllers]) if (!("up" in node) || !node.up) node.start();
  }

  /** The writes that must win: of each name the last one that was kept and not lost. */
  expected(): Map<string, FileRecord> {
    const winners = new Map<string, FileRecord>();
    for (const { record, isKept } of this.written) {
      const held = winners.get(record.name);
      if (isKept && !this.lost.has(record) && (held === undefined || compareWrites(record, held) > 0)) winners.set(record.name, record);
    }
    return winners;
  }

  dispose(): void {
    for (const controller of this.controllers) controller.dispose();
  }

  #everything(except: Controller | Chunkserver): FileRecord[] {
    const controllers = this.controllers.filter((one) => one !== except).flatMap((one) => one.records());
    const chunkservers = this.chunkservers.filter((one) => one !== except).flatMap(({ manifests }) => [...manifests.values()].map(({ record }) => record));
    return [...controllers, ...chunkservers];
  }
}
