/** A clock that moves only when somebody sleeps on it, and a drillable thing that remembers what was done to it. */
import type { Clock, Drill, DrillContext, Drillable, DrillEvent, DrillsFinished } from "../../../drills/model";
import { runDrills, type RunOptions } from "../../../drills/runner";
import type { UndoLog } from "../../../drills/undo";

export class FakeClock implements Clock {
  private ms = 0;
  /** @param speed how much longer a sleep is than asked for */
  constructor(private readonly speed = 1) {}
  now(): number { return this.ms; }
  date(): Date { return new Date(Date.UTC(2030, 0, 1) + this.ms); }
  advance(seconds: number): void { this.ms += seconds * 1000; }
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // others get their turn
    signal.throwIfAborted();
    this.ms += ms * this.speed;
  }
  /** Never reached, unless a test says so. */
  limit(): AbortSignal { return this.reached; }
  reached: AbortSignal = new AbortController().signal;
}

export type Action = { readonly kind: "fix"; readonly what: string };

export class MemoryLog implements UndoLog<Action> {
  constructor(public actions: readonly Action[] = []) {}
  /** Every state that was ever written. */
  readonly written: (readonly Action[])[] = [];
  read(): readonly Action[] { return this.actions; }
  write(actions: readonly Action[]): void {
    this.actions = actions;
    this.written.push(actions);
  }
}

export class FakeSystem implements Drillable<Action> {
  readonly done: string[] = [];
  readonly stuck = new Set<string>();
  missing: string | undefined;
  readonly wholeDeadlineSeconds = 5;
  readonly whole = (): Promise<string | undefined> => Promise.resolve(this.missing);
  describe = ({ what }: Action): string => `fix ${what}`;
  perform({ what }: Action, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.stuck.has(what)) return Promise.reject(new Error(`${what} is stuck`));
    this.done.push(what);
    return Promise.resolve();
  }
}

export type FakeContext = DrillContext<Action>;

export function drill(name: string, run: (context: FakeContext) => Promise<void>, more: Partial<Drill<FakeSystem, Action>> = {}): Drill<FakeSystem, Action> {
  return { name, summary: `the drill ${name}`, breaks: () => "something", putsBack: "mends it", run, ...more };
}

export interface Played { readonly events: readonly DrillEvent[]; readonly finished: DrillsFinished; readonly system: FakeSystem; readonly log: MemoryLog }

export async function play(drills: readonly Drill<FakeSystem, Action>[], more: Partial<RunOptions<FakeSystem, Action>> & { readonly system?: FakeSystem; readonly log?: MemoryLog; readonly onEvent?: (event: DrillEvent) => void } = {}): Promise<Played> {
  const { system = new FakeSystem(), log = new MemoryLog(), onEvent, ...options } = more;
  const events: DrillEvent[] = [];
  const finished = await runDrills({
    drills, system, drillable: system, undoLog: log, clock: new FakeClock(), seed: 1, signal: new AbortController().signal, abandon: new AbortController().signal,
    listener: (event) => {
      events.push(event);
      onEvent?.(event);
    },
    ...options,
  });
  return { events, finished, system, log };
}
