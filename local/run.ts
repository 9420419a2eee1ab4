/** Runs a daemon as this process: signals, the word to the starter, and the exit code. */
import { LocalCloudError, messageOf } from "./errors";
import { startDaemon, type DaemonParts } from "./daemon";
import { openLog } from "./log";
import { timeScaleSchema, type StartReport } from "./protocol";

export interface DaemonArguments { readonly dir?: string; readonly "time-scale"?: string }

/** Resolves when the daemon serves or has failed; the process ends by itself after a stop. */
export async function runDaemon(parts: DaemonParts, args: DaemonArguments): Promise<void> {
  // The terminal that started it may close; the daemon stays.
  process.on("SIGHUP", () => undefined);
  try {
    const dir = required(args.dir);
    const timeScale = args["time-scale"] === undefined ? undefined : parseTimeScale(args["time-scale"]);
    const stopping = Promise.withResolvers<void>();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.resolve());
    const daemon = await startDaemon(parts, { dir, onStopRequest: () => stopping.resolve(), ...(timeScale !== undefined && { timeScale }) });
    survive(dir);
    void stopping.promise.then(() => daemon.stop()).then(() => process.exit(0), () => process.exit(1));
    tell({ ready: true });
  } catch (error) {
    const fix = error instanceof LocalCloudError ? error.fix : undefined;
    tell({ ready: false, code: error instanceof LocalCloudError ? error.code : "daemon-failed", message: messageOf(error), ...(fix !== undefined && { fix }) });
    process.stderr.write(`${messageOf(error)}${fix === undefined ? "" : `; ${fix}`}\n`);
    // Handles of a half-made daemon may be open still; the word to the starter has to leave first.
    process.exitCode = 1;
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(), 1_000).unref();
  }
}

/** One model's fault must not take the cloud down; it is logged with its stack. */
function survive(dir: string): void {
  const logger = openLog(dir);
  process.on("unhandledRejection", (reason) => logger.error({ err: reason }, "unhandled rejection"));
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "uncaught exception");
    process.exit(70); // EX_SOFTWARE of sysexits.h; the next start goes on from the database.
  });
}

function tell(report: StartReport): void {
  // A starter that is gone by now has nobody left to tell.
  if (process.connected) process.send?.(report, undefined, undefined, () => undefined);
}

function required(dir: string | undefined): string {
  if (dir !== undefined && dir !== "") return dir;
  throw new LocalCloudError("usage", "--dir: missing; expected the daemon's folder");
}

function parseTimeScale(text: string): number {
  const parsed = timeScaleSchema.safeParse({ timeScale: Number(text) });
  if (parsed.success) return parsed.data.timeScale;
  throw new LocalCloudError("usage", `--time-scale: invalid; got "${text}"; expected a number above 0, up to 1000000`);
}
