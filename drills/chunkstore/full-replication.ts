/** Every chunk of an upload is on every chunkserver (or on as many as the replication factor asks for), by the store's records and by the bytes on the disks. */
import { badlyStored } from "./disks";
import { storeFile, underReplicated } from "./files";
import type { StoreDrill } from "./drill";
import { MiB } from "./targets";

/** An upload goes to all of them in parallel; what is missing shortly after it was acknowledged has to wait for repair. */
const DEADLINE_SECONDS = 30;

export const fullReplication: StoreDrill = {
  name: "full-replication",
  summary: "every chunk of an upload lies on all chunkservers, by record and by the bytes on disk",
  breaks: () => "nothing",
  putsBack: "deletes its files",
  // It says where chunks are missing, which is what one wants to know of a store that is not well.
  runsBroken: true,
  run: async (context, store) => {
    await context.undo.add({ kind: "delete-files", prefix: context.tag });
    const sizes = [1, 4 * MiB, 9 * MiB + 1];
    const files = await context.step(`upload ${sizes.length} files`, async () => {
      const stored = [];
      for (const [index, size] of sizes.entries()) stored.push(await storeFile(context, store, `${context.tag}-${index}`, size));
      return stored;
    });
    const where = `on ${store.replicas} of ${store.chunkservers.length} chunkservers`;
    await context.reaches("every-chunk-recorded", { deadlineSeconds: DEADLINE_SECONDS }, (signal) => underReplicated(store, files.map(({ name }) => name), store.replicas, signal));
    await context.check("every-chunk-on-disk", async () => {
      let chunks = 0;
      for (const { name } of files) {
        const locations = await store.client().locations(name, context.signal);
        chunks += locations.chunks.length;
        const detail = await badlyStored(store, locations, store.replicas, context.signal);
        if (detail !== undefined) return { ok: false, detail };
      }
      return { ok: chunks > 0, detail: `${chunks} chunks, each ${where}` };
    });
  },
};
