/** One controller is cut off from everything; the others go on, it says what it can't do, and after healing all agree. */
import type { ClusterStatus } from "../../workloads/chunkstore/contract/clientApi";
import { partition } from "../engine/partition";
import { reasonOf } from "../errors";
import { below } from "../random";
import { until } from "../wait";
import type { ControllerNode } from "./access";
import { allReadable, prepareFiles, storeFile, unlisted } from "./files";
import type { StoreDrill } from "./drill";
import { alive, type ChunkStore, type StoreDrillContext } from "./store";
import { DEADLINES, MiB, TARGETS } from "./targets";
import { during, listing, noFailures, reading, type KnownFile } from "./workload";

export const partitionDrill: StoreDrill = {
  name: "partition",
  summary: "one controller is cut off, a file is stored through another, the network heals",
  breaks: (store) => `moves one of ${store.controllers.length} controllers from network ${store.network} to a side network, until a file was stored without it`,
  putsBack: "joins it to its network again, removes the side network, deletes its files",
  skip: (store) => (store.controllers.length < 2 ? "it needs two controllers" : undefined),
  run: async (context, store) => {
    const known = await prepareFiles(context, store, [64 * 1024, 9 * MiB]);
    const alone = store.controllers[below(context.random, store.controllers.length)];
    if (alone === undefined) throw new Error("the store has no controller");
    const majority = store.controllers.filter((controller) => controller !== alone);
    const written: KnownFile[] = [];
    const client = store.client(...majority);
    const account = await during({
      clock: context.clock, signal: context.signal,
      operations: [listing(client, known), reading(client, known, context.random)],
    }, async (workload) => {
      const heal = await context.step(`cut ${alone.name} off`, () => partition({
        engine: store.engine, undo: context.undo, network: store.network, side: `${store.network}-${context.tag}`, minority: [alone], signal: context.signal,
      }));
      await context.check("upload-through-the-majority", async () => {
        written.push(await storeFile(context, store, `${context.tag}-meanwhile`, 5 * MiB, ...majority));
        return { ok: true, detail: "acknowledged while one controller was cut off" };
      });
      await minorityIsHonest(context, store, alone, known);
      const rounds = workload.rounds;
      await context.reaches("clients-went-on", { deadlineSeconds: DEADLINES.noticed }, () => Promise.resolve(workload.rounds > rounds + 3 ? undefined : "clients got too little done"));
      await healed(context, store, { alone, heal, written: [...known, ...written] });
    });
    await context.check("no-failed-reads", () => noFailures(account));
    await context.check("same-files-everywhere", () => allReadable(store, [...known, ...written], context.signal));
  },
};

/** It may serve what it has; it must not promise what it can't keep, nor call itself well. */
async function minorityIsHonest(context: StoreDrillContext, store: ChunkStore, alone: ControllerNode, known: readonly KnownFile[]): Promise<void> {
  const client = store.client(alone);
  const isolated = ({ controllers, chunkservers }: ClusterStatus): string | undefined =>
    alive(controllers) > 1 || alive(chunkservers) > 0 ? `it still counts ${alive(controllers)} controllers and ${alive(chunkservers)} chunkservers as living` : undefined;
  await context.reaches("minority-knows-that-it-is-alone", { deadlineSeconds: DEADLINES.noticed }, async (signal) => {
    const { status } = await client.health(signal);
    return status === "ok" ? "its health still says ok" : isolated(await client.cluster(signal));
  });
  await context.check("minority-refuses-uploads", async () => {
    const content = await store.content(context, 64 * 1024);
    try {
      await client.upload(content.file, `${context.tag}-through-the-minority`, context.signal);
    } catch (error) {
      context.signal.throwIfAborted();
      return { ok: true, detail: reasonOf(error) };
    }
    return { ok: false, detail: "it acknowledged an upload that no chunkserver can have" };
  });
  await context.check("minority-serves-right-bytes-or-none", async () => {
    for (const { name, content } of known) {
      let sha256: string;
      try {
        sha256 = await client.read(name, context.signal);
      } catch (error) {
        context.signal.throwIfAborted();
        return { ok: true, detail: `it says: ${reasonOf(error)}` };
      }
      if (sha256 !== content.sha256) return { ok: false, detail: `${name} came with other bytes than were stored` };
    }
    return { ok: true, detail: "every file came from its cache" };
  });
}

async function healed(context: StoreDrillContext, store: ChunkStore, { alone, heal, written }: { alone: ControllerNode; heal: () => Promise<void>; written: readonly KnownFile[] }): Promise<void> {
  const { clock, signal } = context;
  await context.step("heal the network", heal);
  const since = clock.now();
  await context.step(`first gossip of ${alone.name}`, async () => {
    const { missing } = await until(async (looking) => (alive((await store.client(alone).cluster(looking)).controllers) > 1 ? undefined : "it hears nobody yet"),
      { deadlineSeconds: DEADLINES.healed, clock, signal });
    if (missing !== undefined) throw new Error(missing);
  });
  const contact = clock.now();
  await context.reaches("converged-after-the-first-gossip", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged, since: contact },
    async (looking) => (await unlisted(store, written, looking)) ?? store.unequal(looking));
  await context.reaches("healed", { deadlineSeconds: DEADLINES.healed, target: TARGETS.healed, since }, store.whole);
}
