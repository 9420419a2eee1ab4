/** What both tasks are: a program that logs, answers `/health`, does its work until SIGTERM, and then ends cleanly. */
import { createServer, type Server } from "node:http";
import { pino } from "pino";
import { wholeNumber, text, type Setting } from "./settings";

/** Structured log: one JSON object a line on stdout. */
export interface TaskLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Settings that both tasks read. */
export const TASK_SETTINGS = {
  homeRegion: text("HOME_REGION"),
  region: text("AWS_REGION"),
  orchestrator: text("ORCHESTRATOR_FUNCTION"),
  port: wholeNumber("PORT", { default: 8080, min: 0, max: 65_535 }),
} satisfies Record<string, Setting<unknown>>;

/** What `/health` reports: 200 when `healthy`, 503 otherwise; the body is the whole object. */
export interface Health { readonly healthy: boolean; readonly [detail: string]: unknown }

/** Serves `/health` until closed. Resolves when it listens. */
export async function serveHealth(port: number, health: () => Health): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.url === "/health" ? health() : undefined;
    const body = found ?? { error: `no such path; got ${request.url ?? ""}; expected /health` };
    const status = found === undefined ? 404 : found.healthy ? 200 : 503;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "0.0.0.0", resolve);
  });
  return server;
}

/** One task: its name, its health, and its work, which ends when the signal aborts. */
export interface Task {
  readonly name: string;
  readonly port: number;
  readonly health: () => Health;
  readonly work: (log: TaskLog, signal: AbortSignal) => Promise<void>;
}

/** Runs the task that `prepare` makes; sets the exit code: 0 after SIGTERM or SIGINT, 1 on a failure, which is logged. */
export async function runTask(prepare: () => Task): Promise<void> {
  const log = pino({ base: {}, timestamp: pino.stdTimeFunctions.isoTime });
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(new Error(signal)));
  try {
    const task = prepare();
    const server = await serveHealth(task.port, task.health);
    log.info({ task: task.name, address: server.address() }, "started");
    try {
      await task.work(log, stop.signal);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      log.error({ error: error instanceof Error ? error.message : String(error) }, "failed");
      process.exitCode = 1;
    }
  }
  if (stop.signal.aborted) log.info({ reason: String(stop.signal.reason) }, "ended");
}
