/** One warm process of a function: takes one invocation at a time and tells how it ended, however it ended. */
import { fork, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFile } from "node:fs/promises";
import * as path from "node:path";
import type { FromBootstrap, FunctionFault, ToBootstrap } from "./function-messages";
import type { FunctionSpec } from "./port";
import { groupMembers, signalGroup } from "./processes";

/** Lambda returns the last 4 KB of the log (Lambda API, Invoke, LogResult). */
const LOG_TAIL_BYTES = 4_096;
/** Lambda gives the initialisation 10 s (Lambda developer guide, execution environment lifecycle). */
const INIT_TIMEOUT_MS = 10_000;
/** The log's end may arrive a moment after the result, which comes on another channel. */
const LOG_GRACE_MS = 1_000;

/** The result of an invocation in Lambda's terms. */
export interface InvocationResult {
  readonly payload: Uint8Array;
  readonly functionError?: "Handled" | "Unhandled";
  readonly logTail: string;
}

/** Who a function is: `FunctionSpec.name` is `<account>-<region>-<name>`. */
export interface FunctionIdentity { readonly account: string; readonly region: string; readonly name: string; readonly arn: string }

/** Takes a unique function name apart; a name of another form belongs to account 000000000000 in us-east-1. */
export function identityOf(unique: string): FunctionIdentity {
  const match = /^(\d{12})-([a-z]{2}(?:-[a-z]+)+-\d+)-(.+)$/.exec(unique);
  const [, account = "000000000000", region = "us-east-1", name = unique] = match ?? [];
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return { account, region, name, arn: `arn:${partition}:lambda:${region}:${account}:function:${name}` };
}

/** The environment of a function's process: Lambda's own variables and the function's; never the daemon's. */
export function functionEnvironment(fn: FunctionSpec, endpointUrl: string): Record<string, string> {
  const { account, region, name } = identityOf(fn.name);
  return {
    PATH: [path.dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(path.delimiter),
    TZ: ":UTC",
    LANG: "en_US.UTF-8",
    LAMBDA_TASK_ROOT: fn.codeDir,
    _HANDLER: fn.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: "local/[$LATEST]",
    // The local cloud reads the account from the key, as its other callers do; the secret is never checked.
    AWS_ACCESS_KEY_ID: account,
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL: endpointUrl,
    ...fn.environment,
  };
}

type Outcome = { readonly payload: string } | { readonly fault: FunctionFault };
interface Invocation { readonly requestId: string; readonly finish: (outcome: Outcome) => void }

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `with error: signal: ${signal === "SIGKILL" ? "killed" : signal}`;
  return code === 0 ? "without providing a reason" : `with error: exit status ${code ?? "unknown"}`;
}

/** A function's process; `dead` once it can take no more. */
export class FunctionInstance {
  dead = false;
  private readonly child: ChildProcess;
  private readonly initialised = Promise.withResolvers<FunctionFault | undefined>();
  private readonly initTimer: NodeJS.Timeout;
  private current: Invocation | undefined;
  private crash: FunctionFault | undefined;
  private output = "";
  private sawOutput: () => void = () => undefined;
  /** One append after the other, so that the log keeps their order. */
  private written: Promise<void> = Promise.resolve();

