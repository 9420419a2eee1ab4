/** One controller's metadata is spoilt on disk: it comes back with everything the others know. */
import { below } from "../random";
import type { TarFile } from "../engine/archive";
import { allReadable, prepareFiles, unlisted } from "./files";
import type { StoreDrill } from "./drill";
import { DEADLINES, MiB, TARGETS } from "./targets";

/** SQLite's files: the database, its log and the log's index. */
const DATABASE = /\.(db|sqlite)(-wal|-shm)?$/;

export const metadataLoss: StoreDrill = {
  name: "metadata-loss",
  summary: "one controller's database is spoilt; it recovers all metadata from the others",
  breaks: (store) => `stops one of ${store.controllers.length} controllers and overwrites its database with noise`,
  putsBack: "starts it again, which makes it fetch everything from the others; deletes its files",
  skip: (store) => (store.realEngine ? "it overwrites a database, which it does in the local cloud only" : store.controllers.length < 2 ? "it needs two controllers" : undefined),
  run: async (context, store) => {
    const known = await prepareFiles(context, store, [64 * 1024, 5 * MiB]);
    const controller = store.controllers[below(context.random, store.controllers.length)];
    if (controller === undefined) throw new Error("the store has no controller");
    const folder = await store.dataFolder(controller, context.signal);
    const away = await context.step(`stop ${controller.name}`, () => store.stop(context, controller));
    await context.step(`overwrite the database of ${controller.name} with noise`, async () => {
      const files = (await store.engine.getFiles(controller.container, folder, context.signal)) ?? [];
      const database = files.filter(({ name }) => DATABASE.test(name));
      if (database.length === 0) throw new Error(`${controller.name} has no database in ${folder}`);
      const noise = database.map((file): TarFile => ({ ...file, name: file.name.slice(file.name.indexOf("/") + 1), content: Buffer.alloc(Math.max(file.content.length, 4096), 0xa5) }));
      await store.engine.putFiles(controller.container, folder, noise, context.signal);
    });
    const since = context.clock.now();
    await context.step(`start ${controller.name}`, () => away.perform());
    await context.reaches("recovered", { deadlineSeconds: DEADLINES.healed, target: TARGETS.healed, since }, async (signal) => (await unlisted(store, known, signal, [controller])) ?? store.unequal(signal));
    await context.reaches("whole-again", { deadlineSeconds: DEADLINES.healed, since }, store.whole);
    await context.check("files-intact", () => allReadable(store, known, context.signal));
  },
};
