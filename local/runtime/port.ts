/**
 * The container runtime: what the stacks deploy really runs, as supervised local processes with loopback addresses.
 * It knows nothing of ECS, Lambda or Docker; models translate.
 */

/** A container to run. Names are unique in the runtime. */
export interface ContainerSpec {
  /** Stable, file-name safe, unique: `ecs-<task id>-<container name>`. */
  readonly id: string;
  /** Image reference; looked up in the image table (`local/runtime/images.ts`). */
  readonly image: string;
  /** Replaces the image's default command when given. */
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Networks to join, with the names this container answers to on each. */
  readonly networks: readonly { readonly name: string; readonly aliases: readonly string[] }[];
  /** Named volumes (folders of the runtime) by mount path; handed to the process as `STACKFLEET_VOLUME_<n>` is NOT done: images map paths by variable. */
  readonly volumes?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  /** Files that the deployment puts into the container (secrets, settings), by absolute path; written anew at each start, `mode` as in `0o400`. Images map paths by variable. */
  readonly files?: readonly { readonly path: string; readonly content: string; readonly mode: number }[];
  /** Ports that answer on an address of the machine too, as `docker run -p` does; TCP. */
  readonly publish?: readonly { readonly containerPort: number; readonly hostAddress: string; readonly hostPort: number }[];
  readonly healthCheck?: HealthCheck;
  /** `always` and `unless-stopped` differ as in Docker: only `always` starts again with the daemon what was stopped by hand. */
  readonly restart: "no" | "on-failure" | "always" | "unless-stopped";
  /** Restarts of `on-failure`, at most. @default no limit */
  readonly maxRestarts?: number;
  /** What its programs take for the machine's name. @default the machine's own */
  readonly hostname?: string;
  /** What asks it to end. @default SIGTERM */
  readonly stopSignal?: NodeJS.Signals;
  /** Between the stop signal and SIGKILL, in seconds, where a stop doesn't say. @default 5 */
  readonly stopGraceSeconds?: number;
  /** Grouping for listings and for stopping together: `stack`, `service`, `task`… */
  readonly labels: Readonly<Record<string, string>>;
  /** Region label, for latency between regions. */
  readonly region?: string;
}

/** Docker's and ECS's health check: a command that exits 0 when healthy. Seconds are real seconds. */
export interface HealthCheck {
  readonly command: readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly startPeriodSeconds: number;
}

export type ContainerStatus = "starting" | "running" | "exited" | "restarting" | "stopping";
export type HealthStatus = "none" | "starting" | "healthy" | "unhealthy";

export interface ContainerState {
  readonly spec: ContainerSpec;
  readonly status: ContainerStatus;
  readonly health: HealthStatus;
  readonly pid?: number;
  /** Its own address of 127.0.0.0/8; the same after a restart of the container or the daemon. */
  readonly address: string;
  readonly exitCode?: number;
  /** By its policy, since it was started last. */
  readonly restarts: number;
  /** ISO 8601, of the last process. */
  readonly startedAt?: string;
  /** ISO 8601, of the last process that ended. */
  readonly finishedAt?: string;
  readonly logFile: string;
}

export interface ContainerRuntime {
  /** Registers and starts; resolves when the process has been spawned. Idempotent by id. */
  run(spec: ContainerSpec): Promise<ContainerState>;
  /** Its stop signal, then SIGKILL after `graceSeconds` (default: as its specification says), to its whole process group; forgets it and frees its address. Idempotent. */
  remove(id: string, graceSeconds?: number): Promise<void>;
  /** Stops but keeps it (as `docker stop`). */
  stop(id: string, graceSeconds?: number): Promise<void>;
  /** Starts a stopped one again (as `docker start`). */
  start(id: string): Promise<ContainerState>;
  get(id: string): ContainerState | undefined;
  list(labels?: Readonly<Record<string, string>>): ContainerState[];
  /** Resolves when healthy (or running, without a health check); rejects when it has exited for good or the signal aborts. */
  waitHealthy(id: string, signal?: AbortSignal): Promise<ContainerState>;
  /** Emits on every status or health change. Returns the unsubscribe function. */
  onChange(listener: (state: ContainerState) => void): () => void;
  /**
   * SIGKILL to the whole group as a crash would be: the restart policy applies. `manual`: as `docker kill`, after which no policy
   * starts it again. Another `signal` goes to the container's first process only, and nothing is waited for.
   */
  kill(id: string, options?: { readonly signal?: NodeJS.Signals; readonly manual?: boolean }): Promise<void>;
  /** Lines without their line ends; of a removed container too, while its log is kept. */
  logs(id: string, options: { readonly follow?: boolean; readonly tail?: number; readonly signal?: AbortSignal }): AsyncIterable<string>;
  /** Address of a name as seen from a container (aliases of shared networks). */
  resolve(fromId: string, name: string): string[];
  /**
   * Joins a container to a network, running or not (as `docker network connect`), or changes its aliases there. Kept over restarts.
   * The address stays. Two containers reach each other when they share a network and no cut lies between them.
   */
  connect(id: string, network: string, aliases: readonly string[]): void;
  /** Takes it off a network (as `docker network disconnect`): what is under way to containers with which it shares none any more goes silent, as packets that are dropped. */
  disconnect(id: string, network: string): void;
  /** The networks of a container now; `run`'s at first. */
  networksOf(id: string): readonly { readonly name: string; readonly aliases: readonly string[] }[];
  /** Cuts, slows or heals what one container sends to another; both directions need two calls. Survives restarts of either. */
  setLink(fromId: string, toId: string, link: Link): void;
  /** Every link that isn't `open`. */
  links(): readonly { readonly from: string; readonly to: string; readonly link: Link }[];
}

/** `cut`: nothing arrives and nobody is told, as when packets are dropped. `slow`: what is sent arrives later, in order. */
export type Link = { readonly kind: "open" } | { readonly kind: "cut" } | { readonly kind: "slow"; readonly delayMs: number };

/** Executes functions that are invoked (Lambda): code unpacked once, a process kept warm, one invocation at a time each. */
export interface FunctionRuntime {
  deploy(fn: FunctionSpec): Promise<void>;
  remove(name: string): Promise<void>;
  /** Result or the function's error, in Lambda's terms. Starts a process when none is warm. */
  invoke(name: string, payload: Uint8Array, signal?: AbortSignal): Promise<{ payload: Uint8Array; functionError?: "Handled" | "Unhandled"; logTail: string }>;
}

export interface FunctionSpec {
  /** Unique: `<account>-<region>-<name>`. */
  readonly name: string;
  /** Folder with the unpacked code. */
  readonly codeDir: string;
  /** `index.handler`. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
}
