/** One container: its process, what was asked of it, and what happens when the process ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { prepareContainer, type Prepared, type RuntimePaths } from "./environment";
import { writeFiles } from "./files";
import { checkArgv, HealthMonitor, type Gate } from "./health";
import { backoffMs, restarts, signalCode, STEADY_MS } from "./policy";
import type { ContainerSpec, ContainerState, ContainerStatus, HealthStatus } from "./port";
import { endGroup, isAlive, isThisBoot, signalGroup, startOf, type ProcessIdentity } from "./processes";
import type { StoredContainer } from "./store";

/** Seconds between the stop signal and SIGKILL. */
const DEFAULT_GRACE_SECONDS = 5;

/** What a container needs of its runtime. */
export interface ContainerHost {
  readonly paths: RuntimePaths;
  readonly gate: Gate;
  readonly log: { info(message: string, fields?: Record<string, unknown>): void; warn(message: string, fields?: Record<string, unknown>): void };
  logFile(id: string): string;
  /** Called before each start. @throws when the container can't start now, as for a published port that is taken */
  beforeStart(container: Container): Promise<void>;
  /** Persists and tells listeners; called on every change. */
  changed(container: Container): void;
}

/** A supervised process with an address. Operations on it run one after the other. */
export class Container {
  private status: ContainerStatus = "starting";
  private health: HealthStatus = "none";
  private desired: "running" | "stopped" = "running";
  private interrupted = false;
  private process: ProcessIdentity | undefined;
  private child: ChildProcess | undefined;
  private monitor: HealthMonitor | undefined;
  private exitCode: number | undefined;
  private restartCount = 0;
  private attempt = 0;
  private startedAt: Date | undefined;
  private finishedAt: Date | undefined;
  private networksNow: ContainerSpec["networks"];
  private joinedEver: ReadonlySet<string>;
  private timer: NodeJS.Timeout | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(readonly spec: ContainerSpec, readonly address: string, private readonly host: ContainerHost, stored?: StoredContainer) {
    this.networksNow = stored?.networks ?? spec.networks;
    this.joinedEver = new Set(stored?.joined ?? this.networksNow.map(({ name }) => name));
  }

