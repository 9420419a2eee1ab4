/** All nodes stop and start at once: healthy in time, the same metadata everywhere, every file there. */
import { allReadable, prepareFiles } from "./files";
import type { StoreDrill } from "./drill";
import { DEADLINES, MiB, TARGETS } from "./targets";

export const startup: StoreDrill = {
  name: "startup",
  summary: "all nodes stop and start at once, as after a power cut",
  breaks: (store) => `stops all ${store.nodes.length} nodes at once: nothing can be read or stored until they are back`,
  putsBack: "starts them all at once, deletes its files",
  run: async (context, store) => {
    const known = await prepareFiles(context, store, [64 * 1024, 9 * MiB]);
    const away = await context.step(`stop all ${store.nodes.length} nodes`, () => Promise.all(store.nodes.map((node) => store.stop(context, node))));
    const since = context.clock.now();
    await context.step("start them all", () => Promise.all(away.map((handle) => handle.perform())));
    await context.reaches(`all-${store.nodes.length}-nodes-healthy`, { deadlineSeconds: DEADLINES.healthy, target: TARGETS.healthy, since }, async (signal) => (await store.notRunning(signal)) ?? store.notWell(signal));
    await context.reaches("metadata-converged", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged }, (signal) => store.unequal(signal));
    await context.reaches("whole-again", { deadlineSeconds: DEADLINES.healed, since }, store.whole);
    await context.check("files-intact", () => allReadable(store, known, context.signal));
  },
};
