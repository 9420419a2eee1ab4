/** Executes the functions that stacks deploy (Lambda): processes kept warm, one invocation at a time each, more when calls overlap. */
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { ServiceError } from "../model";
import { FunctionInstance, type InvocationResult } from "./function-instance";
import type { FunctionRuntime, FunctionSpec } from "./port";

/** Processes of one function at a time; further calls wait in order (the real service would answer 429 at its account limit of 1,000). */
const MAX_INSTANCES = 10;
/** The real service keeps an idle environment for some minutes and promises nothing. */
const IDLE_MS = 5 * 60 * 1_000;

export interface FunctionRuntimeOptions {
  /** Logs go to `<dataDir>/function-logs/<name>.log`. */
  readonly dataDir: string;
  readonly log: { info(message: string, fields?: Record<string, unknown>): void; warn(message: string, fields?: Record<string, unknown>): void };
  /** Base address of the AWS APIs, asked for at each process start; becomes AWS_ENDPOINT_URL of the functions. */
  readonly endpointUrl: () => string;
  /** @default 10 */
  readonly maxInstances?: number;
  /** @default 5 minutes */
  readonly idleMs?: number;
  /** The compiled bootstrap. @default `function-bootstrap.js` beside this code */
  readonly bootstrap?: string;
}

/** The runtime as its owner, the daemon, sees it. */
export interface OwnedFunctionRuntime extends FunctionRuntime {
  /** Ends every function's process. */
  close(): Promise<void>;
}

interface Waiter { readonly serve: (instance: FunctionInstance) => void; readonly refuse: (reason: unknown) => void }

/** One deployed version: its processes, and the calls that wait for one. */
interface Deployed {
  readonly spec: FunctionSpec;
  readonly instances: Set<FunctionInstance>;
  readonly waiting: Waiter[];
  readonly idle: Map<FunctionInstance, NodeJS.Timeout>;
  /** A process is loading its code. */
  starting: boolean;
  retired: boolean;
}

/** Functions of one daemon. Processes end with it; after a restart the models deploy again and the first call starts one. */
export function createFunctionRuntime(options: FunctionRuntimeOptions): OwnedFunctionRuntime {
  return new LocalFunctionRuntime(options);
}

class LocalFunctionRuntime implements OwnedFunctionRuntime {
  private readonly functions = new Map<string, Deployed>();
  /** Every process, those of replaced versions included. */
  private readonly live = new Set<FunctionInstance>();
  private readonly logs: string;

  constructor(private readonly options: FunctionRuntimeOptions) {
    this.logs = path.join(options.dataDir, "function-logs");
    mkdirSync(this.logs, { recursive: true });
  }

  async deploy(fn: FunctionSpec): Promise<void> {
    const before = this.functions.get(fn.name);
    this.functions.set(fn.name, { spec: fn, instances: new Set(), waiting: [], idle: new Map(), starting: false, retired: false });
    // Calls that are under way finish on the version they began with.
    if (before === undefined) return;
    before.retired = true;
    for (const instance of [...before.idle.keys()]) this.discard(before, instance);
  }

  async remove(name: string): Promise<void> {
    const deployed = this.functions.get(name);
    if (deployed === undefined) return;
    this.functions.delete(name);
    for (const waiter of deployed.waiting.splice(0)) waiter.refuse(notFound(name));
    deployed.retired = true;
    const instances = [...deployed.instances];
    for (const instance of instances) this.discard(deployed, instance);
    await Promise.all(instances.map((instance) => instance.gone()));
  }

  async invoke(name: string, payload: Uint8Array, signal?: AbortSignal): Promise<InvocationResult> {
    const deployed = this.functions.get(name);
    if (deployed === undefined) throw notFound(name);
    signal?.throwIfAborted();
    const instance = await this.acquire(deployed, signal);
    // As in the real service, an invocation goes on when its caller has left.
    const result = instance.invoke(payload).finally(() => this.release(deployed, instance));
    return signal === undefined ? result : unlessAborted(result, signal);
  }

  /** An idle process, or the next that is free or new. */
  private acquire(deployed: Deployed, signal: AbortSignal | undefined): Promise<FunctionInstance> {
    for (const [instance, timer] of deployed.idle) {
      clearTimeout(timer);
      deployed.idle.delete(instance);
      if (!instance.dead) return Promise.resolve(instance);
      this.discard(deployed, instance);
    }
    return new Promise((serve, refuse) => {
      const waiter = { serve, refuse };
      deployed.waiting.push(waiter);
      signal?.addEventListener("abort", () => {
        const at = deployed.waiting.indexOf(waiter);
        if (at < 0) return;
        deployed.waiting.splice(at, 1);
        refuse(signal.reason);
      }, { once: true });
      this.scale(deployed);
    });
  }

  /**
   * Starts a process for those that wait, one at a time: a burst of short calls is over before a second process has loaded its
   * code, and ten that load at once make each other, and all else on a small machine, slow.
   */
  private scale(deployed: Deployed): void {
    if (deployed.waiting.length === 0 || deployed.starting || deployed.instances.size >= (this.options.maxInstances ?? MAX_INSTANCES)) return;
    const instance = this.launch(deployed);
    deployed.starting = true;
    void instance.loaded.then(() => {
      deployed.starting = false;
      // One whose code can't be loaded has that to say to a caller, and is done.
      const told = instance.dead ? deployed.waiting.shift() : undefined;
      if (told === undefined) this.release(deployed, instance);
      else told.serve(instance);
      this.scale(deployed);
    });
  }

  private launch(deployed: Deployed): FunctionInstance {
    const instance = new FunctionInstance(deployed.spec, {
      bootstrap: this.options.bootstrap ?? path.join(__dirname, "function-bootstrap.js"),
      endpointUrl: this.options.endpointUrl(),
      logFile: path.join(this.logs, `${deployed.spec.name}.log`),
    });
    deployed.instances.add(instance);
    this.live.add(instance);
    return instance;
  }

  private release(deployed: Deployed, instance: FunctionInstance): void {
    if (instance.dead) {
      this.discard(deployed, instance);
      return this.scale(deployed);
    }
    const waiter = deployed.waiting.shift();
    if (waiter !== undefined) return waiter.serve(instance);
    if (deployed.retired) return this.discard(deployed, instance);
    const timer = setTimeout(() => this.discard(deployed, instance), this.options.idleMs ?? IDLE_MS);
    timer.unref();
    deployed.idle.set(instance, timer);
  }

  private discard(deployed: Deployed, instance: FunctionInstance): void {
    clearTimeout(deployed.idle.get(instance));
    deployed.idle.delete(instance);
    deployed.instances.delete(instance);
    this.live.delete(instance);
    instance.end();
  }

  async close(): Promise<void> {
    const instances = [...this.live];
    await Promise.all([...this.functions.keys()].map((name) => this.remove(name)));
    for (const instance of instances) instance.end();
    await Promise.all(instances.map((instance) => instance.gone()));
  }
}

function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function notFound(name: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", `Function not found: ${name}`, 404);
}