  get state(): ContainerState {
    return {
      spec: this.spec, status: this.status, health: this.health, address: this.address, restarts: this.restartCount, logFile: this.host.logFile(this.spec.id),
      ...(this.process === undefined ? {} : { pid: this.process.pid }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      ...(this.startedAt === undefined ? {} : { startedAt: this.startedAt.toISOString() }),
      ...(this.finishedAt === undefined ? {} : { finishedAt: this.finishedAt.toISOString() }),
    };
  }

  get stored(): StoredContainer {
    return {
      spec: this.spec, address: this.address, desired: this.desired, restarts: this.restartCount, interrupted: this.interrupted,
      networks: this.networksNow, joined: [...this.joinedEver],
      ...(this.process === undefined ? {} : { process: this.process }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      ...(this.startedAt === undefined ? {} : { startedAt: this.startedAt.toISOString() }),
      ...(this.finishedAt === undefined ? {} : { finishedAt: this.finishedAt.toISOString() }),
    };
  }

  /** True while its names must resolve: its process is there. */
  get running(): boolean {
    return this.process !== undefined;
  }

  /** True while no other container may publish the ports it publishes. */
  get holdsPorts(): boolean {
    return this.process !== undefined || this.status === "restarting";
  }

  /** The networks it is on now. */
  get networks(): ContainerSpec["networks"] {
    return this.networksNow;
  }

  /** Every network that it has been on. */
  get joined(): ReadonlySet<string> {
    return this.joinedEver;
  }

  /** Puts it on a network, or changes its aliases there. */
  join(network: string, aliases: readonly string[]): void {
    this.networksNow = [...this.networksNow.filter(({ name }) => name !== network), { name: network, aliases: [...aliases] }];
    this.joinedEver = new Set([...this.joinedEver, network]);
    this.host.changed(this);
  }

  /** Takes it off a network. */
  leave(network: string): void {
    this.networksNow = this.networksNow.filter(({ name }) => name !== network);
    this.host.changed(this);
  }

  /** Starts the program, if it isn't running. @throws when it can't be executed */
  start(): Promise<void> {
    return this.exclusive(async () => {
      this.desired = "running";
      this.interrupted = false;
      clearTimeout(this.timer);
      if (this.process !== undefined) return;
      [this.restartCount, this.attempt] = [0, 0];
      await this.spawn();
    });
  }

  /** Ends the whole process group and stays stopped. `interrupt`: the runtime closes; restore starts it again. */
  stop(graceSeconds: number = this.spec.stopGraceSeconds ?? DEFAULT_GRACE_SECONDS, interrupt = false): Promise<void> {
    return this.exclusive(async () => {
      this.interrupted = interrupt && this.desired === "running" && this.status !== "exited";
      this.desired = "stopped";
      clearTimeout(this.timer);
      this.monitor?.stop();
      if (this.process !== undefined) {
        this.set("stopping");
        await this.end(graceSeconds * 1_000);
      }
      if (this.status !== "exited") this.set("exited");
    });
  }

  /** SIGKILL to the group, as a crash would be; the restart policy applies unless it is `manual`. Another signal goes to its first process only. */
  async kill(signal: NodeJS.Signals = "SIGKILL", manual = false): Promise<void> {
    const { process: identity, child } = this;
    if (identity === undefined) return manual ? this.stop(0) : undefined;
    // Docker's rule: what asks the container to end is a stop by hand, whichever way it is sent.
    if (manual && (signal === "SIGKILL" || signal === this.stopSignal)) this.desired = "stopped";
    if (signal !== "SIGKILL") {
      if (isAlive(identity)) process.kill(identity.pid, signal);
      return;
    }
    const ended = child === undefined ? undefined : once(child, "exit");
    if (isAlive(identity)) signalGroup(identity.pid, "SIGKILL");
    await (ended ?? endGroup(identity, 0));
    this.check();
  }

  /** Takes over what a daemon before this one left: the living process, or what the policy says about a dead one. */
  restore(stored: StoredContainer): Promise<void> {
    return this.exclusive(async () => {
      // Docker's rule: with `always`, even what was stopped by hand starts again with the daemon.
      this.desired = stored.interrupted || (this.spec.restart === "always" && stored.desired === "stopped" && stored.process === undefined) ? "running" : stored.desired;
      this.restartCount = stored.restarts;
      this.exitCode = stored.exitCode;
      this.startedAt = dateOf(stored.startedAt);
      this.finishedAt = dateOf(stored.finishedAt);
      if (stored.process !== undefined && isAlive(stored.process)) {
        this.process = stored.process;
        this.observe(prepareContainer(this.spec, this.address, this.host.paths));
        if (this.desired === "stopped") await this.end(0);
      } else if (stored.process !== undefined && this.desired === "running") {
        // A reboot ends all containers through no fault of theirs: they come back whatever their policy.
        if (!isThisBoot(stored.process)) return this.spawn();
        await endGroup(stored.process, 0);
        this.ended(undefined);
      } else if (this.desired === "running") {
        await this.spawn();
      } else {
        this.set("exited");
      }
    });
  }

  /** Looks whether a process that isn't this daemon's child has ended; its exit code can't be known. */
  check(): void {
    if (this.child === undefined && this.process !== undefined && !isAlive(this.process)) this.ended(undefined);
  }

  /** Forgets the process without ending it: the runtime closes and the container goes on. */
  release(): void {
    clearTimeout(this.timer);
    this.monitor?.stop();
    this.child?.removeAllListeners();
  }

  private exclusive(work: () => Promise<void>): Promise<void> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async spawn(): Promise<void> {
    // 128, as Docker says of a container that could not be made to start; 127 is what a shell says of a command that is not there.
    let failureCode = 128;
    let log: number | undefined;
    try {
      await this.host.beforeStart(this);
      const prepared = prepareContainer(this.spec, this.address, this.host.paths);
      writeFiles(this.spec, this.host.paths.dataDir);
      const [program, ...args] = prepared.argv;
      failureCode = 127;
      // Its own session, and output to a file instead of a pipe: so it survives the daemon.
      log = openSync(this.host.logFile(this.spec.id), "a", 0o600);
      const child = spawn(program, args, { cwd: prepared.cwd, env: prepared.env, detached: true, stdio: ["ignore", log, log] });
      const identity = child.pid === undefined ? undefined : { pid: child.pid, start: startOf(child.pid) ?? "" };
      child.once("exit", (code, signal) => this.ended(code ?? signalCode(signal)));
      [this.child, this.process, this.exitCode] = [child, identity, undefined];
      this.startedAt = new Date();
      if (identity === undefined) await once(child, "spawn");
      child.on("error", (error) => this.host.log.warn("container could not be signalled", { container: this.spec.id, error: error.message }));
      child.unref();
      this.observe(prepared);
    } catch (error) {
      [this.child, this.process, this.desired] = [undefined, undefined, "stopped"];
      this.exitCode = failureCode;
      this.set("exited");
      throw error;
    } finally {
      if (log !== undefined) closeSync(log);
    }
  }

  /** From now on the process runs; its health is checked when the spec says so. */
  private observe(prepared: Prepared): void {
    const { healthCheck } = this.spec;
    const argv = healthCheck === undefined ? undefined : checkArgv(healthCheck.command);
    this.health = argv === undefined ? "none" : "starting";
    if (healthCheck !== undefined && argv !== undefined) {
      this.monitor = new HealthMonitor(healthCheck, argv, prepared, this.host.gate, (status, output) => {
        this.health = status;
        if (status === "unhealthy") this.host.log.warn("container is unhealthy", { container: this.spec.id, output });
        this.host.changed(this);
      });
    }
    this.set("running");
  }

  private get stopSignal(): NodeJS.Signals {
    return this.spec.stopSignal ?? "SIGTERM";
  }

  private async end(graceMs: number): Promise<void> {
    const { process: identity, child } = this;
    if (identity === undefined) return;
    const exited = child === undefined ? undefined : once(child, "exit");
    await endGroup(identity, graceMs, this.stopSignal);
    await exited;
    this.check();
  }

  /** The process has ended, by itself or by us. */
  private ended(exitCode: number | undefined): void {
    const { process: identity } = this;
    this.monitor?.stop();
    [this.process, this.child, this.monitor, this.exitCode] = [undefined, undefined, undefined, exitCode];
    this.finishedAt = new Date();
    if (this.spec.healthCheck !== undefined) this.health = "unhealthy";
    // What the program left running dies with it, as everything in a container does.
    if (identity !== undefined) endGroup(identity, 0).catch((error: unknown) => this.host.log.warn("container left processes behind", { container: this.spec.id, error: String(error) }));
    if (this.desired === "stopped") return this.set("exited");
    if (!restarts(this.spec, exitCode, this.restartCount)) {
      this.desired = "stopped";
      return this.set("exited");
    }
    if (this.startedAt !== undefined && Date.now() - this.startedAt.getTime() >= STEADY_MS) this.attempt = 0;
    this.timer = setTimeout(() => this.again(), backoffMs(this.attempt++));
    this.timer.unref();
    this.set("restarting");
  }

  private again(): void {
    this.exclusive(async () => {
      if (this.desired !== "running" || this.process !== undefined) return;
      this.restartCount++;
      await this.spawn();
    }).catch((error: unknown) => this.host.log.warn("container could not be restarted", { container: this.spec.id, error: String(error) }));
  }

  private set(status: ContainerStatus): void {
    this.status = status;
    this.host.changed(this);
  }
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
