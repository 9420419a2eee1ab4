/** What a service must start and stop now: ECS's rolling update as a pure function. */

/** A live task as the plan sees it. */
export interface PlannedTask {
  readonly id: string;
  /** Runs the wanted revision. */
  readonly current: boolean;
  readonly ready: boolean;
}

export interface RolloutState {
  readonly desired: number;
  /** Percent of `desired` that must stay ready during a roll. @default 100 */
  readonly minimumPercent: number;
  /** Percent of `desired` that may live at once. @default 200 */
  readonly maximumPercent: number;
  /** Oldest first. */
  readonly tasks: readonly PlannedTask[];
}

export interface Rollout {
  readonly start: number;
  readonly stop: readonly string[];
}

/**
 * Starts what the wanted revision lacks, as far as the maximum allows; stops what is too much, first of all tasks that aren't ready;
 * stops old tasks only as far as ready ones stay above the minimum. Source: ECS developer guide, "Rolling update".
 */
export function rollout(state: RolloutState): Rollout {
  const current = state.tasks.filter((task) => task.current);
  const old = state.tasks.filter((task) => !task.current);
  const excess = stopOrder(current).slice(0, Math.max(0, current.length - state.desired));
  const readyCurrent = current.filter((task) => task.ready).length;
  const minimum = Math.ceil((state.desired * state.minimumPercent) / 100);
  const spare = Math.max(0, readyCurrent + old.filter((task) => task.ready).length - minimum);
  // Old tasks that aren't ready serve nobody: they may always go once the roll has begun.
  const oldStops = [...old.filter((task) => !task.ready), ...old.filter((task) => task.ready).slice(0, spare)];
  const allowed =
    Math.max(state.desired, Math.floor((state.desired * state.maximumPercent) / 100)) -
    state.tasks.length +
    excess.length +
    oldStops.length;
  return {
    start: Math.max(0, Math.min(state.desired - current.length, allowed)),
    stop: [...excess, ...oldStops].map((task) => task.id),
  };
}

/** Tasks that aren't ready first, then the newest. */
function stopOrder(tasks: readonly PlannedTask[]): PlannedTask[] {
  const newestFirst = tasks.toReversed();
  return [...newestFirst.filter((task) => !task.ready), ...newestFirst.filter((task) => task.ready)];
}
