/** What was promised of the chunk store, and how long a drill waits before it calls something broken. */
import type { Target } from "../model";

const SOURCE = "targets of the distributed chunk store";

export const TARGETS = {
  /** From the start of all nodes until every health check says so. */
  healthy: { seconds: 10, source: `${SOURCE}: 8 nodes healthy in less than 10 s` },
  /** Until all controllers hold the same metadata: three gossip rounds of 2 s. */
  converged: { seconds: 6, source: `${SOURCE}: metadata converged in at most 6 s` },
  /** From the moment that the network is whole again until the store is. */
  healed: { seconds: 30, source: `${SOURCE}: a partition healed in at most 30 s` },
} as const satisfies Record<string, Target>;

/** Correctness limits, in seconds: far above every target, so that a slow machine fails no drill. */
export const DEADLINES = {
  healthy: 90,
  converged: 60,
  healed: 120,
  /** Re-replication of what a drill stores, a few tens of megabytes. */
  repaired: 180,
  /** Until one side of a partition notices. */
  noticed: 45,
} as const;

/** Bytes. */
export const MiB = 1024 * 1024;
