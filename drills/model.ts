/** What a drill is, what it may use, and what is told while it runs. Knows no system: each brings its own drills. */

/** Time as a drill sees it; tests give their own. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back. */
  now(): number;
  /** Now, for the stamps of events. */
  date(): Date;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Aborts after so long: a limit that is usually not reached. */
  limit(ms: number): AbortSignal;
}

/** A duration that was promised, and by whom. */
export interface Target {
  readonly seconds: number;
  /** Where the figure comes from. */
  readonly source: string;
}

/** What a check found. */
export interface Verdict {
  readonly ok: boolean;
  /** What was counted or measured; on a failure, what is wrong. One line. */
  readonly detail?: string;
  /** @default as long as the check took */
  readonly seconds?: number;
}

/** What a wait is for. */
export interface Wait {
  /** When to give up; a correctness limit, much longer than any target. */
  readonly deadlineSeconds: number;
  /** Reported as within or over; enforced by `--strict-times` only. */
  readonly target?: Target;
  /** Clock reading that the measured time starts at. @default the start of the wait */
  readonly since?: number;
  /** @default 100 */
  readonly intervalMs?: number;
}

/** Looks once: undefined when it is as it should be, else what is still missing, on one line. A throw counts as missing. */
export type Probe = (signal: AbortSignal) => Promise<string | undefined>;

/** What a drill is given. `A` is the system's way to say how something broken is put back. */
export interface DrillContext<A> {
  readonly clock: Clock;
  /** Aborts at Ctrl+C and when the drill must end. */
  readonly signal: AbortSignal;
  /** `drill-<random>`: part of every name that the drill makes. */
  readonly tag: string;
  /** Seeded by `--seed`; in [0, 1). */
  readonly random: () => number;
  readonly undo: Undo<A>;
  /** Runs and times one step; its error ends the drill. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** Looks once. A throw is a failed check, not the end of the drill. @returns whether it is as it should be */
  check(name: string, work: () => Promise<Verdict> | Verdict): Promise<boolean>;
  /** Looks until it is as it should be, and measures how long that took. @returns whether it came to be */
  reaches(name: string, wait: Wait, probe: Probe): Promise<boolean>;
}

/** What is to be put back, last in first out; written down before anything is broken. */
export interface Undo<A> {
  /** @returns the way to put it back at once, as a part of the drill */
  add(action: A): Promise<UndoHandle>;
}
export interface UndoHandle {
  /** Puts it back and forgets it. */
  perform(): Promise<void>;
}

/** One scripted failure of a system `S`. */
export interface Drill<S, A> {
  /** Kebab-case; an argument of the command. */
  readonly name: string;
  /** One line for listings. */
  readonly summary: string;
  /** What it breaks, and how that is put back; told before it runs. */
  readonly breaks: (system: S) => string;
  readonly putsBack: string;
  /** Why it can't run here; it is skipped then, which is told and is no failure. */
  readonly skip?: (system: S) => string | undefined;
  /** Runs although the system is not whole at the start. @default false */
  readonly runsBroken?: boolean;
  readonly run: (context: DrillContext<A>, system: S) => Promise<void>;
}

/** What the runner needs of a system beside its drills. */
export interface Drillable<A> {
  /** What is wrong with the system as a whole; undefined when everything is up and well. Tells before a drill whether it may start, and after it whether all was put back. */
  readonly whole: Probe;
  /** How long all may take to be well again after a drill, in seconds. */
  readonly wholeDeadlineSeconds: number;
  /** Puts one thing back. Idempotent: what is in order already is left alone. */
  perform(action: A, signal: AbortSignal): Promise<void>;
  /** `start controller-1` */
  describe(action: A): string;
}

/** One line of the final account. */
export interface CheckResult {
  readonly drill: string;
  readonly check: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly detail?: string;
}

interface Timing { readonly targetSeconds: number; readonly source: string; readonly time: "within" | "over" }

export type DrillEventBody =
  | { readonly type: "drill.started"; readonly drill: string; readonly summary: string; readonly breaks: string; readonly putsBack: string; readonly tag: string; readonly number: number; readonly of: number; readonly seed: number }
  | { readonly type: "drill.skipped"; readonly drill: string; readonly reason: string }
  | { readonly type: "step.started"; readonly drill: string; readonly step: string }
  | { readonly type: "step.finished"; readonly drill: string; readonly step: string; readonly ok: boolean; readonly seconds: number; readonly error?: string }
  /** A check that may take a while; the others are only told when they are done. */
  | { readonly type: "check.started"; readonly drill: string; readonly check: string }
  | ({ readonly type: "check.finished"; readonly target?: Timing } & CheckResult)
  | { readonly type: "drill.ended"; readonly drill: string; readonly ok: boolean; readonly seconds: number }
  /** What ended the command before its drills could. */
  | { readonly type: "error"; readonly code: string; readonly message: string; readonly fix?: string };

/** Everything but the last is stamped, once, when it happens. */
export type DrillEvent = (DrillEventBody & { readonly time: string }) | DrillsFinished;

/** Always the last event, also after an error or an interruption. */
export interface DrillsFinished {
  readonly type: "drill.finished";
  readonly status: "succeeded" | "failed";
  readonly checks: readonly CheckResult[];
}

/** Takes events as they happen. */
export type Listener = (event: DrillEvent) => void;
