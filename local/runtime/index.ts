/** The container runtime: what the stacks deploy really runs, as supervised local processes that outlive the daemon's crash. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ServiceError } from "../model";
import { AddressPool } from "./addresses";
import { Container, type ContainerHost } from "./container";
import type { RuntimePaths } from "./environment";
import { containerFolder, keepContents } from "./files";
import { Gate } from "./health";
import { pruneLogs, readLog, rotateLog } from "./logs";
import { Network } from "./network";
import type { ContainerRuntime, ContainerSpec, ContainerState, Link } from "./port";
import { killGroup, markedProcesses } from "./processes";
import { checkPublished } from "./publish";
import { ContainerStore } from "./store";
import { noSuchContainer, waitHealthy } from "./wait";

/** Processes of an earlier daemon are nobody's children here, so their end is seen by looking this often. */
const WATCH_MS = 250;
const ROTATE_MS = 5_000;

/** Log of the daemon. */
export interface RuntimeLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

export interface ContainerRuntimeOptions {
  /** Everything is kept under here: `runtime.db`, `containers/`, `volumes/`, `networks/`, `logs/`. */
  readonly dataDir: string;
  readonly log: RuntimeLog;
  /** Folder of the bundled workloads. @default `dist/bundles` beside this code */
  readonly bundlesDir?: string;
  /** The compiled preload. @default `preload.js` beside this code */
  readonly preload?: string;
  /** @default addresses of this system */
  readonly addresses?: AddressPool;
}

/** The runtime as its owner, the daemon, sees it. */
export interface OwnedContainerRuntime extends ContainerRuntime {
  /**
   * Finds the containers of an earlier daemon again: living processes are taken over, dead ones get what their policy says, and
   * those that an orderly close stopped are started. Call once, before anything else.
   */
  restore(): Promise<void>;
  /** Ends this object. `stopContainers`: ends every process too, and proves it; else they go on by themselves. */
  close(options: { readonly stopContainers: boolean }): Promise<void>;
}

/** Opens the runtime of one data folder; one daemon a folder. */
export async function createContainerRuntime(options: ContainerRuntimeOptions): Promise<OwnedContainerRuntime> {
  return new LocalContainerRuntime(options);
}

class LocalContainerRuntime implements OwnedContainerRuntime {
  private readonly containers = new Map<string, Container>();
  private readonly creating = new Map<string, Promise<Container>>();
  private readonly listeners = new Set<(state: ContainerState) => void>();
  private readonly paths: RuntimePaths;
  private readonly log: RuntimeLog;
  private readonly logFolder: string;
  private readonly store: ContainerStore;
  private readonly network: Network;
  private readonly pool: AddressPool;
  private readonly host: ContainerHost;
  private readonly timers: NodeJS.Timeout[];
  private closed = false;

  constructor(options: ContainerRuntimeOptions) {
    const dataDir = path.resolve(options.dataDir);
    this.paths = {
      dataDir,
      bundlesDir: options.bundlesDir ?? path.join(__dirname, "..", "..", "bundles"),
      preload: options.preload ?? path.join(__dirname, "preload.js"),
    };
    this.log = options.log;
    this.logFolder = path.join(dataDir, "logs");
    mkdirSync(this.logFolder, { recursive: true });
    this.store = new ContainerStore(dataDir);
    this.network = new Network(dataDir, this.store, () => this.containers.values());
    this.pool = options.addresses ?? new AddressPool();
    this.host = {
      paths: this.paths, gate: new Gate(), log: options.log, logFile: (id) => this.logFile(id), changed: (container) => this.changed(container),
      beforeStart: async (container) => {
        await checkPublished(container.spec, this.containers.values());
        // The network is there before the process looks at it.
        this.network.publish();
      },
    };
    this.timers = [setInterval(() => this.watch(), WATCH_MS), setInterval(() => void this.rotate(), ROTATE_MS)];
    for (const timer of this.timers) timer.unref();
  }

  async run(spec: ContainerSpec): Promise<ContainerState> {
    assertId(spec.id);
    // No await between the look and the entry in `creating`: two calls at once must be one container.
    const creating = this.creating.get(spec.id);
    const known = creating === undefined ? this.containers.get(spec.id) : await creating;
    if (known !== undefined) {
      if (isDeepStrictEqual(known.spec, spec)) return known.state;
      throw new ServiceError("ContainerConflict", `container ${spec.id} exists with another specification; remove it first`);
    }
    const creation = this.create(spec);
    this.creating.set(spec.id, creation);
    try {
      return (await creation).state;
    } finally {
      this.creating.delete(spec.id);
    }
  }

  private async create(spec: ContainerSpec): Promise<Container> {
    const address = await this.pool.take(spec.id);
    const container = new Container(spec, address, this.host);
    this.containers.set(spec.id, container);
    try {
      keepContents(spec, this.paths.dataDir);
      this.store.save(container.stored);
      await container.start();
    } catch (error) {
      this.forget(container);
      throw error;
    }
    this.network.publish();
    return container;
  }

  async remove(id: string, graceSeconds?: number): Promise<void> {
    // One that is just being created is removed after that.
    await this.creating.get(id)?.catch(() => undefined);
    const container = this.containers.get(id);
    if (container === undefined) return;
    await container.stop(graceSeconds);
    if (this.containers.get(id) === container) this.forget(container);
  }

