/**
 * The process in which a function's code runs: a small Lambda runtime for Node handlers. It is spoken to over the IPC channel,
 * takes one invocation at a time, and ends with all it started when the channel closes, so that none outlives the daemon.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync } from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import type { FromBootstrap, FunctionFault, ToBootstrap } from "./function-messages";

type Callback = (error: unknown, result?: unknown) => void;
type Handler = (event: unknown, context: object, callback: Callback) => unknown;

const requestIds = new AsyncLocalStorage<string>();
const environment = process.env;

function send(message: FromBootstrap): void {
  process.send?.(message);
}

/** The form in which Lambda reports what a handler threw. */
function faultOf(error: unknown, fallbackType = "Error"): FunctionFault {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: typeof error === "string" ? error : format(error), trace: [] };
  return { errorType: error.name || fallbackType, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}

/** Console lines as Lambda's Node runtime writes them: time, request, level, text. */
function patchConsole(): void {
  // One stream, as in a log group; so lines keep their order.
  Object.assign(process.stderr, { write: process.stdout.write.bind(process.stdout) });
  const levels = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" } as const;
  for (const [method, level] of Object.entries(levels)) {
    Object.assign(console, {
      [method]: (...args: unknown[]) => {
        process.stdout.write(`${new Date().toISOString()}\t${requestIds.getStore() ?? "-"}\t${level}\t${format(...args).replace(/\n/g, "\r")}\n`);
      },
    });
  }
}

/** Loads `<file>.<export>`; the module may be CommonJS or ESM. */
async function loadHandler(): Promise<Handler> {
  const root = environment["LAMBDA_TASK_ROOT"] ?? process.cwd();
  const name = environment["_HANDLER"] ?? "";
  const dot = name.lastIndexOf(".");
  const base = path.join(root, name.slice(0, dot));
  const file = [".js", ".mjs", ".cjs"].map((extension) => base + extension).find((candidate) => existsSync(candidate));
  if (dot < 0 || file === undefined) throw named("Runtime.ImportModuleError", `Error: Cannot find module '${name.slice(0, Math.max(dot, 0)) || name}'`);
  const module: unknown = file.endsWith(".mjs") ? await import(pathToFileURL(file).href) : require(file);
  const handler = memberOf(module, name.slice(dot + 1)) ?? memberOf(memberOf(module, "default"), name.slice(dot + 1));
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  return handler as Handler;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && key in value ? (value as Record<string, unknown>)[key] : undefined;
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** Calls the handler in each of its styles: async, callback, or a plain function, whose result Lambda ignores too. */
function call(handler: Handler, event: unknown, context: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback: Callback = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const returned = handler(event, context, callback);
    if (typeof returned === "object" && returned !== null && "then" in returned) resolve(returned);
    else if (handler.length < 3) resolve(null);
  });
}

async function invoke(handler: Handler, message: Extract<ToBootstrap, { type: "invoke" }>): Promise<void> {
  const { requestId } = message;
  const region = environment["AWS_REGION"] ?? "";
  process.stdout.write(`START RequestId: ${requestId} Version: $LATEST\n`);
  const context = {
    awsRequestId: requestId,
    functionName: environment["AWS_LAMBDA_FUNCTION_NAME"],
    functionVersion: "$LATEST",
    invokedFunctionArn: message.functionArn,
    memoryLimitInMB: environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
    logGroupName: environment["AWS_LAMBDA_LOG_GROUP_NAME"],
    logStreamName: environment["AWS_LAMBDA_LOG_STREAM_NAME"],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  };
  const started = performance.now();
  const outcome = await requestIds.run(requestId, async (): Promise<FromBootstrap> => {
    try {
      const result = await call(handler, JSON.parse(message.payload), context);
      return { type: "result", requestId, payload: JSON.stringify(result ?? null) };
    } catch (error) {
      const fault = faultOf(error);
      console.error("Invoke Error", JSON.stringify(fault));
      return { type: "fault", requestId, fault };
    }
  });
  const milliseconds = (performance.now() - started).toFixed(2);
  process.stdout.write(`END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${milliseconds} ms\tRegion: ${region}\n`);
  send(outcome);
}

function endAll(): void {
  // The process leads its own group: what a handler has started ends with it.
  process.kill(-process.pid, "SIGKILL");
}

async function main(): Promise<void> {
  process.on("disconnect", endAll);
  patchConsole();
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      const fault = faultOf(error);
      const crash = event === "unhandledRejection" ? { ...fault, errorMessage: `${fault.errorType}: ${fault.errorMessage}`, errorType: "Runtime.UnhandledPromiseRejection" } : fault;
      process.send?.({ type: "crash", fault: crash } satisfies FromBootstrap, () => process.exit(1));
    });
  }
  try {
    const handler = await loadHandler();
    process.on("message", (message: ToBootstrap) => void invoke(handler, message));
    send({ type: "ready" });
  } catch (error) {
    process.send?.({ type: "crash", fault: faultOf(error) } satisfies FromBootstrap, () => process.exit(1));
  }
}

void main();
