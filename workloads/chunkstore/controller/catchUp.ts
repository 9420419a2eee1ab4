/** What a controller does before it serves clients: it learns what happened while it was away, or all of it when its volume is new. */
import { setTimeout as delay } from "node:timers/promises";
import { discover } from "./background";
import type { Parts } from "./parts";

/** How long to wait for another controller that doesn't answer. */
const NO_ANSWER_MS = 2_000;
/** How long for one that does, and has much to tell. */
const EXCHANGE_MS = 15_000;
/** How long an empty controller that no other one told anything waits for chunkservers, which send heartbeats every second… */
const NO_CHUNKSERVER_MS = 3_000;
/** …and for their manifests. */
const MANIFESTS_MS = 15_000;
const LOOK_MS = 50;

/** Resolves when all that others tell is known here, or they take too long. */
export async function catchUp(parts: Parts): Promise<void> {
  const { gossip, membership, chunkservers, sync, store, options: { log } } = parts;
  await discover(parts);
  let exchanged = false;
  void gossip.round().then(() => { exchanged = true; });
  const answered = (): boolean => membership.members("controller").some(({ alive }) => alive);
  await waitFor(parts, () => exchanged, () => (answered() ? EXCHANGE_MS : NO_ANSWER_MS));
  chunkservers.learn(membership.members("chunkserver"));
  if (store.counts.files + store.counts.deletedNames > 0) return;
  // A new cluster, or a lost volume and nobody who could tell: an empty store must not answer for files that chunkservers know.
  const heard = (): string[] => chunkservers.living().filter(({ report }) => report !== undefined).map(({ id }) => id);
  await waitFor(parts, () => heard().length > 0 && heard().every((id) => sync.isSynced(id)), () => (heard().length > 0 ? MANIFESTS_MS : NO_CHUNKSERVER_MS));
  log.info({ files: store.counts.files, chunkservers: heard().length }, "started without metadata of its own");
}

async function waitFor({ monotonic, options: { signal } }: Parts, done: () => boolean, patienceMs: () => number): Promise<void> {
  const started = monotonic();
  while (!done() && monotonic() - started < patienceMs() && signal?.aborted !== true) await delay(LOOK_MS);
}
