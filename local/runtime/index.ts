/** The container runtime: what the stacks deploy really runs, as supervised local processes that outlive the daemon's crash. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ServiceError } from "../model";
import { AddressPool } from "./addresses";
import { Container, type ContainerHost } from "./container";
import { containerFolder, type RuntimePaths } from "./environment";
import { Gate } from "./health";
import { pruneLogs, readLog, rotateLog } from "./logs";
import { NameTables } from "./names";
import type { ContainerRuntime, ContainerSpec, ContainerState } from "./port";
import { killGroup, markedProcesses } from "./processes";
import { ContainerStore } from "./store";

/** Seconds between SIGTERM and SIGKILL. */
const DEFAULT_GRACE_SECONDS = 5;
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
  private readonly names: NameTables;
  private readonly pool: AddressPool;
  private readonly host: ContainerHost;
  private readonly timers: NodeJS.Timeout[];
  private publishing: NodeJS.Immediate | undefined;
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
    this.names = new NameTables(dataDir);
    this.pool = options.addresses ?? new AddressPool();
    this.host = { paths: this.paths, gate: new Gate(), log: options.log, logFile: (id) => this.logFile(id), changed: (container) => this.changed(container) };
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
    this.store.save(container.stored);
    try {
      await container.start();
    } catch (error) {
      this.forget(container);
      throw error;
    }
    this.publish();
    return container;
  }

  async remove(id: string, graceSeconds = DEFAULT_GRACE_SECONDS): Promise<void> {
    // One that is just being created is removed after that.
    await this.creating.get(id)?.catch(() => undefined);
    const container = this.containers.get(id);
    if (container === undefined) return;
    await container.stop(graceSeconds);
    if (this.containers.get(id) === container) this.forget(container);
  }

  async stop(id: string, graceSeconds = DEFAULT_GRACE_SECONDS): Promise<void> {
    await this.existing(id).stop(graceSeconds);
  }

  async start(id: string): Promise<ContainerState> {
    const container = this.existing(id);
    await container.start();
    this.publish();
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
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        unsubscribe();
        signal?.removeEventListener("abort", look);
        finish();
      };
      const look = (): void => {
        const container = this.containers.get(id);
        if (signal?.aborted === true) return settle(() => reject(signal.reason));
        if (container === undefined) return settle(() => reject(noSuchContainer(id)));
        const { state } = container;
        const ready = state.health === "healthy" || (state.health === "none" && state.status === "running");
        if (ready) return settle(() => resolve(state));
        if (container.over) settle(() => reject(new ServiceError("ContainerExited", `container ${id} has ended with exit code ${state.exitCode ?? "unknown"} before it was healthy; see ${state.logFile}`)));
      };
      const unsubscribe = this.onChange((state) => {
        if (state.spec.id === id) look();
      });
      signal?.addEventListener("abort", look);
      look();
    });
  }

  onChange(listener: (state: ContainerState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async kill(id: string): Promise<void> {
    await this.existing(id).kill();
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
    const restored = stored.map((row) => ({ row, container: new Container(row.spec, row.address, this.host) }));
    for (const { row, container } of restored) this.containers.set(row.spec.id, container);
    await this.endStrays(new Set(stored.flatMap((row) => (row.process === undefined ? [] : [row.process.pid]))));
    await Promise.all(restored.map(({ row, container }) => container.restore(row).catch((error: unknown) => {
      this.log.warn("container could not be restored", { container: row.spec.id, error: String(error) });
    })));
    pruneLogs(this.logFolder, new Set(this.containers.keys()));
    this.publish();
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
    const results = stopContainers ? await Promise.allSettled(containers.map((container) => container.stop(DEFAULT_GRACE_SECONDS, true))) : [];
    if (stopContainers) await this.endStrays(new Set());
    for (const container of containers) container.release();
    clearImmediate(this.publishing);
    this.store.close();
    await this.pool.close();
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} containers could not be ended: ${failures.map(String).join("; ")}`);
  }

  resolve(fromId: string, name: string): string[] {
    this.publish();
    return this.names.resolve(this.existing(fromId).spec, name);
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
    this.publish();
  }

  private changed(container: Container): void {
    if (this.containers.get(container.spec.id) !== container) return;
    this.store.save(container.stored);
    // Many changes at once (a fleet that starts) are one write of the tables.
    this.publishing ??= setImmediate(() => this.publish());
    const { state } = container;
    for (const listener of this.listeners) {
      try {
        listener(state);
      } catch (error) {
        this.log.warn("a listener of container changes failed", { container: state.spec.id, error: String(error) });
      }
    }
  }

  private publish(): void {
    clearImmediate(this.publishing);
    this.publishing = undefined;
    this.names.publish([...this.containers.values()].filter((container) => container.reachable));
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

function noSuchContainer(id: string): ServiceError {
  return new ServiceError("NoSuchContainer", `no container ${id}; list them with: stackfleet local status`, 404);
}
