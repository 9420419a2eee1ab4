/** A node as a process: it starts, lives until a signal, and ends in order. */
import type { NodeLog } from "./logger";
import { SettingsError } from "./reader";
import { VolumeInUse } from "./lock";

/** Less than the 5 s that the local cloud, and the 10 s that Docker, give between SIGTERM and SIGKILL. */
const GRACE_MS = 4_000;

export interface RunningNode {
  /** Says that it is stopping, lets requests that are under way finish, and frees everything. */
  close(): Promise<void>;
}

/** What {@link runNode} hands to the start. */
export interface StartContext {
  /** Aborts when a signal asks for the end while the node is still starting. */
  readonly signal: AbortSignal;
}

/**
 * Runs a node until SIGTERM or SIGINT; sets the exit code: 0 after an orderly end, 1 when it could not start or failed.
 * What needs more than {@link GRACE_MS} to end is cut off: everything that was acknowledged is on disk already.
 * @param log called for the log once it is there; before that, errors go to stderr
 */
export async function runNode(start: (context: StartContext) => Promise<RunningNode>, log: () => NodeLog | undefined): Promise<void> {
  const stop = new AbortController();
  const asked = new Promise<string>((resolve) => {
    const listener = (signal: NodeJS.Signals): void => {
      stop.abort(new Error(`stopped by ${signal}`));
      resolve(signal);
    };
    process.on("SIGTERM", listener).on("SIGINT", listener);
  });
  // State that nobody can reason about any more must not go on serving; the supervisor starts the process anew, from disk.
  process.on("uncaughtException", (error) => fail(error, log));
  process.on("unhandledRejection", (error) => fail(error, log));
  let node: RunningNode;
  try {
    node = await start({ signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) process.exit(0);
    fail(error, log);
  }
  const signal = await asked;
  log()?.info({ signal }, "stopping");
  const timer = setTimeout(() => {
    log()?.warn({ afterMs: GRACE_MS }, "cut off what was still under way");
    process.exit(0);
  }, GRACE_MS);
  await node.close();
  clearTimeout(timer);
  log()?.info({}, "stopped");
  process.exit(0);
}

function fail(error: unknown, log: () => NodeLog | undefined): never {
  const known = error instanceof SettingsError || error instanceof VolumeInUse;
  const logger = log();
  if (logger === undefined) process.stderr.write(known ? `${error.message}\n` : `${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  else if (known) logger.fatal({}, error.message);
  else logger.fatal({ err: error }, "failed");
  process.exit(1);
}
