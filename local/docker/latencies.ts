/** How long Docker's operations take in simulated seconds, and where each figure comes from. */
import type { Latency, ResourceModel } from "../model";

// Delays that the provider adds by itself: `…ReadRefreshDelay` and `…RemoveRefreshDelay`, 2 s each, before the first look.
const PROVIDER = "terraform-provider-docker 4.5: delay of its state waiters, plus the engine's call";
const ENGINE = "one call of a Docker engine on the same machine";
const ESTIMATE = "estimate: containers of the images of this project, without a pull";

type Row = readonly [create: number, update: number, del: number, read: number, source: string];

const ROWS: Readonly<Record<string, Row>> = {
  "docker:index/network:Network": [2.3, 0.1, 2.3, 2.1, PROVIDER],
  "docker:index/volume:Volume": [0.1, 0.1, 2.1, 0.1, PROVIDER],
  // The start of the process comes on top, in real time, and so does the wait for its health.
  "docker:index/container:Container": [0.7, 0.3, 0.6, 0.1, ESTIMATE],
  // Copies of bundles onto a base that is there; with `npm ci` inside it would be minutes.
  "docker:index/remoteImage:RemoteImage": [8, 0.2, 0.3, 0.1, ESTIMATE],
  "docker:index/image:Image": [8, 8, 0.1, 0.1, ESTIMATE],
  "docker:index/tag:Tag": [0.1, 0.1, 0.1, 0.1, ENGINE],
};

/** Latency of a type's operations. @throws {Error} when the type has none here */
export function latencyOf(type: string): ResourceModel["latency"] {
  const row = ROWS[type];
  if (!row) throw new Error(`type ${type} has no entry in local/docker/latencies.ts`);
  const [create, update, del, read, source] = row;
  const latency = (seconds: number): Latency => ({ seconds, source });
  return { create: latency(create), update: latency(update), delete: latency(del), read: latency(read) };
}

/** What the provider waits for users of a network or a volume to go, before a deletion fails: `networkRemoveRefreshTimeout`, `volumeReadRefreshTimeout`. */
export const REMOVAL_TIMEOUT_SECONDS = 30;
/** Its pause between two attempts: `MinTimeout` of the same waiters. */
export const REMOVAL_POLL_SECONDS = 5;
