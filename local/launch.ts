/** Starts the daemon as a process of its own that outlives its starter, and waits until it serves or says why it can't. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import * as path from "node:path";
import { LocalCloudError, messageOf } from "./errors";
import { LOG_FILE, rotate } from "./files";
import type { LocalCloudClient, StartOptions } from "./client";
import { startReportSchema, type StartReport } from "./protocol";
import { pollUntil } from "./wait";

const START_TIMEOUT_MS = 20_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;

export interface LaunchOptions extends StartOptions {
  readonly entry: string;
  readonly connect: () => Promise<LocalCloudClient | undefined>;
}

/** @throws {LocalCloudError} */
export async function launch(options: LaunchOptions): Promise<LocalCloudClient> {
  const { dir, report, signal } = options;
  signal?.throwIfAborted();
  if (!existsSync(options.entry)) throw new LocalCloudError("not-built", `the local cloud's program is missing; expected ${options.entry}`, "run `npm run build`");
  report("starting the local cloud");
  const begun = performance.now();
  const answer = await startReport(spawnDaemon(options), path.join(dir, LOG_FILE), signal);
  // Another starter was faster: its daemon is the one to use, as soon as it serves.
  if (!answer.ready && answer.code !== "already-running") throw new LocalCloudError(answer.code, answer.message, answer.fix);
  let client: LocalCloudClient | undefined;
  await pollUntil(async () => (client = await options.connect()) !== undefined, answer.ready ? 0 : START_TIMEOUT_MS, signal);
  if (!client) throw new LocalCloudError("daemon-start-failed", `the local cloud of ${dir} did not come up`, `look into ${path.join(dir, LOG_FILE)}`);
  report(`local cloud ready in ${((performance.now() - begun) / 1000).toFixed(1)} s (time scale ${client.info.timeScale})`);
  return client;
}

function spawnDaemon({ dir, entry, timeScale }: LaunchOptions): ChildProcess {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = path.join(dir, LOG_FILE);
  rotate(file, MAX_LOG_BYTES);
  const log = openSync(file, "a", 0o600);
  try {
    const args = [entry, "--dir", dir, ...(timeScale === undefined ? [] : ["--time-scale", String(timeScale)])];
    // No working folder of the user's: the daemon would keep it from being removed or unmounted.
    return spawn(process.execPath, args, { detached: true, cwd: dir, stdio: ["ignore", log, log, "ipc"], env: daemonEnvironment(process.env) });
  } finally {
    closeSync(log);
  }
}

/** The starter's variables without what would make the daemon or its containers talk to a real cloud, or attach debuggers. */
function daemonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AWS_|PULUMI_|NODE_OPTIONS$|NODE_CHANNEL_)/.test(name)));
}

function startReport(child: ChildProcess, log: string, signal?: AbortSignal): Promise<StartReport> {
  const { promise, resolve, reject } = Promise.withResolvers<StartReport>();
  const failed = (what: string, cause?: unknown) => reject(new LocalCloudError("daemon-start-failed", `the local cloud ${what}`, `look into ${log}`, { cause }));
  const timer = setTimeout(() => {
    child.kill("SIGTERM");
    failed(`did not come up within ${START_TIMEOUT_MS / 1000} s`);
  }, START_TIMEOUT_MS);
  const aborted = () => {
    child.kill("SIGTERM");
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", aborted, { once: true });
  child.once("error", (error) => failed(`could not be started: ${messageOf(error)}`, error));
  child.once("exit", (code, killed) => failed(`ended at once (${killed ?? `exit code ${code ?? "unknown"}`})`));
  child.on("message", (message) => {
    const parsed = startReportSchema.safeParse(message);
    if (parsed.success) resolve(parsed.data);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
    child.removeAllListeners();
    // From here on the daemon stands alone: neither the channel nor the process keeps the starter alive.
    if (child.connected) child.disconnect();
    child.unref();
  });
}
