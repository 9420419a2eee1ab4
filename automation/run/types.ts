/** What a run is asked for, and what one hands out. */
import type { FleetEvent, Operation, RunReport } from "../events";
import type { Layout, Target } from "../layout";
import type { FleetDeclaration, Topology } from "../topology/types";

export interface RunOptions {
  /** A config file (`fleet.config.ts`, a Constellation JSON), or the declaration itself. @default the config found from `cwd` upwards */
  readonly config?: string | FleetDeclaration;
  /** @default process.cwd() */
  readonly cwd?: string;
  readonly operation: Operation;
  /** Names, globs, `tag:x`, `+x`, `x+`. @default every stack */
  readonly select?: readonly string[];
  /** @default "local" */
  readonly target?: Target;
  /** Stacks at once. @default "auto": four a core, at least 4 */
  readonly parallel?: number | "auto";
  /** Start nothing new after the first failure. @default false: independent stacks go on */
  readonly failFast?: boolean;
  /** up and preview: one part of the one selected stack. @default all of it */
  readonly only?: string;
  /** destroy only: the stacks that are deployed but no longer in the config. @default false */
  readonly removed?: boolean;
  /** Progress of what comes before the run (toolchain, local cloud), one line each. @default dropped */
  readonly report?: (line: string) => void;
  /** Ends the preparation; a run in progress is stopped through its handle. */
  readonly signal?: AbortSignal;
}

/** A run in progress. */
export interface RunHandle {
  /** Resolves when everything has ended and is saved; rejects only when the run could not start. */
  readonly done: Promise<RunReport>;
  /** `graceful`: nothing new starts, what is in flight finishes. `cancel`: what is in flight is terminated. */
  stop(mode: "graceful" | "cancel", signal: string): void;
}

/** A run that passed every check that needs no cloud. */
export interface PreparedRun {
  /** Sorts by time: `20261121T093015-abc123`. */
  readonly id: string;
  readonly layout: Layout;
  readonly target: Target;
  readonly operation: Operation;
  readonly topology: Topology;
  /** Names, sorted. */
  readonly selected: readonly string[];
  /** Account and regions, for the confirmation; asks the cloud. */
  describeTarget(): Promise<{ account: string | undefined; regions: readonly string[] }>;
  /** Starts; every event goes to the journal, then to the listener. */
  execute(listener: (event: FleetEvent) => void): RunHandle;
}
