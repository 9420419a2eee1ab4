/** The local cloud as the driver and the command line use it. Light to import: neither gRPC nor SQLite nor an HTTP server. */
import * as path from "node:path";
import { z } from "zod";
import { DEFAULT_ACCOUNT, localCredentials } from "./aws/credentials";
import { LocalCloudError } from "./errors";
import { readIfExists } from "./files";
import { call, stream } from "./http";
import { launch } from "./launch";
import {
  cloudStatusSchema, daemonInfoSchema, faultSchema, healedSchema, ledgerEntrySchema, networkStatusSchema, timeScaleSchema,
  type CloudStatus, type DaemonInfo, type Fault, type LedgerEntry, type NetworkStatus, type NewFault, type SetLink,
} from "./protocol";
import { isAlive } from "./runtime/processes";
import { pollUntil } from "./wait";

export { balance, type Balance, type CreatedTwice, type MadeResource } from "./balance";
export { LocalCloudError } from "./errors";

/** The daemon ends containers first, five seconds of grace each, at once. */
const STOP_TIMEOUT_MS = 30_000;
const nothing = z.object({});

export interface LedgerQuery {
  /** Entries with a higher sequence number only. @default 0 */
  readonly since?: number;
  readonly stack?: string;
  readonly type?: string;
}

export interface LogQuery {
  /** Goes on with new lines until aborted. @default false */
  readonly follow?: boolean;
  /** The last lines only. @default all */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

/** Every method throws a {@link LocalCloudError}: `daemon-unreachable`, `daemon-timeout`, `request-invalid`, `container-unknown`… */
export class LocalCloudClient {
  constructor(readonly info: DaemonInfo) {}

  status(): Promise<CloudStatus> {
    return call(this.info, cloudStatusSchema, "GET", "/status");
  }

  ledger(query: LedgerQuery = {}): Promise<LedgerEntry[]> {
    return call(this.info, z.array(ledgerEntrySchema), "GET", withQuery("/ledger", { ...query }));
  }

  addFault(fault: NewFault): Promise<Fault> {
    return call(this.info, faultSchema, "POST", "/faults", fault);
  }

  faults(): Promise<Fault[]> {
    return call(this.info, z.array(faultSchema), "GET", "/faults");
  }

  /** Forgets every fault, and lets go what hangs. */
  async clearFaults(): Promise<void> {
    await call(this.info, nothing, "DELETE", "/faults");
  }

  containers(): Promise<CloudStatus["containers"]> {
    return call(this.info, cloudStatusSchema.shape.containers, "GET", "/containers");
  }

  /** Lines of a container's log, without their ends. Ends quietly when the signal aborts. */
  logs(id: string, query: LogQuery = {}): AsyncIterable<string> {
    const { signal, ...rest } = query;
    return stream(this.info, withQuery(`/containers/${encodeURIComponent(id)}/logs`, rest), signal);
  }

  /** SIGKILL, as a crash would be. */
  async kill(id: string): Promise<void> {
    await call(this.info, nothing, "POST", `/containers/${encodeURIComponent(id)}/kill`);
  }

  /** Who is on which network, and the links that aren't open. */
  networks(): Promise<NetworkStatus> {
    return call(this.info, networkStatusSchema, "GET", "/network");
  }

  /** Cuts, slows or opens what one container sends to another; both directions need two calls. */
  async setLink(from: string, to: string, link: SetLink["link"]): Promise<void> {
    await call(this.info, nothing, "PUT", "/network/link", { from, to, link });
  }

  /** Opens both directions between two containers, or every link. Returns what was not open. */
  async heal(between?: readonly [string, string]): Promise<SetLink[]> {
    return (await call(this.info, healedSchema, "POST", "/network/heal", { between })).healed;
  }

  /** @param timeScale simulated seconds a second, for running waits too; kept over restarts */
  async setTimeScale(timeScale: number): Promise<void> {
    await call(this.info, timeScaleSchema, "PUT", "/time-scale", { timeScale });
  }

  /** Ends the daemon and every container; resolves when the process is gone. Resources stay for the next start. */
  async stop(): Promise<void> {
    await call(this.info, nothing, "POST", "/stop");
    const gone = await pollUntil(() => !this.isRunning(), STOP_TIMEOUT_MS);
    if (!gone) {
      throw new LocalCloudError("stop-timeout", `the local cloud is still running ${STOP_TIMEOUT_MS / 1000} s after it was asked to stop; got process ${this.info.pid}`,
        `look into its daemon.log, then end it with \`kill ${this.info.pid}\``);
    }
  }

  /** True while exactly this daemon's process lives. */
  isRunning(): boolean {
    return isAlive({ pid: this.info.pid, start: this.info.pidStart });
  }

  /** Variables that attach Pulumi and the AWS SDKs to this cloud. No region: each stack has its own. */
  env(): Record<string, string> {
    const { aws, providers } = this.info.ports;
    return {
      PULUMI_DEBUG_PROVIDERS: Object.entries(providers).map(([name, port]) => `${name}:${port}`).join(","),
      AWS_ENDPOINT_URL: `http://127.0.0.1:${aws}`,
      ...localCredentials({ account: DEFAULT_ACCOUNT }),
      ...this.info.environment,
      AEROSPIKE_CLOUD_TIME_SCALE: String(this.info.timeScale),
    };
  }
}

/** The living daemon of a folder, or undefined. */
export async function connect(dir: string): Promise<LocalCloudClient | undefined> {
  const text = readIfExists(path.join(dir, "daemon.json"));
  if (text === undefined) return undefined;
  const parsed = daemonInfoSchema.safeParse(parseJson(text));
  // Written by a daemon of another version, or half of it by a full disk: no daemon that this client can talk to.
  if (!parsed.success) return undefined;
  const client = new LocalCloudClient(parsed.data);
  return client.isRunning() ? client : undefined;
}

export interface StartOptions {
  /** Folder of the daemon. */
  readonly dir: string;
  /** Simulated seconds a second; changes a running daemon's too. @default the last one, else 60 */
  readonly timeScale?: number;
  /** One line of progress at a time. */
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The daemon's program. @default `main.js` beside this code */
  readonly entry?: string;
}

/**
 * The running daemon of a folder; starts one when there is none, detached, and waits until it serves (at most 20 s).
 * @throws {LocalCloudError} `daemon-start-failed` and the daemon's own reasons, such as `port-taken`
 */
export async function ensureStarted(options: StartOptions): Promise<LocalCloudClient> {
  const running = await connect(options.dir);
  if (!running) return launch({ ...options, entry: options.entry ?? path.join(__dirname, "main.js"), connect: () => connect(options.dir) });
  if (options.timeScale === undefined || options.timeScale === running.info.timeScale) return running;
  await running.setTimeScale(options.timeScale);
  return new LocalCloudClient({ ...running.info, timeScale: options.timeScale });
}

function withQuery(route: string, query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined).map(([key, value]): [string, string] => [key, String(value)]);
  return given.length === 0 ? route : `${route}?${new URLSearchParams(given).toString()}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller takes it for no daemon
  }
}
