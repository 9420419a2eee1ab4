/** Requests to the control API: with a time limit, checked answers, and errors that say what to do. */
import { request, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { LocalCloudError, messageOf, systemCode } from "./errors";
import { refusalSchema, type DaemonInfo } from "./protocol";

/** A daemon that serves 40 stacks at once may need some seconds. */
const TIMEOUT_MS = 15_000;

type Method = "GET" | "POST" | "PUT" | "DELETE";
type Daemon = Pick<DaemonInfo, "ports" | "token" | "pid">;

/** The answer, checked. @throws {LocalCloudError} */
export async function call<T>(daemon: Daemon, schema: z.ZodType<T>, method: Method, route: string, body?: unknown): Promise<T> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await open(daemon, method, route, signal, body);
  let text: string;
  try {
    text = await bodyOf(response);
  } catch (error) {
    throw unreachable(daemon, error);
  }
  const answer = parse(text);
  if (response.statusCode !== 200) throw refusal(response, answer);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new LocalCloudError("daemon-mismatch", `${method} ${route}: the local cloud's answer has another form than expected: ${parsed.error.issues[0]?.message ?? "unknown"}`,
    "the running daemon is of another version: stop it with `stackfleet local stop`", { cause: parsed.error });
}

/** Lines of a streamed answer until its end or the signal's abort. @throws {LocalCloudError} */
export async function* stream(daemon: Daemon, route: string, signal: AbortSignal = new AbortController().signal): AsyncGenerator<string> {
  try {
    const response = await open(daemon, "GET", route, signal);
    if (response.statusCode !== 200) throw refusal(response, parse(await bodyOf(response)));
    yield* createInterface({ input: response, crlfDelay: Infinity });
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof LocalCloudError ? error : unreachable(daemon, error);
  }
}

function open(daemon: Daemon, method: Method, route: string, signal: AbortSignal, body?: unknown): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${daemon.token}`,
    ...(payload !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
  };
  return new Promise((resolve, reject) => {
    // A connection each: a kept one would be dead after a restart of the daemon, which keeps its port.
    request({ host: "127.0.0.1", port: daemon.ports.control, path: route, method, headers, signal, agent: false }, resolve)
      .once("error", (error) => reject(unreachable(daemon, error)))
      .end(payload);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) text += String(chunk);
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // checked against a schema next
  }
}

function refusal(response: IncomingMessage, answer: unknown): LocalCloudError {
  const parsed = refusalSchema.safeParse(answer);
  if (!parsed.success) return new LocalCloudError("daemon-failed", `the local cloud answered with HTTP ${response.statusCode ?? "?"}`, "look into its daemon.log");
  const { code, message, fix } = parsed.data.error;
  return new LocalCloudError(code, message, fix);
}

function unreachable(daemon: Daemon, cause: unknown): LocalCloudError {
  if (cause instanceof Error && (cause.name === "TimeoutError" || systemCode(cause) === "ABORT_ERR")) {
    return new LocalCloudError("daemon-timeout", `the local cloud (process ${daemon.pid}) did not answer within ${TIMEOUT_MS / 1000} s`, "look into its daemon.log, or start it again", { cause });
  }
  return new LocalCloudError("daemon-unreachable", `the local cloud (process ${daemon.pid}) can't be reached on port ${daemon.ports.control}: ${messageOf(cause)}`,
    "start it with `stackfleet local start`", { cause });
}
