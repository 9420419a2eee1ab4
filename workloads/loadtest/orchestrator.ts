/** The orchestrator's four actions: when all regions are ready the test starts, once; as each ends, its services are scaled to 0. */
import type { EndAnswer, OrchestratorAnswer, OrchestratorEvent, RecordAnswer, StartState } from "./events";

/** One round of a test. A reset begins a new one, so that late calls of the round before can't touch it. */
export interface Round {
  /** Absent before the first reset. */
  readonly id?: string;
  readonly regions: readonly string[];
}

/** The orchestrator's state; every write is atomic by itself. */
export interface TestState {
  /** Adds the region to `aggregator-ready-regions`; answers all of them, with the round they belong to. */
  addReady(region: string): Promise<Round>;
  /** Adds the region to `test-completed-regions`; answers all of them. */
  addCompleted(region: string): Promise<Round>;
  /** Reads `required-remote-regions`. */
  required(): Promise<Round>;
  /** Reads `test-start-state`. */
  startState(): Promise<StartState>;
  /** Sets `test-start-state` to true, only if it isn't yet and the round is still this one. False: it was not set by this call. */
  start(round: Round, timestamp: number): Promise<boolean>;
  /** Sets all four items for a new round. */
  reset(regions: readonly string[]): Promise<void>;
}

/** What the orchestrator works on. */
export interface OrchestratorContext {
  readonly state: TestState;
  /** Scales the cluster's services to 0 tasks; answers their ARNs. Repeating it is harmless. */
  scaleToZero(target: { readonly region: string; readonly clusterArn: string; readonly serviceArn?: string | undefined }): Promise<string[]>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** From the last region's readiness to the start, so that every generator has polled in between. */
  startBufferMs: number;
}

/** A reset in the middle of a record makes it start over; the caller tries again when the reset takes longer than this. */
const ROUNDS_TO_TRY = 5;

/** Handles one event. Any action may be repeated, and any two may run at once, with the same end. */
export async function orchestrate(event: OrchestratorEvent, context: OrchestratorContext): Promise<OrchestratorAnswer> {
  switch (event.action) {
    case "agg-record":
      return record(event.region, context);
    case "test-init":
      return context.state.startState();
    case "test-end":
      return end(event, context);
    case "test-reset": {
      const required = [...new Set(event.regions)].sort();
      await context.state.reset(required);
      return { required };
    }
    default:
      return event satisfies never;
  }
}

async function record(region: string, { state, now, startBufferMs }: OrchestratorContext): Promise<RecordAnswer> {
  for (let attempt = 0; attempt < ROUNDS_TO_TRY; attempt++) {
    const ready = await state.addReady(region);
    const required = await state.required();
    // A reset came between: what was just added belongs to the round before.
    if (ready.id !== required.id) continue;
    if (isComplete(required, ready)) await state.start(required, now() + startBufferMs);
    return { ...await state.startState(), ready: sorted(ready), required: sorted(required) };
  }
  throw new Error(`region ${region} could not be recorded: a test-reset is under way or was cut off; call agg-record again, and test-reset when this lasts`);
}

async function end(event: Extract<OrchestratorEvent, { action: "test-end" }>, { state, scaleToZero }: OrchestratorContext): Promise<EndAnswer> {
  const completed = await state.addCompleted(event.region);
  // Also when the region was recorded before: the call that recorded it may have failed to scale.
  const scaledToZero = await scaleToZero(event);
  const required = await state.required();
  return { completed: sorted(completed), allCompleted: required.id === completed.id && isComplete(required, completed), scaledToZero: [...scaledToZero].sort() };
}

/** Whether every required region is there. Nothing is complete before regions are required. */
export function isComplete(required: Round, present: Round): boolean {
  return required.regions.length > 0 && required.regions.every((region) => present.regions.includes(region));
}

function sorted(round: Round): string[] {
  return [...round.regions].sort();
}
