/** Runs a container's health checks as the container would run them, and folds their results into one status. */
import { spawn } from "node:child_process";
import type { Prepared } from "./environment";
import type { HealthCheck, HealthStatus } from "./port";
import { errorCode, signalGroup } from "./processes";

/** Health checks that run at the same time in one runtime: a fleet that starts at once must not starve itself by checking. */
const CONCURRENT_CHECKS = 4;
/** Until the first success, checks come this soon and then ever later, up to {@link LATEST_WHILE_STARTING_MS} or the interval. */
const FIRST_CHECK_MS = 500;
const WHILE_STARTING_GROWTH = 1.5;
const LATEST_WHILE_STARTING_MS = 2_000;
/** Of a failed check's output, so much is kept to say why. */
const OUTPUT_BYTES = 1_024;

/** The outcome of one check. */
export interface CheckResult { readonly ok: boolean; readonly output: string }

/** What a sequence of checks has told so far. */
export interface HealthFold { readonly status: HealthStatus; readonly failures: number }

/**
 * Docker's rule: one success is healthy; `retries` failures in a row are unhealthy; before the first success, failures within
 * the start period don't count.
 */
export function foldHealth(before: HealthFold, ok: boolean, check: HealthCheck, secondsSinceStart: number): HealthFold {
  if (ok) return { status: "healthy", failures: 0 };
  if (before.status === "starting" && secondsSinceStart <= check.startPeriodSeconds) return before;
  const failures = before.failures + 1;
  return { status: failures >= check.retries ? "unhealthy" : before.status, failures };
}

/** Milliseconds to wait before the next check; `checks` is how many there were since the start. */
export function nextCheckMs(status: HealthStatus, checks: number, check: HealthCheck): number {
  const interval = check.intervalSeconds * 1_000;
  if (status !== "starting") return interval;
  return Math.min(interval, LATEST_WHILE_STARTING_MS, FIRST_CHECK_MS * WHILE_STARTING_GROWTH ** checks);
}

/** `["CMD", …]` is executed as it is, `["CMD-SHELL", text]` by `/bin/sh -c`, `["NONE"]` is no check; a bare list is a CMD. */
export function checkArgv(command: readonly string[]): readonly [string, ...string[]] | undefined {
  const [kind, ...rest] = command;
  if (kind === undefined || kind === "NONE") return undefined;
  if (kind === "CMD-SHELL") return ["/bin/sh", "-c", rest.join(" ")];
  const [program, ...args] = kind === "CMD" ? rest : command;
  return program === undefined ? undefined : [program, ...args];
}

/** Runs one check in the container's folder and environment; a check that takes too long is killed with all it started. */
export function runCheck(argv: readonly [string, ...string[]], prepared: Pick<Prepared, "cwd" | "env">, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const [program, ...args] = argv;
    const child = spawn(program, args, { cwd: prepared.cwd, env: prepared.env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (bytes: Buffer): void => {
      output = (output + bytes.toString("utf8")).slice(0, OUTPUT_BYTES);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const timer = setTimeout(() => {
      output = `timed out after ${timeoutMs / 1_000} s`;
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
    }, timeoutMs);
    const end = (ok: boolean, text: string): void => {
      clearTimeout(timer);
      resolve({ ok, output: text.trim() });
    };
    child.once("error", (error) => end(false, `${errorCode(error) ?? "error"}: ${error.message}`));
    // `exit` and not `close`: a check that leaves a child with its pipes open has ended all the same.
    child.once("exit", (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      end(code === 0, output);
    });
  });
}

/** Lets so many tasks run at once; the others wait in order. */
export class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit: number = CONCURRENT_CHECKS) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await task();
    } finally {
      // A waiting task takes over the place; so the count stays.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}

/** Checks one run of a container until stopped. */
export class HealthMonitor {
  private fold: HealthFold = { status: "starting", failures: 0 };
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private checks = 0;
  private readonly startedAt = performance.now();

  constructor(
    private readonly check: HealthCheck,
    private readonly argv: readonly [string, ...string[]],
    private readonly prepared: Prepared,
    private readonly gate: Gate,
    private readonly changed: (status: HealthStatus, output: string) => void,
  ) {
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.checkOnce(), nextCheckMs(this.fold.status, this.checks, this.check));
    this.timer.unref();
  }

  /** Never rejects: a check that can't run is a failed check. */
  private async checkOnce(): Promise<void> {
    const result = await this.gate.run(() => (
      this.stopped ? Promise.resolve(undefined) : runCheck(this.argv, this.prepared, this.check.timeoutSeconds * 1_000)
    )).catch((error: unknown): CheckResult => ({ ok: false, output: String(error) }));
    if (this.stopped || result === undefined) return;
    this.checks++;
    const before = this.fold.status;
    this.fold = foldHealth(this.fold, result.ok, this.check, (performance.now() - this.startedAt) / 1_000);
    if (this.fold.status !== before) this.changed(this.fold.status, result.output);
    this.schedule();
  }
}