  constructor(private readonly fn: FunctionSpec, options: { readonly bootstrap: string; readonly endpointUrl: string; readonly logFile: string }) {
    this.child = fork(options.bootstrap, [], {
      cwd: fn.codeDir, env: functionEnvironment(fn, options.endpointUrl), execArgv: [], detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on("data", (bytes: Buffer) => this.record(bytes, options.logFile));
    this.initTimer = setTimeout(() => {
      this.initialised.resolve({ errorType: "Sandbox.Timedout", errorMessage: `Error: Init phase timed out after ${INIT_TIMEOUT_MS / 1_000} s` });
      this.end();
    }, INIT_TIMEOUT_MS);
    this.child.on("message", (message: FromBootstrap) => this.take(message));
    this.child.once("error", (error) => this.exited(`Error: ${error.message}`));
    this.child.once("exit", (code, signal) => this.exited(`Error: Runtime exited ${describeExit(code, signal)}`));
  }

  private record(bytes: Buffer, logFile: string): void {
    this.output = (this.output + bytes.toString("utf8")).slice(-4 * LOG_TAIL_BYTES);
    this.written = this.written.then(() => appendFile(logFile, bytes)).catch((error: unknown) => {
      // A log that can't be written must not fail the invocation; it shows in the tail instead.
      this.output += `local cloud: log not written: ${error instanceof Error ? error.message : String(error)}\n`;
    });
    this.sawOutput();
  }

  private take(message: FromBootstrap): void {
    if (message.type === "ready") {
      clearTimeout(this.initTimer);
      this.initialised.resolve(undefined);
    } else if (message.type === "crash") {
      this.crash = message.fault;
    } else if (message.requestId === this.current?.requestId) {
      this.current.finish(message.type === "result" ? { payload: message.payload } : { fault: message.fault });
    }
  }

  private exited(message: string): void {
    clearTimeout(this.initTimer);
    const prefix = this.current === undefined ? "" : `RequestId: ${this.current.requestId} `;
    const fault = this.crash ?? { errorType: "Runtime.ExitError", errorMessage: prefix + message };
    this.end();
    this.initialised.resolve(fault);
    this.current?.finish({ fault });
  }

  /** Resolves when the code is loaded, or can't be; `dead` tells which. */
  get loaded(): Promise<unknown> {
    return this.initialised.promise;
  }

  /** Runs one invocation to its end; never rejects. The time limit starts when the code is loaded. */
  async invoke(payload: Uint8Array): Promise<InvocationResult> {
    const requestId = randomUUID();
    this.output = "";
    const { promise, resolve: finish } = Promise.withResolvers<Outcome>();
    this.current = { requestId, finish };
    const initFault = await this.initialised.promise;
    const timer = initFault === undefined ? this.send(this.current, payload) : undefined;
    if (initFault !== undefined) finish({ fault: initFault });
    const outcome = await promise;
    clearTimeout(timer);
    this.current = undefined;
    const logTail = await this.tail(requestId);
    if ("payload" in outcome) return { payload: Buffer.from(outcome.payload), logTail };
    return { payload: Buffer.from(JSON.stringify(outcome.fault)), functionError: "Unhandled", logTail };
  }

  /** Hands the invocation to the process; returns the timer that cuts it off. */
  private send({ requestId, finish }: Invocation, payload: Uint8Array): NodeJS.Timeout {
    const { timeoutSeconds, name } = this.fn;
    const message: ToBootstrap = {
      type: "invoke", requestId, payload: payload.length === 0 ? "{}" : Buffer.from(payload).toString("utf8"),
      deadline: Date.now() + timeoutSeconds * 1_000, functionArn: identityOf(name).arn,
    };
    this.child.send(message, (error) => {
      if (error !== null) this.exited(`Error: Runtime exited: ${error.message}`);
    });
    return setTimeout(() => {
      finish({ fault: { errorType: "Sandbox.Timedout", errorMessage: `RequestId: ${requestId} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds` } });
      this.end();
    }, timeoutSeconds * 1_000);
  }

  /** The end of this invocation's log, when it has arrived. */
  private async tail(requestId: string): Promise<string> {
    const complete = (): boolean => this.dead || this.output.includes(`REPORT RequestId: ${requestId}`);
    if (!complete()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOG_GRACE_MS);
        this.sawOutput = () => {
          if (!complete()) return;
          clearTimeout(timer);
          resolve();
        };
      });
      this.sawOutput = () => undefined;
    }
    return Buffer.from(this.output).subarray(-LOG_TAIL_BYTES).toString("utf8");
  }

  /** Ends the process and all it started, at once. */
  end(): void {
    this.dead = true;
    if (this.child.pid !== undefined && groupMembers(this.child.pid).length > 0) signalGroup(this.child.pid, "SIGKILL");
  }

  /** Resolves when the process is gone, and what it said is in the log. */
  async gone(): Promise<void> {
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      await new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    }
    await this.written;
  }
}
