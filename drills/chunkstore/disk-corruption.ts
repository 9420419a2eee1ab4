/** Bytes of a chunk are flipped on one disk: readers never get them, the store notices, puts the chunk aside and makes a good replica again. */
import type { Probe } from "../model";
import { below, shuffled } from "../random";
import { until } from "../wait";
import type { StoreNode } from "./access";
import { corrupt, onDisk } from "./disks";
import type { StoreDrill } from "./drill";
import { prepareFiles, underReplicated, type Chunk } from "./files";
import type { ChunkStore, StoreDrillContext } from "./store";
import { DEADLINES, MiB } from "./targets";
import { during, noFailures, reading } from "./workload";

/** More than a controller's cache of chunks (48 MiB by default), so that reading the whole file again and again reaches the disks. */
const FILE_BYTES = 64 * MiB;
/** At each controller: what is busy is passed over for another chunkserver, so that sooner or later each one is read from. */
const READERS_EACH = 2;
/** When reads have not met the chunk for so long, its chunkserver is restarted: it verifies its whole disk soon after it has started. */
const READING_SECONDS = 20;

export const diskCorruption: StoreDrill = {
  name: "disk-corruption",
  summary: "bytes of a chunk are flipped on one disk; they are never served, and are repaired",
  breaks: () => `flips a byte of one chunk of its own file on one chunkserver's disk; restarts that chunkserver if no read meets the chunk within ${READING_SECONDS} s`,
  putsBack: "waits for the store's own repair, deletes its file",
  skip: (store) => (store.replicas < 2 ? "with one replica nothing can be repaired" : undefined),
  run: async (context, store) => {
    const { signal } = context;
    const [file] = await prepareFiles(context, store, [FILE_BYTES]);
    if (file === undefined) throw new Error("the drill has no file");
    await context.reaches("replicated-before", { deadlineSeconds: DEADLINES.repaired }, (looking) => underReplicated(store, [file.name], store.replicas, looking));
    const damage = await choose(context, store, file.name);
    const { node, chunk } = damage;
    const readers = store.controllers.flatMap((controller) => Array.from({ length: READERS_EACH }, () => reading(store.client(controller), [file], context.random)));
    await context.step(`flip a byte of chunk ${chunk.index} on ${node.name}`, () => corrupt(store, node, damage.upload, chunk, below(context.random, chunk.size), signal));
    const since = context.clock.now();
    const account = await during({ clock: context.clock, signal, operations: readers }, () => repaired(context, store, damage, since));
    await context.check("corrupt-bytes-never-served", () => noFailures(account));
  },
};

interface Damage { readonly node: StoreNode; readonly upload: string; readonly chunk: Chunk }

async function choose(context: StoreDrillContext, store: ChunkStore, name: string): Promise<Damage> {
  const { upload, chunks } = await store.client().locations(name, context.signal);
  const chunk = chunks[below(context.random, chunks.length)];
  if (chunk === undefined) throw new Error(`${name} has no chunk`);
  for (const node of shuffled(context.random, store.chunkservers)) {
    if ((await onDisk(store, node, upload, chunk, context.signal)) === "good") return { node, upload, chunk };
  }
  throw new Error("no chunkserver holds the drill's file");
}

async function repaired(context: StoreDrillContext, store: ChunkStore, { node, upload, chunk }: Damage, since: number): Promise<void> {
  const { clock, signal } = context;
  const undetected: Probe = async (looking) => ((await onDisk(store, node, upload, chunk, looking)) === "corrupt" ? `${node.name} still has the flipped bytes in place` : undefined);
  const byReading = await context.step("clients read the file", () => until(undetected, { deadlineSeconds: READING_SECONDS, intervalMs: 250, clock, signal }));
  if (byReading.missing === undefined) {
    await context.check("detected", () => ({ ok: true, seconds: byReading.seconds, detail: "when it was read" }));
  } else {
    await context.step(`restart ${node.name}, which then verifies its disk`, async () => (await store.stop(context, node)).perform());
    await context.reaches("detected", { deadlineSeconds: DEADLINES.repaired, since, intervalMs: 250 }, undetected);
  }
  await context.reaches("repaired", { deadlineSeconds: DEADLINES.repaired, since, intervalMs: 250 }, async (looking) => {
    const state = await onDisk(store, node, upload, chunk, looking);
    return state === "good" ? undefined : `the chunk is ${state} on ${node.name}`;
  });
}
