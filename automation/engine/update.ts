/** Runs one update inside the program host: the Automation API with an inline program and the one-process command runner. */
import { type EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { DISK_FULL } from "../disk";
import type { Changes } from "../events";
import { CliFailed, updateCommand } from "./command";
import type { HostSettings, UpdateOrder } from "./messages";
import { captureOutputs } from "./outputs";
import type { EngineEventBody, HandedOutputs, UpdateOutcome } from "./port";
import type { CliProcess } from "./processes";
import { firstLine, MISSING_PART, UpdateTally } from "./translate";

/** Runs a stack's program to its outputs; supplied by the module that `programRunner` names. */
export type ProgramRunner = (stack: string) => Promise<Record<string, unknown>>;

/** Outputs of upstream previews; stack references look here first (see `stacks/references.ts`, which must not import the driver). */
const upstreamStore = new AsyncLocalStorage<Readonly<Record<string, HandedOutputs>>>();
Object.defineProperty(globalThis, Symbol.for("stackfleet.upstream"), { value: upstreamStore });

const NO_CHANGES: Changes = { created: 0, updated: 0, same: 0, deleted: 0 };
/** Provider calls of one stack at once. The engine's own default is four a core, which throttles a graph that only waits for a cloud. */
const RESOURCE_PARALLELISM = 32;

export interface RunningUpdate {
  readonly done: Promise<UpdateOutcome>;
  /** First call: one interrupt. Further ones with `terminate`: the second interrupt, then SIGKILL after a grace period. */
  stop(terminate: boolean): void;
}

/** Starts one update. */
export function startUpdate(order: UpdateOrder, settings: HostSettings, runProgram: ProgramRunner, emit: (event: EngineEventBody) => void, onCli: (pid: number) => void): RunningUpdate {
  const stopper = new Stopper();
  const done = runUpdate(order, settings, runProgram, emit, (cli) => { onCli(cli.pid); stopper.attach(cli); }, () => stopper.asked);
  return { done, stop: (terminate) => stopper.stop(terminate) };
}

async function runUpdate(
  order: UpdateOrder, settings: HostSettings, runProgram: ProgramRunner,
  emit: (event: EngineEventBody) => void, onStart: (cli: CliProcess) => void, stopped: () => boolean,
): Promise<UpdateOutcome> {
  const tally = new UpdateTally(order.stack, emit, { partial: order.targets !== undefined });
  let outputs: HandedOutputs | undefined;
  const program = async (): Promise<Record<string, unknown>> => {
    // Entered here: the engine calls back over a connection of its own, where an outer store is not seen.
    const result = await upstreamStore.run(order.upstream ?? {}, () => runProgram(order.stack));
    if (order.operation === "preview") outputs = await captureOutputs(result);
    return result;
  };
  const logStart = sizeOf(order.logFile);
  try {
    const workspace = await LocalWorkspace.create({
      workDir: settings.workDir, program,
      pulumiCommand: updateCommand({
        command: settings.pulumi, version: settings.pulumiVersion, env: settings.env, logFile: order.logFile,
        stackExists: settings.stacksExist, onStart,
      }),
    });
    const stack = await Stack.createOrSelect(order.stack, workspace);
    if (stopped()) return { status: "cancelled", changes: NO_CHANGES };
    await operate(stack, order, (event) => tally.take(event));
    const changes = tally.changes();
    const changed = changes.created + changes.updated + changes.deleted > 0;
    return { status: changed ? "succeeded" : "unchanged", changes, ...(outputs && { outputs }) };
  } catch (error) {
    const [unanswered, undeleted] = [tally.unanswered(), tally.undeleted(stopped())];
    const doubtful = { ...(unanswered.length > 0 && { unanswered }), ...(undeleted.length > 0 && { undeleted }) };
    if (stopped()) return { status: "cancelled", changes: tally.changes(), ...doubtful };
    return { status: "failed", changes: tally.changes(), error: faultOf(error, tally, order.logFile, logStart), ...doubtful };
  }
}

async function operate(stack: Stack, order: UpdateOrder, onEvent: (event: EngineEvent) => void): Promise<void> {
  const common = { onEvent, parallel: RESOURCE_PARALLELISM, color: "never" as const, suppressProgress: true, ...(order.targets && { target: [...order.targets] }) };
  switch (order.operation) {
    case "up": await stack.up(common); return;
    case "preview": await stack.preview({ ...common, policyPacks: [...order.policyPacks] }); return;
    case "refresh": await stack.refresh(common); return;
    // The program is not run: what is deployed is in the checkpoint, and outputs of other stacks may be gone.
    case "destroy": await stack.destroy(common); return;
  }
}

/** How the CLI, Node and SQLite say it. */
const NO_SPACE = /no space left on device|ENOSPC|disk quota exceeded|database or disk is full/;

function faultOf(error: unknown, tally: UpdateTally, logFile: string, logStart: number): NonNullable<UpdateOutcome["error"]> {
  const fault = causeOf(error, tally, logFile, logStart);
  return NO_SPACE.test(fault.message) ? { ...fault, ...DISK_FULL } : fault;
}

function causeOf(error: unknown, tally: UpdateTally, logFile: string, logStart: number): NonNullable<UpdateOutcome["error"]> {
  const told = tally.fault();
  if (told) return { ...told, log: logFile, ...(told.message.startsWith(MISSING_PART) && { fix: "bring that part up first, or leave --only out" }) };
  if (!(error instanceof CliFailed)) return { code: "update-failed", message: firstLine(error instanceof Error ? error.message : String(error)), log: logFile };
  return { code: "update-failed", message: lastErrorLine(logFile, logStart) ?? error.message, log: logFile };
}

/** The last line that the CLI marked as an error, in what it wrote since `start`. */
function lastErrorLine(logFile: string, start: number): string | undefined {
  const written = readFileSync(logFile).subarray(start).toString("utf8");
  const lines = written.split("\n").filter((line) => line.startsWith("error: ") && line.length > "error: ".length);
  const last = lines.at(-1);
  return last === undefined ? undefined : firstLine(last);
}

function sizeOf(file: string): number {
  try {
    return readFileSync(file).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

/** After the second interrupt a CLI has this long to save and unlock before its session is killed. */
const TERMINATE_GRACE_MS = 10_000;

/** Passes a user's stop on to whatever CLI process this update runs, also when the stop came before the process. */
class Stopper {
  asked = false;
  private terminate = false;
  private cli: CliProcess | undefined;

  attach(cli: CliProcess): void {
    this.cli = cli;
    if (this.asked) cli.signal("SIGINT");
    if (this.terminate) this.end(cli);
  }

  stop(terminate: boolean): void {
    if (!this.asked) {
      this.asked = true;
      this.cli?.signal("SIGINT");
    }
    if (terminate && !this.terminate) {
      this.terminate = true;
      if (this.cli) this.end(this.cli);
    }
  }

  private end(cli: CliProcess): void {
    cli.signal("SIGINT");
    const timer = setTimeout(() => cli.killSession(), TERMINATE_GRACE_MS);
    void cli.exited.then(() => clearTimeout(timer));
  }
}
