/** What a run's events add up to: one pure fold that renderers, the status and reports share. */
export { EMPTY_VIEW, isTerminal, leavesInProgress, reduce, viewOf } from "./view";
export type { ResourceDone, ResourceInProgress, ResourceWait, RunView, StackNote, StackView } from "./view";
export { criticalPathSeconds, elapsedSeconds, etaSecondsByStack, runElapsedSeconds, runEtaSeconds, succeededCount, type TimedStack } from "./progress";
export { tailOf, type Tail } from "./tail";
export { resourceName, resourceType, rootFailures, type RootFailure } from "./failures";
