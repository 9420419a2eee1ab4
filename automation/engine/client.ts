/** The driver's side of the engine: starts the program host, orders updates, passes events on, survives the host's death. */
import { fork, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import * as nodeModule from "node:module";
import * as path from "node:path";
import type { FromHost, HostSettings, ToHost, UpdateOrder } from "./messages";
import type { Engine, EngineEventBody, UpdateOutcome, UpdateRequest } from "./port";
import { killSession } from "./processes";
import { isRunning } from "../system/process-identity";
import { UsageMeter } from "./usage";

interface Pending {
  readonly emit: (event: EngineEventBody) => void;
  readonly resolve: (outcome: UpdateOutcome) => void;
  readonly logFile: string;
  cli?: number;
}

/**
 * CLIs of a dead host have this long to finish what is in flight, save and unlock; less when the user terminates. One that was still
 * waiting for its program waits for good, whatever signals it gets, so it must be ended; recovery settles what that leaves pending.
 */
const ORPHAN_GRACE_MS = { finish: 30_000, terminate: 5_000 } as const;
/** A host that has not confirmed a stop by then is blocked by a program that never yields. */
const CONFIRM_MS = 3_000;

/** Runs updates through Pulumi's Automation API in a program host process. */
export class PulumiEngine implements Engine {
  private host: ChildProcess | undefined;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private readonly meter = new UsageMeter();
  private stopping: "interrupt" | "cancel" | undefined;
  private unconfirmed: NodeJS.Timeout | undefined;

  /** @param hostLog where the host's own stdout and stderr go (what programs print) */
  constructor(private readonly settings: HostSettings, private readonly hostLog: string) {}

  run(request: UpdateRequest, emit: (event: EngineEventBody) => void): Promise<UpdateOutcome> {
    return this.order({
      stack: request.stack.name, operation: request.operation, policyPacks: request.policyPacks, logFile: request.logFile,
      ...(request.upstream && { upstream: request.upstream }), ...(request.targets && { targets: request.targets }),
    }, emit);
  }

  /** Refreshes these resources only: reads what recovery adopted. */
  refreshTargets(stack: string, urns: readonly string[], logFile: string): Promise<UpdateOutcome> {
    return this.order({ stack, operation: "refresh", policyPacks: [], logFile, targets: urns }, () => undefined);
  }

  /** Deletes these resources only: finishes deletions that were interrupted. */
  destroyTargets(stack: string, urns: readonly string[], logFile: string): Promise<UpdateOutcome> {
    return this.order({ stack, operation: "destroy", policyPacks: [], logFile, targets: urns }, () => undefined);
  }

  interrupt(): void {
    this.stopping ??= "interrupt";
    this.askToStop("interrupt");
  }

  cancel(): void {
    this.stopping = "cancel";
    this.askToStop("cancel");
  }

  /** A host that can't answer is ended: its programs are lost either way, and their CLIs still save what is in flight. */
  private askToStop(kind: "interrupt" | "cancel"): void {
    this.send({ kind });
    if (this.host === undefined) return;
    const host = this.host;
    this.unconfirmed ??= setTimeout(() => host.kill("SIGKILL"), CONFIRM_MS);
  }

  async close(): Promise<void> {
    const host = this.host;
    if (host === undefined) return;
    const ended = new Promise<void>((resolve) => host.once("exit", () => resolve()));
    if (host.exitCode !== null || host.signalCode !== null) return;
    this.send({ kind: "close" });
    await ended;
    this.meter.stop();
  }

  usage(): { readonly cpuSeconds: number; readonly maxRssBytes: number } {
    return this.meter.read();
  }

  private order(order: UpdateOrder, emit: (event: EngineEventBody) => void): Promise<UpdateOutcome> {
    const id = this.nextId++;
    return new Promise<UpdateOutcome>((resolve) => {
      this.pending.set(id, { emit, resolve, logFile: order.logFile });
      this.send({ kind: "run", id, order });
    });
  }

  private send(message: ToHost): void {
    if (this.host === undefined) {
      if (message.kind !== "run") return; // nothing runs, so there is nothing to stop or to close
      this.host = this.start();
    }
    // A host that is just dying takes no message; its exit settles what it had.
    this.host.send(message, () => undefined);
  }

  private start(): ChildProcess {
    mkdirSync(path.dirname(this.hostLog), { recursive: true });
    const log = openSync(this.hostLog, "a");
    const host = fork(path.join(__dirname, "host.js"), [], {
      detached: true, // the terminal's Ctrl+C must not reach it: the driver decides
      serialization: "advanced",
      stdio: ["ignore", log, log, "ipc"],
      env: { ...this.settings.env, ...compileCache() },
    });
    closeSync(log);
    this.meter.watch(host.pid);
    host.on("message", (message: FromHost) => this.receive(message));
    host.once("exit", (code, signal) => this.hostEnded(`${signal ?? `exit code ${code}`}`));
    host.once("error", (error) => this.hostEnded(error.message));
    host.send({ kind: "settings", settings: this.settings } satisfies ToHost, () => undefined);
    if (this.stopping) host.send({ kind: this.stopping } satisfies ToHost, () => undefined);
    return host;
  }

  private receive(message: FromHost): void {
    if (message.kind === "stopping") return this.confirmed();
    const update = this.pending.get(message.id);
    if (update === undefined) return;
    if (message.kind === "event") update.emit(message.event);
    else if (message.kind === "cli") {
      update.cli = message.pid;
      this.meter.watch(message.pid);
    } else {
      this.pending.delete(message.id);
      update.resolve(message.outcome);
    }
  }

  private confirmed(): void {
    clearTimeout(this.unconfirmed);
    this.unconfirmed = undefined;
  }

  /** The host is gone: its updates fail, and their CLIs, which have lost their program, get one interrupt and finish what is in flight. */
  private hostEnded(how: string): void {
    this.host = undefined;
    const blocked = this.unconfirmed !== undefined;
    this.confirmed();
    for (const [id, update] of this.pending) {
      this.pending.delete(id);
      void this.endOrphan(update.cli).then(() => update.resolve({
        status: "failed",
        changes: { created: 0, updated: 0, same: 0, deleted: 0 },
        error: {
          code: "program-host-died", log: this.hostLog,
          message: blocked ? "interrupted while a program blocked the process that all programs run in" : `the process that runs the stack programs ended with ${how}`,
          fix: blocked ? "look for an endless loop in a program; the next run goes on from the checkpoint" : "look for an endless allocation, a native crash or process.abort() in a program; the next run goes on from the checkpoint",
        },
      }));
    }
  }

  private async endOrphan(pid: number | undefined): Promise<void> {
    if (pid === undefined) return;
    const began = Date.now();
    for (let first = true; isRunning(pid); first = false) {
      if (first) process.kill(pid, "SIGINT");
      const grace = this.stopping === "cancel" ? ORPHAN_GRACE_MS.terminate : ORPHAN_GRACE_MS.finish;
      if (Date.now() - began > grace) return killSession(pid);
      // Not our child, so there is no exit event to wait for.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The SDKs are large: compiled code that is kept saves the host a third of its start. Goes where the driver's own goes. */
function compileCache(): Record<string, string> {
  const dir = nodeModule.getCompileCacheDir();
  return dir === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(dir) };
}
