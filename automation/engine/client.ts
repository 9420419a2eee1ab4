/** The driver's side of the engine: starts the program host, orders updates, passes events on, survives the host's death. */
import { fork, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import * as nodeModule from "node:module";
import * as path from "node:path";
import type { FromHost, HostSettings, ToHost, UpdateOrder } from "./messages";
import type { Engine, EngineEventBody, UpdateOutcome, UpdateRequest } from "./port";
import { killSession } from "./processes";
import { UsageMeter } from "./usage";

interface Pending {
  readonly emit: (event: EngineEventBody) => void;
  readonly resolve: (outcome: UpdateOutcome) => void;
  readonly logFile: string;
  cli?: number;
}

/** CLIs of a dead host have this long to save and unlock after their interrupt. */
const ORPHAN_GRACE_MS = 10_000;

/** Runs updates through Pulumi's Automation API in a program host process. */
export class PulumiEngine implements Engine {
  private host: ChildProcess | undefined;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private readonly meter = new UsageMeter();
  private stopping: "interrupt" | "cancel" | undefined;

  /** @param hostLog where the host's own stdout and stderr go (what programs print) */
  constructor(private readonly settings: HostSettings, private readonly hostLog: string) {}

  run(request: UpdateRequest, emit: (event: EngineEventBody) => void): Promise<UpdateOutcome> {
    return this.order({
      stack: request.stack.name, operation: request.operation, policyPacks: request.policyPacks, logFile: request.logFile,
      ...(request.upstream && { upstream: request.upstream }),
    }, emit);
  }

  /** Refreshes these resources only: reads what recovery adopted. */
  refreshTargets(stack: string, urns: readonly string[], logFile: string): Promise<UpdateOutcome> {
    return this.order({ stack, operation: "refresh", policyPacks: [], logFile, targets: urns }, () => undefined);
  }

  interrupt(): void {
    this.stopping ??= "interrupt";
    this.send({ kind: "interrupt" });
  }

  cancel(): void {
    this.stopping = "cancel";
    this.send({ kind: "cancel" });
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
    this.host.send(message);
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
    host.send({ kind: "settings", settings: this.settings } satisfies ToHost);
    if (this.stopping) host.send({ kind: this.stopping } satisfies ToHost);
    return host;
  }

  private receive(message: FromHost): void {
    const update = this.pending.get(message.id);
    if (update === undefined) return;
    if (message.kind === "event") update.emit(message.event);
    else if (message.kind === "cli") {
      update.cli = message.pid;
      this.meter.watch(message.pid);
    }
    else {
      this.pending.delete(message.id);
      update.resolve(message.outcome);
    }
  }

  /** The host is gone: its updates fail, and their CLIs, which have lost their program, get one interrupt, then the end. */
  private hostEnded(how: string): void {
    this.host = undefined;
    for (const [id, update] of this.pending) {
      this.pending.delete(id);
      void endOrphan(update.cli).then(() => update.resolve({
        status: "failed",
        changes: { created: 0, updated: 0, same: 0, deleted: 0 },
        error: {
          code: "program-host-died", message: `the process that runs the stack programs ended with ${how}`, log: this.hostLog,
          fix: "look for an endless allocation, a native crash or process.abort() in a program; the next run goes on from the checkpoint",
        },
      }));
    }
  }
}

/** The SDKs are large: compiled code that is kept saves the host a third of its start. Goes where the driver's own goes. */
function compileCache(): Record<string, string> {
  const dir = nodeModule.getCompileCacheDir();
  return dir === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(dir) };
}

async function endOrphan(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  const deadline = Date.now() + ORPHAN_GRACE_MS;
  for (let first = true; isAlive(pid); first = false) {
    if (first) process.kill(pid, "SIGINT");
    if (Date.now() > deadline) return killSession(pid);
    // Not our child, so there is no exit event to wait for.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
