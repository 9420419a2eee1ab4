/** What a scheduler remembers of one service between two looks: its events, and how often its tasks failed to start. */

/** An entry of a service's event list. */
export interface ServiceEvent {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly message: string;
}

/** Source: ECS API, DescribeServices: the latest 100 events. */
const EVENTS_KEPT = 100;
/** Simulated seconds before a service whose tasks keep failing tries again, doubling. Source: ECS service throttle logic, up to 15 minutes. */
const FIRST_BACKOFF_SECONDS = 5;
const LONGEST_BACKOFF_SECONDS = 900;

export class ServiceMemory {
  /** Tasks in a row that ended before they ever worked. */
  failures = 0;
  /** A retry is waiting for its time. */
  retrying = false;
  /** A look at the service is wanted. */
  wanted = false;
  /** The look that is under way. */
  running: Promise<void> | undefined;
  readonly #events: ServiceEvent[] = [];

  /** Newest first. */
  get events(): readonly ServiceEvent[] {
    return this.#events.toReversed();
  }

  /** Simulated seconds until the next try. */
  get backoffSeconds(): number {
    return Math.min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** Math.min(this.failures - 1, 10));
  }

  note(event: ServiceEvent): void {
    this.#events.push(event);
    this.#events.splice(0, this.#events.length - EVENTS_KEPT);
  }
}
