/** A system as the command sees it: its drills by name, and a way to get ready to run them. */
import type { z } from "zod";
import type { EngineHost } from "./engine/host";
import { DrillError } from "./errors";
import type { Clock, Drill, Drillable, DrillsFinished } from "./model";
import { runDrills, type RunOptions } from "./runner";
import { undoFile, undoPath } from "./undo-file";

export interface DrillListing { readonly name: string; readonly summary: string }

export interface DrillSystem {
  /** An argument of the command: `chunkstore`. */
  readonly name: string;
  readonly summary: string;
  readonly drills: readonly DrillListing[];
  /** The stack that is drilled when no other is named. */
  readonly defaultStack: string;
  /**
   * Reaches the system and breaks nothing yet.
   * @throws DrillError why it can't be drilled
   */
  prepare(options: PrepareOptions): Promise<PreparedDrills>;
}

export interface PrepareOptions {
  /** Names of drills, checked before. */
  readonly drills: readonly string[];
  readonly stack: string;
  /** Of the stack, secrets in the clear. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly engine: EngineHost;
  /** Any engine but the local cloud's. */
  readonly realEngine: boolean;
  /** Where it is written down what is to be put back. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface PlannedDrill extends DrillListing { readonly breaks: string; readonly putsBack: string; /** Why it is left out. */ readonly skip?: string }

export interface PreparedDrills {
  readonly plan: readonly PlannedDrill[];
  /** What is broken now and must be put back: what an earlier drill left that was killed, or what could not be put back. The next drill begins with it. */
  leftovers(): readonly string[];
  run(options: Pick<RunOptions<never, never>, "seed" | "strictTimes" | "listener" | "signal" | "abandon">): Promise<DrillsFinished>;
  close(): Promise<void>;
}

/** What a system's own code has made ready. */
export interface Opened<S, A> {
  readonly system: S;
  readonly drillable: Drillable<A>;
  readonly undoSchema: z.ZodType<A>;
  close(): Promise<void>;
}

/** Hides the types of a system behind what the command needs. */
export function prepared<S, A>(all: readonly Drill<S, A>[], opened: Opened<S, A>, options: PrepareOptions): PreparedDrills {
  const { system, drillable } = opened;
  const drills = all.filter(({ name }) => options.drills.length === 0 || options.drills.includes(name));
  const undoLog = undoFile(undoPath(options.stateDir, options.stack), opened.undoSchema);
  return {
    plan: drills.map(({ name, summary, breaks, putsBack, skip }) => {
      const reason = skip?.(system);
      return { name, summary, breaks: breaks(system), putsBack, ...(reason !== undefined && { skip: reason }) };
    }),
    leftovers: () => undoLog.read().map((action) => drillable.describe(action)),
    run: (running) => runDrills({ ...running, drills, system, drillable, undoLog, clock: options.clock }),
    close: () => opened.close(),
  };
}

/** @throws DrillError `unknown-drill` with the names there are */
export function checkDrillNames(system: DrillSystem, names: readonly string[]): void {
  const known = system.drills.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new DrillError("unknown-drill", `${system.name} has no such drill; got ${unknown.join(", ")}; expected of ${known.join(", ")}`, { usage: true, fix: "see `stackfleet drill`" });
}