  async stop(id: string, graceSeconds?: number): Promise<void> {
    await this.existing(id).stop(graceSeconds);
  }

  async start(id: string): Promise<ContainerState> {
    const container = this.existing(id);
    await container.start();
    this.network.publish();
    return container.state;
  }

  get(id: string): ContainerState | undefined {
    return this.containers.get(id)?.state;
  }

  list(labels: Readonly<Record<string, string>> = {}): ContainerState[] {
    const wanted = Object.entries(labels);
    return [...this.containers.values()].filter(({ spec }) => wanted.every(([key, value]) => spec.labels[key] === value)).map((container) => container.state);
  }

  waitHealthy(id: string, signal?: AbortSignal): Promise<ContainerState> {
    return waitHealthy(this, id, signal);
  }

  onChange(listener: (state: ContainerState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async kill(id: string, options: { readonly signal?: NodeJS.Signals; readonly manual?: boolean } = {}): Promise<void> {
    await this.existing(id).kill(options.signal, options.manual);
  }

  /** Lines, without their line ends; of a removed container too, while its log is kept. */
  async *logs(id: string, options: { readonly follow?: boolean; readonly tail?: number; readonly signal?: AbortSignal } = {}): AsyncGenerator<string> {
    assertId(id);
    const file = this.logFile(id);
    if (!this.containers.has(id) && !existsSync(file)) throw noSuchContainer(id);
    yield* readLog(file, options);
  }

  async restore(): Promise<void> {
    const stored = this.store.all();
    await this.pool.adopt(new Map(stored.map((row) => [row.spec.id, row.address])));
    const restored = stored.map((row) => ({ row, container: new Container(row.spec, row.address, this.host, row) }));
    for (const { row, container } of restored) this.containers.set(row.spec.id, container);
    this.network.publish();
    await this.endStrays(new Set(stored.flatMap((row) => (row.process === undefined ? [] : [row.process.pid]))));
    await Promise.all(restored.map(({ row, container }) => container.restore(row).catch((error: unknown) => {
      this.log.warn("container could not be restored", { container: row.spec.id, error: String(error) });
    })));
    pruneLogs(this.logFolder, new Set(this.containers.keys()));
    this.network.publish();
  }

  /** Processes that a daemon had started when it died before it could write them down, and checks it left behind. */
  private async endStrays(known: ReadonlySet<number>): Promise<void> {
    const groups = new Set(markedProcesses(this.paths.dataDir).map((process) => process.group).filter((group) => !known.has(group)));
    await Promise.all([...groups].map(async (group) => {
      this.log.warn("ended processes that no container knows", { group });
      await killGroup(group);
    }));
  }

  async close({ stopContainers }: { readonly stopContainers: boolean }): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    await Promise.allSettled(this.creating.values());
    const containers = [...this.containers.values()];
    const results = stopContainers ? await Promise.allSettled(containers.map((container) => container.stop(undefined, true))) : [];
    if (stopContainers) await this.endStrays(new Set());
    for (const container of containers) container.release();
    this.network.close();
    this.store.close();
    await this.pool.close();
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} containers could not be ended: ${failures.map(String).join("; ")}`);
  }

  resolve(fromId: string, name: string): string[] {
    return this.network.resolve(this.existing(fromId), name);
  }

  connect(id: string, network: string, aliases: readonly string[]): void {
    this.existing(id).join(network, aliases);
    this.network.publish();
  }

  disconnect(id: string, network: string): void {
    this.existing(id).leave(network);
    this.network.publish();
  }

  networksOf(id: string): ContainerSpec["networks"] {
    return this.existing(id).networks;
  }

  setLink(fromId: string, toId: string, link: Link): void {
    this.network.setLink({ from: this.existing(fromId).spec.id, to: this.existing(toId).spec.id, link });
  }

  links(): ReturnType<ContainerRuntime["links"]> {
    return this.network.links();
  }

  private existing(id: string): Container {
    const container = this.containers.get(id);
    if (container === undefined) throw noSuchContainer(id);
    return container;
  }

  private forget(container: Container): void {
    const { id } = container.spec;
    container.release();
    this.containers.delete(id);
    this.store.remove(id);
    this.pool.free(container.address);
    rmSync(containerFolder(this.paths.dataDir, id), { recursive: true, force: true });
    pruneLogs(this.logFolder, new Set(this.containers.keys()));
    this.network.forget(id);
  }

  private changed(container: Container): void {
    if (this.containers.get(container.spec.id) !== container) return;
    this.store.save(container.stored);
    this.network.publishSoon();
    const { state } = container;
    for (const listener of this.listeners) {
      try {
        listener(state);
      } catch (error) {
        this.log.warn("a listener of container changes failed", { container: state.spec.id, error: String(error) });
      }
    }
  }

  private watch(): void {
    for (const container of this.containers.values()) container.check();
  }

  private async rotate(): Promise<void> {
    for (const id of this.containers.keys()) {
      await rotateLog(this.logFile(id)).catch((error: unknown) => this.log.warn("log could not be rotated", { container: id, error: String(error) }));
    }
  }

  private logFile(id: string): string {
    return path.join(this.logFolder, `${id}.log`);
  }
}

/** Ids become file names. @throws ServiceError */
function assertId(id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)) return;
  throw new ServiceError("InvalidParameterException", `id: not a file name; got "${id}"; expected 1 to 128 of A-Z a-z 0-9 _ . -, a letter or digit first; rename the container`);
}
