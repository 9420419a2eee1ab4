/** The store's intervals and lifetimes as arguments, and the variables by which nodes read them. */

/** All in seconds, decimals allowed. What isn't given is the store's own default, which the nodes know. */
export interface Timings {
  /** Between two heartbeats of a chunkserver, at least 0.05. @default 1 */
  readonly heartbeatIntervalSeconds?: number;
  /** A node that was not heard of for so long counts as failed; at least twice the interval. @default 6 */
  readonly heartbeatTimeoutSeconds?: number;
  /** Between two rounds of gossip of a controller, at least 0.05. @default 2 */
  readonly gossipIntervalSeconds?: number;
  /** Between two comparisons of all metadata, at least 0.1. @default 30 */
  readonly antiEntropyIntervalSeconds?: number;
  /** Between two searches for missing replicas, at least 0.1. @default 5 */
  readonly repairIntervalSeconds?: number;
  /** Between two verifications of all chunks on a disk, at least 0.1. @default 3600 */
  readonly scrubIntervalSeconds?: number;
  /** How long a login is good, at least 1. @default 28800 */
  readonly tokenLifetimeSeconds?: number;
  /** Chunks of an upload that came to nothing stay so long, at least 60: one under way may pause for a while. @default 3600 */
  readonly orphanGraceSeconds?: number;
  /** Chunks of a file that was overwritten stay so long, for downloads that are under way. @default 60 */
  readonly replacedGraceSeconds?: number;
  /** How long a deleted name is remembered, at least 1. A controller that was away for longer must come back with an empty volume. @default 604800 */
  readonly tombstoneLifetimeSeconds?: number;
}

type Role = "controller" | "chunkserver";

interface Timing {
  readonly argument: keyof Timings;
  readonly variable: string;
  readonly least: number;
  /** Who reads it: on the others, a change would replace nodes for nothing. */
  readonly roles: readonly Role[];
}

const BOTH: readonly Role[] = ["controller", "chunkserver"];

/** Limits are those of the nodes' own reader. */
export const TIMINGS: readonly Timing[] = [
  { argument: "heartbeatIntervalSeconds", variable: "HEARTBEAT_INTERVAL", least: 0.05, roles: BOTH },
  { argument: "heartbeatTimeoutSeconds", variable: "HEARTBEAT_TIMEOUT", least: 0.1, roles: BOTH },
  { argument: "gossipIntervalSeconds", variable: "GOSSIP_INTERVAL", least: 0.05, roles: ["controller"] },
  { argument: "antiEntropyIntervalSeconds", variable: "ANTI_ENTROPY_INTERVAL", least: 0.1, roles: ["controller"] },
  { argument: "repairIntervalSeconds", variable: "REPAIR_INTERVAL", least: 0.1, roles: ["controller"] },
  { argument: "scrubIntervalSeconds", variable: "SCRUB_INTERVAL", least: 0.1, roles: ["chunkserver"] },
  { argument: "tokenLifetimeSeconds", variable: "TOKEN_TTL", least: 1, roles: ["controller"] },
  { argument: "orphanGraceSeconds", variable: "ORPHAN_GRACE", least: 60, roles: BOTH },
  { argument: "replacedGraceSeconds", variable: "REPLACED_GRACE", least: 0, roles: BOTH },
  { argument: "tombstoneLifetimeSeconds", variable: "TOMBSTONE_TTL", least: 1, roles: BOTH },
];

/** Longest duration that nodes take, 100 years. */
export const MOST_SECONDS = 3_155_760_000;

/** The store's own defaults of the two that must fit together. Source: workloads/chunkstore/contract/settings.ts, compared by a test. */
export const HEARTBEAT_DEFAULTS = { interval: 1, timeout: 6 } as const;

/** The variables of a role for the timings that were given. */
export function timingVariables(timings: Timings, role: Role): Readonly<Record<string, string>> {
  return Object.fromEntries(TIMINGS.flatMap(({ argument, variable, roles }) => {
    const seconds = timings[argument];
    return seconds === undefined || !roles.includes(role) ? [] : [[variable, decimal(seconds)] as const];
  }));
}

/** Without an exponent, which nodes don't read. */
function decimal(seconds: number): string {
  return String(seconds).includes("e") ? seconds.toFixed(6) : String(seconds);
}
