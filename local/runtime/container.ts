/** One container: its process, what was asked of it, and what happens when the process ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { prepareContainer, type Prepared, type RuntimePaths } from "./environment";
import { checkArgv, HealthMonitor, type Gate } from "./health";
import type { ContainerSpec, ContainerState, ContainerStatus, HealthStatus } from "./port";
import { endGroup, isAlive, isThisBoot, signalGroup, startOf, type ProcessIdentity } from "./processes";
import type { StoredContainer } from "./store";

/** Restart delays, Docker's: 100 ms doubled each time; here at most 10 s (Docker: 60 s), and forgotten after 10 s of running. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;
const STEADY_MS = 10_000;

/** Milliseconds before the `attempt`th restart in a row (from 0). */
export function backoffMs(attempt: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt);
}

/** Whether a policy restarts after this exit. An unknown code (the daemon was away when it ended) counts as a failure. */
export function restarts(policy: ContainerSpec["restart"], exitCode: number | undefined): boolean {
  return policy === "always" || (policy === "on-failure" && exitCode !== 0);
}

/** What a container needs of its runtime. */
export interface ContainerHost {
  readonly paths: RuntimePaths;
  readonly gate: Gate;
  readonly log: { info(message: string, fields?: Record<string, unknown>): void; warn(message: string, fields?: Record<string, unknown>): void };
  logFile(id: string): string;
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
  private timer: NodeJS.Timeout | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(readonly spec: ContainerSpec, readonly address: string, private readonly host: ContainerHost) {}

  get state(): ContainerState {
    return {
      spec: this.spec, status: this.status, health: this.health, address: this.address, restarts: this.restartCount, logFile: this.host.logFile(this.spec.id),
      ...(this.process === undefined ? {} : { pid: this.process.pid }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      ...(this.startedAt === undefined ? {} : { startedAt: this.startedAt.toISOString() }),
    };
  }

  get stored(): StoredContainer {
    return {
      spec: this.spec, address: this.address, desired: this.desired, restarts: this.restartCount, interrupted: this.interrupted,
      ...(this.process === undefined ? {} : { process: this.process }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      ...(this.startedAt === undefined ? {} : { startedAt: this.startedAt.toISOString() }),
    };
  }

  /** True while its names must resolve: its process is there. */
  get reachable(): boolean {
    return this.process !== undefined;
  }

  /** True when it has ended and nothing will start it again by itself. */
  get over(): boolean {
    return this.status === "exited";
  }

  /** Starts the program, if it isn't running. @throws when it can't be executed */
  start(): Promise<void> {
    return this.exclusive(async () => {
      this.desired = "running";
      this.interrupted = false;
      clearTimeout(this.timer);
      if (this.process === undefined) await this.spawn();
    });
  }

  /** Ends the whole process group and stays stopped. `interrupt`: the runtime closes; restore starts it again. */
  stop(graceSeconds: number, interrupt = false): Promise<void> {
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

  /** SIGKILL to the group, as a crash would be; the restart policy applies. */
  async kill(): Promise<void> {
    const { process: identity, child } = this;
    if (identity === undefined) return;
    const ended = child === undefined ? undefined : once(child, "exit");
    if (isAlive(identity)) signalGroup(identity.pid, "SIGKILL");
    await (ended ?? endGroup(identity, 0));
    this.check();
  }

  /** Takes over what a daemon before this one left: the living process, or what the policy says about a dead one. */
  restore(stored: StoredContainer): Promise<void> {
    return this.exclusive(async () => {
      this.desired = stored.interrupted ? "running" : stored.desired;
      this.restartCount = stored.restarts;
      this.exitCode = stored.exitCode;
      this.startedAt = stored.startedAt === undefined ? undefined : new Date(stored.startedAt);
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
    const prepared = prepareContainer(this.spec, this.address, this.host.paths);
    const [program, ...args] = prepared.argv;
    // Its own session, and output to a file instead of a pipe: so it survives the daemon.
    const log = openSync(this.host.logFile(this.spec.id), "a", 0o600);
    try {
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
      // 127 is what a shell says of a command that is not there.
      this.exitCode = 127;
      this.set("exited");
      throw error;
    } finally {
      closeSync(log);
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

  private async end(graceMs: number): Promise<void> {
    const { process: identity, child } = this;
    if (identity === undefined) return;
    const exited = child === undefined ? undefined : once(child, "exit");
    await endGroup(identity, graceMs);
    await exited;
    this.check();
  }

  /** The process has ended, by itself or by us. */
  private ended(exitCode: number | undefined): void {
    const { process: identity } = this;
    this.monitor?.stop();
    [this.process, this.child, this.monitor, this.exitCode] = [undefined, undefined, undefined, exitCode];
    if (this.spec.healthCheck !== undefined) this.health = "unhealthy";
    if (this.desired === "stopped") return this.set("exited");
    // What the program left running dies with it, as everything in a container does.
    if (identity !== undefined) endGroup(identity, 0).catch((error: unknown) => this.host.log.warn("container left processes behind", { container: this.spec.id, error: String(error) }));
    if (!restarts(this.spec.restart, exitCode)) {
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

/** A shell's convention for a process that a signal ended: 128 + its number (SIGTERM 15, SIGKILL 9…). */
function signalCode(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };
  return 128 + (signal === null ? 0 : (numbers[signal] ?? 0));
}
