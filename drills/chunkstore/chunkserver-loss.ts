/** Three of five chunkservers are lost: everything stays readable and uploads go on; when they are back, repair makes up for what they missed. */
import { shuffled } from "../random";
import { badlyStored } from "./disks";
import { allReadable, prepareFiles, storeFile, underReplicated } from "./files";
import type { StoreDrill } from "./drill";
import { DEADLINES, MiB, TARGETS } from "./targets";
import { during, listing, noFailures, reading, type KnownFile } from "./workload";

export const chunkserverLoss: StoreDrill = {
  name: "chunkserver-loss",
  summary: "3 of 5 chunkservers are lost; reads and uploads go on, and repair re-replicates",
  breaks: (store) => `stops ${store.mostLosses} of ${store.chunkservers.length} chunkservers at once, until an upload was stored without them`,
  putsBack: "starts them again and waits for the repair, deletes its files",
  skip: (store) => (store.mostLosses < 1 ? "with these counts no chunkserver can be lost without losing files" : undefined),
  run: async (context, store) => {
    const known = await prepareFiles(context, store, [64 * 1024, 9 * MiB, 13 * MiB]);
    await context.reaches("replicated-before", { deadlineSeconds: DEADLINES.repaired }, (signal) => underReplicated(store, known.map(({ name }) => name), store.replicas, signal));
    const lost = shuffled(context.random, store.chunkservers).slice(0, store.mostLosses);
    const written: KnownFile[] = [];
    const account = await during({
      clock: context.clock, signal: context.signal,
      operations: [listing(store.client(), known), reading(store.client(), known, context.random)],
    }, async (workload) => {
      const away = await context.step(`stop ${lost.map(({ name }) => name).join(", ")}`, () => Promise.all(lost.map((node) => store.stop(context, node))));
      const rounds = workload.rounds;
      // At once: before the controllers have noticed the loss is the harder moment.
      await context.check("upload-acknowledged-by-the-rest", async () => {
        written.push(await storeFile(context, store, `${context.tag}-meanwhile`, 9 * MiB));
        return { ok: true, detail: `while ${lost.length} of ${store.chunkservers.length} chunkservers were away` };
      });
      const enough = store.writeQuorum;
      await context.reaches(`new-file-on-${enough}-living-chunkservers`, { deadlineSeconds: DEADLINES.converged }, (signal) => underReplicated(store, written.map(({ name }) => name), enough, signal));
      await context.check("old-files-readable-through-every-controller", () => allReadable(store, known, context.signal));
      await context.reaches("new-file-readable-through-every-controller", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged }, async (signal) => {
        const { ok, detail } = await allReadable(store, written, signal);
        return ok ? undefined : detail;
      });
      await context.reaches("clients-went-on", { deadlineSeconds: DEADLINES.noticed }, () => Promise.resolve(workload.rounds > rounds + 3 ? undefined : "clients got too little done"));
      const since = context.clock.now();
      await context.step(`start ${lost.map(({ name }) => name).join(", ")}`, () => Promise.all(away.map((handle) => handle.perform())));
      const names = [...known, ...written].map(({ name }) => name);
      await context.reaches("replicated-again", { deadlineSeconds: DEADLINES.repaired, since }, (signal) => underReplicated(store, names, store.replicas, signal));
    });
    await context.check("no-failed-reads", () => noFailures(account));
    for (const { name } of written) {
      await context.check("repaired-on-disk", async () => {
        const detail = await badlyStored(store, await store.client().locations(name, context.signal), store.replicas, context.signal);
        return { ok: detail === undefined, detail: detail ?? `every chunk of ${name} lies on ${store.replicas} disks` };
      });
    }
  },
};
