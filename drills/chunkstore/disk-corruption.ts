/** Bytes of a chunk are flipped on one disk: readers never get them, the store notices, puts the chunk aside and makes a good replica again. */
import { below } from "../random";
import { badlyStored, corrupt, onDisk } from "./disks";
import { prepareFiles } from "./files";
import type { StoreDrill } from "./drill";
import { DEADLINES, MiB } from "./targets";
import { during, noFailures, reading, type Operation } from "./workload";

/** More than a controller's cache of chunks (48 MiB by default), so that reading the whole file again and again reaches the disks. */
const FILE_BYTES = 64 * MiB;

export const diskCorruption: StoreDrill = {
  name: "disk-corruption",
  summary: "bytes of a chunk are flipped on one disk; they are never served, and are repaired",
  breaks: () => "flips a byte of one chunk of its own file on one chunkserver's disk",
  putsBack: "waits for the store's own repair, deletes its file",
  skip: (store) => (store.replicas < 2 ? "with one replica nothing can be repaired" : undefined),
  run: async (context, store) => {
    const { signal } = context;
    const [file] = await prepareFiles(context, store, [FILE_BYTES]);
    if (file === undefined) throw new Error("the drill has no file");
    await context.reaches("replicated-before", { deadlineSeconds: DEADLINES.repaired }, async (looking) => badlyStored(store, await store.client().locations(file.name, looking), store.replicas, looking));
    const locations = await store.client().locations(file.name, signal);
    const chunk = locations.chunks[below(context.random, locations.chunks.length)];
    const holders = chunk && await Promise.all(store.chunkservers.map(async (node) => ({ node, state: await onDisk(store, node, locations.upload, chunk, signal) })));
    const victim = holders?.filter(({ state }) => state === "good")[0]?.node;
    if (chunk === undefined || victim === undefined) throw new Error("no chunkserver holds the drill's file");
    const readers = store.controllers.map((controller): Operation => reading(store.client(controller), [file], context.random));
    await context.step(`flip a byte of chunk ${chunk.index} on ${victim.name}`, () => corrupt(store, victim, locations.upload, chunk, below(context.random, chunk.size), signal));
    const since = context.clock.now();
    const account = await during({ clock: context.clock, signal, operations: readers }, async () => {
      const state = (looking: AbortSignal): ReturnType<typeof onDisk> => onDisk(store, victim, locations.upload, chunk, looking);
      await context.reaches("detected", { deadlineSeconds: DEADLINES.repaired, since, intervalMs: 500 }, async (looking) => ((await state(looking)) === "corrupt" ? `${victim.name} still has the flipped bytes in place` : undefined));
      await context.reaches("repaired", { deadlineSeconds: DEADLINES.repaired, since, intervalMs: 500 }, async (looking) => {
        const now = await state(looking);
        return now === "good" ? undefined : `the chunk is ${now} on ${victim.name}`;
      });
    });
    await context.check("corrupt-bytes-never-served", () => noFailures(account));
  },
};
