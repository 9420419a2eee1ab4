/**
 * The program host: a process of its own that runs the stacks' programs for the driver. An endless loop, an exhausted heap or
 * a crash in a program takes this process, never the driver, which still interrupts, records and reports.
 */
import type { FromHost, HostSettings, ToHost, UpdateOrder } from "./messages";
import { isolatePrograms } from "./isolation";
import { startUpdate, type ProgramRunner, type RunningUpdate } from "./update";

/** What `programRunner` names must export. */
interface RunnerModule { runStack(options: { configFile: string; stack: string }): Promise<Record<string, unknown>> }

const running = new Map<number, RunningUpdate>();
let settings: HostSettings | undefined;
let stopping: "no" | "interrupt" | "cancel" = "no";
let closing = false;

function send(message: FromHost): void {
  // The channel is gone when the driver was killed; `disconnect` below deals with that.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** Programs are loaded by path when the first one runs: the driver itself depends on no stack and no component. */
function programRunner(current: HostSettings): ProgramRunner {
  return (stack) => (require(current.programRunner) as RunnerModule).runStack({ configFile: current.configFile, stack });
}

async function run(id: number, order: UpdateOrder): Promise<void> {
  const current = settings;
  if (current === undefined) throw new Error("an update was ordered before the settings");
  const update = startUpdate(
    order, current, programRunner(current),
    (event) => send({ kind: "event", id, event }),
    (pid) => send({ kind: "cli", id, pid }),
  );
  running.set(id, update);
  if (stopping !== "no") update.stop(stopping === "cancel");
  const outcome = await update.done;
  running.delete(id);
  send({ kind: "done", id, outcome });
  endWhenIdle();
}

function stopAll(mode: "interrupt" | "cancel"): void {
  stopping = mode;
  send({ kind: "stopping" });
  for (const update of running.values()) update.stop(mode === "cancel");
}

function endWhenIdle(): void {
  if (closing && running.size === 0) process.exit(0);
}

isolatePrograms((error) => {
  // A throw that comes after its program ended belongs to no update any more; it goes to the host's log.
  process.stderr.write(`uncaught after its program ended: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
});

process.on("message", (message: ToHost) => {
  switch (message.kind) {
    case "settings": settings = message.settings; return;
    case "run": void run(message.id, message.order); return;
    case "interrupt": stopAll("interrupt"); return;
    case "cancel": stopAll("cancel"); return;
    case "close": closing = true; endWhenIdle(); return;
  }
});

// The driver died: let what is in flight finish, save and unlock, then end.
process.on("disconnect", () => {
  closing = true;
  stopAll("interrupt");
  endWhenIdle();
});
