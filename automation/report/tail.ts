/** Where the time of a stack went that had to wait for something outside: until the wait's end, and after it. Pure. */
import type { RunView, StackView } from "./view";

/** Seconds in the target's time: simulated ones in the local cloud. */
export interface Tail {
  /** The wait that ended last among the longest. */
  readonly urn: string;
  readonly totalSeconds: number;
  /** From the stack's start until the wait was over. */
  readonly waitSeconds: number;
  /** What came after it. */
  readonly tailSeconds: number;
}

/** That a wait must take to be told of, in the target's time. */
const LEAST_SECONDS = 60;

/** @returns undefined while the stack runs, and for one that waited for nothing */
export function tailOf(stack: StackView, view: Pick<RunView, "timeScale">): Tail | undefined {
  const { startedAt, finishedAt } = stack;
  if (startedAt === undefined || finishedAt === undefined) return undefined;
  // A short wait explains nothing of where the time went.
  const [longest] = stack.waits.filter((wait) => wait.endedAt !== undefined && wait.phase === "complete" && wait.seconds >= LEAST_SECONDS).toSorted((a, b) => b.seconds - a.seconds);
  if (longest?.endedAt === undefined) return undefined;
  const scaled = (ms: number): number => (ms / 1000) * (view.timeScale ?? 1);
  return { urn: longest.urn, totalSeconds: scaled(finishedAt - startedAt), waitSeconds: scaled(longest.endedAt - startedAt), tailSeconds: scaled(finishedAt - longest.endedAt) };
}
