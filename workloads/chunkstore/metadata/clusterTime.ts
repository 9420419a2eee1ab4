/**
 * Cluster time: the median of the nodes' clocks, so that one clock that is wrong, or is set while the node runs, moves nothing.
 *
 * Every sample says by how much a peer's clock differs from this node's *monotonic* clock. Thus a step of this machine's own clock
 * changes one sample only, its own, and a sample stays good when the peer can't be reached: samples of peers are
 * remembered for an hour, or a partition would make a wrong clock right. With two clocks that disagree nobody can tell which
 * one is wrong; both nodes then take the middle. A node that never heard of another has its own clock only.
 */
import type { Clock } from "../contract/ports";
import { MAX_STAMP_TIME } from "../contract/record";

/** Time as a node reads it from the cluster. */
export interface ClusterClock {
  /** Milliseconds since 1970 by the cluster's clock. May step when samples come in: what must rise takes care of it (stamps do). */
  now(): number;
}

interface Sample {
  /** Peer's clock minus the own monotonic clock, milliseconds. */
  readonly offset: number;
  /** Half of the round trip: by so much it may be wrong. */
  readonly error: number;
  /** By the own monotonic clock. */
  readonly at: number;
}

/** Samples of a peer that wasn't heard of for so long no longer count. */
export const SAMPLE_TTL_MS = 3_600_000;
/** Round trip to give for a message whose round trip isn't known, such as a heartbeat that arrives. */
export const ONE_WAY_ROUND_TRIP_MS = 250;
/** Clocks of computers drift apart by less than 200 ppm; what is older by a second counts as wrong by so many milliseconds more. */
const DRIFT_MS_PER_SECOND = 0.2;
/** A bound for memory, far above the size of any cluster. */
const MAX_SAMPLES = 1_000;

export class ClusterTime implements ClusterClock {
  readonly #clock: Clock;
  readonly #samples = new Map<string, Sample>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes what a peer's clock said.
   * @param peer its node ID
   * @param theirNow its clock, milliseconds since 1970
   * @param roundTripMs from the question to the answer that carried `theirNow`; {@link ONE_WAY_ROUND_TRIP_MS} if there was no question
   */
  sample(peer: string, theirNow: number, roundTripMs: number): void {
    if (!Number.isFinite(theirNow) || !Number.isFinite(roundTripMs) || theirNow < 0 || theirNow > MAX_STAMP_TIME || roundTripMs < 0) return;
    const at = this.#clock.monotonic();
    const fresh: Sample = { offset: theirNow + roundTripMs / 2 - at, error: roundTripMs / 2, at };
    const held = this.#samples.get(peer);
    if (held !== undefined && !isBetter(fresh, held)) return;
    this.#samples.delete(peer);
    this.#samples.set(peer, fresh);
    for (const oldest of this.#samples.keys()) {
      if (this.#samples.size <= MAX_SAMPLES) break;
      this.#samples.delete(oldest);
    }
  }

  /** Forgets a peer that is no member any more. */
  forget(peer: string): void {
    this.#samples.delete(peer);
  }

  now(): number {
    const monotonic = this.#clock.monotonic();
    const offsets = [this.#clock.now() - monotonic];
    for (const { offset, at } of this.#samples.values()) if (monotonic - at <= SAMPLE_TTL_MS) offsets.push(offset);
    return Math.min(MAX_STAMP_TIME, Math.max(1, Math.round(monotonic + median(offsets))));
  }

  /** This machine's clock minus the cluster's, milliseconds. */
  get offsetMs(): number {
    return Math.round(this.#clock.now() - this.now());
  }
}

/** Whether the fresh sample says more: it is at least as exact, or what it says can't be explained by errors, so that a clock was set. */
function isBetter(fresh: Sample, held: Sample): boolean {
  const error = held.error + ((fresh.at - held.at) / 1000) * DRIFT_MS_PER_SECOND;
  return fresh.error <= error || Math.abs(fresh.offset - held.offset) > fresh.error + error;
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  const upper = values[middle] ?? 0;
  return values.length % 2 === 1 ? upper : (upper + (values[middle - 1] ?? upper)) / 2;
}
