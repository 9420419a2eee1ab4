/** What a controller does by itself: it finds and hears the others, exchanges metadata, repairs, and looks after its volume. */
import { runLoop, type Loop, type Pause } from "./loops";
import type { Parts } from "./parts";
import type { Repair } from "./repair";

const DISCOVERY_MS = 5_000;
const SWEEP_MS = 1_000;
const VOLUME_MS = 5_000;

/** Asks DNS for controllers. */
export async function discover({ discovery, membership, nodePort }: Parts): Promise<void> {
  membership.seeds((await discovery.find()).map((address) => ({ address, port: nodePort })));
}

/** Runs all loops until the signal aborts; resolves when the last one has ended. Never rejects. */
export async function runBackground(parts: Parts, repair: Repair, repairPause: Pause, signal: AbortSignal): Promise<void> {
  const { options: { settings, log }, gossip, metrics, volume, chunkservers, membership } = parts;
  const loops: Loop[] = [
    { name: "discovery", intervalMs: DISCOVERY_MS, work: () => discover(parts) },
    { name: "gossip", intervalMs: settings.gossipIntervalMs, work: () => gossipRound(parts) },
    {
      name: "anti-entropy", intervalMs: settings.antiEntropyIntervalMs, work: async () => {
        const end = metrics.antiEntropySeconds.startTimer();
        const { differed, sent, received } = await gossip.antiEntropyRound();
        end();
        log[differed > 0 ? "info" : "debug"]({ differed, sent, received }, "anti-entropy round complete");
      },
    },
    {
      name: "sweep", intervalMs: SWEEP_MS, work: async () => {
        chunkservers.learn(membership.members("chunkserver"));
        chunkservers.sweep();
      },
    },
    { name: "volume", intervalMs: VOLUME_MS, work: () => volume.check() },
    {
      name: "repair", intervalMs: settings.repairIntervalMs, pause: repairPause, work: async (stop) => {
        const { seconds, replicated, orphans } = await repair.cycle(stop);
        metrics.repairSeconds.observe(seconds);
        metrics.repairedChunks.inc(replicated);
        metrics.orphansRemoved.inc(orphans);
      },
    },
  ];
  await Promise.all(loops.map((loop) => runLoop(loop, log, signal)));
}

async function gossipRound({ gossip, metrics, membership, monotonic, contact }: Parts): Promise<void> {
  const started = monotonic();
  const end = metrics.gossipSeconds.startTimer();
  const { failed } = await gossip.round();
  end();
  if (failed === 0 && membership.members("controller").every(({ alive }) => alive)) contact.at = started;
}
