/**
 * A whole chunk store in this process: real controllers and chunkservers with real TLS, each at a loopback address of its own,
 * volumes in a temporary folder, clocks that can be set, and a network that can be cut. For tests; Linux only, as 127.0.0.0/8 is.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterStatus } from "../../workloads/chunkstore/contract/clientApi";
import { startChunkserver, type FileSystem } from "../../workloads/chunkstore/chunkserver";
import { startController } from "../../workloads/chunkstore/controller";
import type { ChunkserverSettings, CommonSettings, ControllerSettings } from "../../workloads/chunkstore/node";
import { ApiClient } from "./chunk-api";

const PASSWORDS = { ada: "correct horse", bob: "battery staple" };

export interface ClusterOptions {
  /** @default 3 */
  readonly controllers?: number;
  /** @default 5 */
  readonly chunkservers?: number;
  /** Intervals are short: 0.2 s for heartbeats and gossip, 2.5 s for failures, 0.5 s for repair. */
  readonly controllerSettings?: Partial<ControllerSettings>;
  /** By the chunkserver's number from 0, when they differ. */
  readonly chunkserverSettings?: Partial<ChunkserverSettings> | ((index: number) => Partial<ChunkserverSettings>);
  /** File system of a chunkserver, by its number from 0. */
  readonly fs?: (index: number) => FileSystem | undefined;
}

/** One line of a node's log. */
export interface LogLine { readonly level: string; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

/** A node that can be stopped and started again, with its volume or without. */
export class ClusterNode {
  readonly log: LogLine[] = [];
  /** Its clock minus the real one, milliseconds. */
  clockOffsetMs = 0;
  #running: { close(): Promise<void> } | undefined;

  constructor(readonly id: string, readonly address: string, readonly dataDir: string, private readonly run: (node: ClusterNode) => Promise<{ close(): Promise<void> }>) {}

