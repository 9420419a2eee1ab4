/** What `status` shows: the live run, else the last one, from its lock and its journal alone; no config is loaded. */
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { latestRun, readJournal } from "../journal";
import type { RunStatus, StackStatus } from "../events";
import type { Layout } from "../layout";
import { resourceName, elapsedSeconds, EMPTY_VIEW, etaSecondsByStack, viewOf, type RunView } from "../report";
import { lifeOf, lifeOfWriter, type ProcessIdentity } from "../system/process-identity";

/** A run as it is now. */
export interface FleetStatus {
  readonly run: string;
  /** True while its driver lives. */
  readonly live: boolean;
  /** `interrupted` also for a run whose driver died without finishing; its stacks then show what each last was. */
  readonly view: RunView;
  readonly journal: string;
}

/** Tests give their own; by default the system is asked. */
export interface LivenessProbe {
  /** True unless the process is proven dead. */
  holder(holder: ProcessIdentity): boolean;
  /** The same for a process of this machine that is only known by its id and by when it wrote something. */
  writer(pid: number, writtenAt: Date): boolean;
}

const SYSTEM: LivenessProbe = {
  holder: (holder) => lifeOf(holder) !== "dead",
  writer: (pid, writtenAt) => lifeOfWriter({ host: hostname(), pid, writtenAt }) !== "dead",
};

/** The live run, else the last one; undefined when there was none. */
export function readStatus(layout: Layout, probe: LivenessProbe = SYSTEM): FleetStatus | undefined {
  const holder = readHolder(layout.runLock);
  const locked = holder !== undefined && probe.holder(holder) ? holder.run : undefined;
  const run = locked ?? latestRun(layout);
  if (run === undefined) return undefined;
  const { journal } = layout.run(run);
  const view = existsSync(journal) ? viewOf(readJournal(journal).events) : { ...EMPTY_VIEW, run };
  const live = view.report === undefined && (run === locked || isLivePreview(view, probe));
  return { run, live, journal, view: live || view.report ? view : { ...view, status: "interrupted" } };
}

/** Previews take no lock. */
function isLivePreview(view: RunView, probe: LivenessProbe): boolean {
  return view.operation === "preview" && view.pid !== undefined && probe.writer(view.pid, new Date(view.startedAt));
}

/** The lock's holder by the fields needed here; anything else in that file counts as no lock. */
function readHolder(file: string): (ProcessIdentity & { readonly run: string }) | undefined {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<ProcessIdentity & { run: string }> | null;
    if (typeof value?.run !== "string" || typeof value.host !== "string" || typeof value.pid !== "number") return undefined;
    return { ...value, run: value.run, host: value.host, pid: value.pid };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What `status --output json` prints. Seconds to a thousandth; null: unknown. */
export interface StatusJson {
  readonly run: string | null;
  readonly status: RunStatus | null;
  readonly stacks: readonly {
    readonly name: string;
    readonly status: StackStatus;
    readonly done: number;
    readonly expected: number | null;
    readonly elapsedSeconds: number | null;
    readonly etaSeconds: number | null;
    /** Waits that providers gave account of, if any; seconds in their time, simulated in the local cloud. */
    readonly waits?: readonly { readonly resource: string; readonly phase: string; readonly checks: number; readonly seconds: number }[];
  }[];
}

/** @param now epoch milliseconds */
export function statusJson(status: Pick<FleetStatus, "run" | "view"> | undefined, now: number): StatusJson {
  if (status === undefined) return { run: null, status: null, stacks: [] };
  const { view } = status;
  const running = view.status === "running";
  const etas = running ? etaSecondsByStack(view, now) : new Map<string, number>();
  return {
    run: status.run, status: view.status,
    stacks: view.stacks.map((stack) => ({
      name: stack.name, status: stack.status, done: stack.done, expected: stack.expected ?? null,
      elapsedSeconds: rounded(elapsedSeconds(stack, running ? now : view.updatedAt)),
      etaSeconds: rounded(etas.get(stack.name)),
      ...(stack.waits.length > 0 && { waits: stack.waits.map(({ urn, phase, checks, seconds }) => ({ resource: resourceName(urn), phase, checks, seconds })) }),
    })),
  };
}

function rounded(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 1000) / 1000;
}