  async start(): Promise<void> {
    this.#running ??= await nodeContext.run(this.address, () => this.run(this));
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.close();
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Of a stopped node. */
  loseVolume(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  logged(message: string | RegExp): LogLine[] {
    return this.log.filter((line) => (typeof message === "string" ? line.message === message : message.test(line.message)));
  }
}

export interface ChunkCluster {
  readonly controllers: readonly ClusterNode[];
  readonly chunkservers: readonly ClusterNode[];
  readonly passwords: typeof PASSWORDS;
  /** A client of the controller with this number, logged in as ada. */
  api(controller?: number): Promise<ApiClient>;
  /** No connections between the two from now on; those that exist break. */
  cut(a: ClusterNode, b: ClusterNode): void;
  /** Connections from one to the other are neither made nor refused; those that exist break. */
  silence(a: ClusterNode, b: ClusterNode): void;
  /** Cuts each of these off from all others. */
  isolate(...nodes: readonly ClusterNode[]): void;
  heal(): void;
  /** What each running controller says of the cluster. */
  status(): Promise<ClusterStatus[]>;
  /** Resolves when all running controllers hold the same records. Returns how long it took. */
  converged(timeoutMs?: number): Promise<number>;
  /** Resolves when all running controllers count so many chunkservers, and no chunk lacks replicas. */
  repaired(chunkservers: number, timeoutMs?: number): Promise<number>;
  close(): Promise<void>;
}

/** Starts all nodes; resolves when every controller sees every chunkserver and every controller. */
export async function startChunkCluster(options: ClusterOptions = {}): Promise<ChunkCluster> {
  const folder = mkdtempSync(path.join(tmpdir(), "chunk-cluster-"));
  const block = `127.${randomInt(65, 250)}.${randomInt(1, 250)}`;
  const clusterKey = Buffer.from(randomBytes(32).toString("hex"));
  const controllers = Array.from({ length: options.controllers ?? 3 }, (_, index) => new ClusterNode(`controller-${index}`, `${block}.${10 + index}`, path.join(folder, `controller-${index}`), (node) =>
    startController({ ...common(node), settings: { ...controllerSettings(node, clusterKey), ...options.controllerSettings }, lookup })));
  const chunkservers = Array.from({ length: options.chunkservers ?? 5 }, (_, index) => new ClusterNode(`chunkserver-${index}`, `${block}.${100 + index}`, path.join(folder, `chunkserver-${index}`), (node) => {
    const fs = options.fs?.(index);
    const own = typeof options.chunkserverSettings === "function" ? options.chunkserverSettings(index) : options.chunkserverSettings;
    return startChunkserver({ ...common(node), settings: { ...chunkserverSettings(node, clusterKey), ...own }, lookup, ...(fs && { fs }) });
  }));
  const lookup = async (name: string): Promise<string[]> => (name === "controller" ? controllers : name === "chunkserver" ? chunkservers : []).map(({ address }) => address);
  const cluster = new InProcessCluster(controllers, chunkservers, folder);
  try {
    await Promise.all([...controllers, ...chunkservers].map((node) => node.start()));
    await cluster.ready(chunkservers.length);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

class InProcessCluster implements ChunkCluster {
  readonly passwords = PASSWORDS;
  readonly #apis = new Map<number, Promise<ApiClient>>();
  readonly #statusApis = new Map<string, Promise<ApiClient>>();

  constructor(readonly controllers: readonly ClusterNode[], readonly chunkservers: readonly ClusterNode[], private readonly folder: string) {}

  async api(controller = 0): Promise<ApiClient> {
    const known = this.#apis.get(controller) ?? ApiClient.login(`http://${this.controllers[controller]?.address ?? ""}:8000`, "ada", PASSWORDS.ada);
    this.#apis.set(controller, known);
    return known;
  }

  cut(a: ClusterNode, b: ClusterNode): void {
    network.block(a.address, b.address, "refuse");
    network.block(b.address, a.address, "refuse");
  }

  silence(a: ClusterNode, b: ClusterNode): void {
    network.block(a.address, b.address, "silence");
  }

  isolate(...nodes: readonly ClusterNode[]): void {
    for (const node of nodes) for (const other of [...this.controllers, ...this.chunkservers]) if (!nodes.includes(other)) this.cut(node, other);
  }

  heal(): void {
    network.heal([...this.controllers, ...this.chunkservers].map(({ address }) => address));
  }

  async status(): Promise<ClusterStatus[]> {
    const running = this.controllers.filter(({ isRunning }) => isRunning);
    return Promise.all(running.map(async ({ address }) => {
      const known = this.#statusApis.get(address) ?? ApiClient.login(`http://${address}:8000`, "bob", PASSWORDS.bob);
      this.#statusApis.set(address, known);
      return (await known).cluster();
    }));
  }

  async converged(timeoutMs = 60_000): Promise<number> {
    return until(async () => new Set((await this.status()).map(({ metadataDigest }) => metadataDigest)).size === 1, timeoutMs, "the controllers hold different records");
  }

  async repaired(chunkservers: number, timeoutMs = 60_000): Promise<number> {
    return until(async () => (await this.status()).every((status) => status.underReplicatedChunks === 0 && status.chunkservers.filter(({ alive }) => alive).length === chunkservers), timeoutMs, "chunks lack replicas, or chunkservers are missing");
  }

  async ready(chunkservers: number): Promise<void> {
    await until(async () => (await this.status()).every((status) => status.chunkservers.filter(({ alive }) => alive).length === chunkservers && status.controllers.filter(({ alive }) => alive).length === this.controllers.length), 60_000, "the nodes don't find each other");
  }

  async close(): Promise<void> {
    for (const api of [...this.#apis.values(), ...this.#statusApis.values()]) await api.then((one) => one.close(), () => undefined);
    await Promise.all([...this.controllers, ...this.chunkservers].map((node) => node.stop()));
    this.heal();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function common(node: ClusterNode): { nodeId: string; host: string; log: Parameters<typeof startController>[0]["log"]; clock: { now(): number; monotonic(): number } } {
  const write = (level: string) => (fields: object, message: string): void => {
    node.log.push({ level, message, fields: fields as Record<string, unknown> });
    if (process.env["STACKFLEET_TEST_LOG"] !== undefined && level !== "debug") process.stderr.write(`${node.id} ${level} ${message} ${JSON.stringify(fields)}\n`);
  };
  const log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  return { nodeId: node.id, host: node.address, log, clock: { now: () => Date.now() + node.clockOffsetMs, monotonic: () => performance.now() } };
}

function commonSettings({ dataDir }: ClusterNode, clusterKey: Buffer): CommonSettings {
  return {
    nodeId: undefined, dataDir, clusterKey, controllerAlias: "controller", chunkserverAlias: "chunkserver", logLevel: "debug", runAs: undefined,
    heartbeatIntervalMs: 200, heartbeatTimeoutMs: 2_500, tombstoneTtlMs: 600_000, replacedGraceMs: 1_000, orphanGraceMs: 10_000,
  };
}

function controllerSettings(node: ClusterNode, clusterKey: Buffer): ControllerSettings {
  return {
    ...commonSettings(node, clusterKey), role: "controller", accountsFile: "accounts", accounts: JSON.stringify(PASSWORDS), replicationFactor: "all", minWriteReplicas: 2,
    gossipIntervalMs: 200, antiEntropyIntervalMs: 1_000, repairIntervalMs: 500, tokenTtlMs: 3_600_000, chunkCacheBytes: 16 * 1024 * 1024,
  };
}

function chunkserverSettings(node: ClusterNode, clusterKey: Buffer): ChunkserverSettings {
  return { ...commonSettings(node, clusterKey), role: "chunkserver", scrubIntervalMs: 3_600_000, diskReserveBytes: 0, capacityBytes: undefined };
}

/** Polls until it is so; returns the milliseconds it took. */
export async function until(condition: () => Promise<boolean> | boolean, timeoutMs: number, otherwise: string): Promise<number> {
  const started = performance.now();
  for (;;) {
    if (await condition()) return performance.now() - started;
    if (performance.now() - started > timeoutMs) throw new Error(`after ${timeoutMs} ms ${otherwise}`);
    await delay(25);
  }
}

/** Bytes that no compression and no repetition helps with, the same for the same seed. */
export function content(size: number, seed = "content"): Buffer {
  const block = createHash("shake256", { outputLength: Math.min(Math.max(size, 1), 1_048_573) }).update(seed).digest();
  return Buffer.alloc(size, block).subarray(0, size);
}

export function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The address of the node in whose asynchronous context code runs. */
const nodeContext = new AsyncLocalStorage<string>();

/** Gives every node its own address as the source of its connections, and keeps apart who is to be kept apart. */
class Network {
  readonly #blocked = new Map<string, "refuse" | "silence">();
  readonly #sockets = new Map<string, Set<net.Socket>>();

  constructor() {
    const real = net.Socket.prototype.connect as (this: net.Socket, ...args: unknown[]) => net.Socket;
    const intercept = (socket: net.Socket, options: net.TcpNetConnectOpts, args: unknown[]): net.Socket => {
      const from = nodeContext.getStore();
      if (from === undefined || !/^127\./.test(options.host ?? "")) return real.apply(socket, args);
      const key = `${from} ${options.host ?? ""}`;
      const block = this.#blocked.get(key);
      if (block === "silence") return socket;
      if (block === "refuse") {
        process.nextTick(() => socket.destroy(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })));
        return socket;
      }
      const sockets = this.#sockets.get(key) ?? new Set<net.Socket>();
      this.#sockets.set(key, sockets.add(socket));
      socket.once("close", () => sockets.delete(socket));
      options.localAddress = from;
      return real.apply(socket, args);
    };
    net.Socket.prototype.connect = function connect(this: net.Socket, ...args: unknown[]): net.Socket {
      const first = Array.isArray(args[0]) ? (args[0] as unknown[])[0] : args[0];
      return typeof first === "object" && first !== null ? intercept(this, first as net.TcpNetConnectOpts, args) : real.apply(this, args);
    } as typeof net.Socket.prototype.connect;
  }

  block(from: string, to: string, how: "refuse" | "silence"): void {
    const key = `${from} ${to}`;
    this.#blocked.set(key, how);
    for (const socket of this.#sockets.get(key) ?? []) socket.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }

  heal(addresses: readonly string[]): void {
    for (const key of this.#blocked.keys()) if (addresses.some((address) => key.startsWith(`${address} `))) this.#blocked.delete(key);
  }
}

const network = new Network();
