/** Controllers are stopped and started one at a time, while clients list, upload and download without a failure. */
import { until } from "../wait";
import { allReadable, prepareFiles, unlisted } from "./files";
import type { StoreDrill } from "./drill";
import type { ChunkStore, StoreDrillContext } from "./store";
import type { ControllerNode } from "./access";
import { DEADLINES, MiB, TARGETS } from "./targets";
import { alive } from "./store";
import { during, listing, noFailures, reading, writing, type KnownFile, type Workload } from "./workload";

/** Operations of each kind that must come to their end while a controller is away. */
const ROUNDS_WITHOUT_IT = 5;

export const controllerRestart: StoreDrill = {
  name: "controller-restart",
  summary: "controllers stop and start one at a time while clients go on working",
  breaks: (store) => `stops ${store.controllers.map(({ name }) => name).join(", ")}, one at a time, for a few seconds each`,
  putsBack: "starts each again, deletes its files",
  skip: (store) => (store.controllers.length < 2 ? "it needs two controllers" : undefined),
  run: async (context, store) => {
    const known = await prepareFiles(context, store, [64 * 1024, 9 * MiB]);
    const small = await store.content(context, 256 * 1024);
    const acknowledged: KnownFile[] = [];
    const account = await during({
      clock: context.clock, signal: context.signal,
      operations: [
        listing(store.client(), known),
        reading(store.client(), known, context.random),
        writing(store.client(), small, `${context.tag}-during`, (file) => acknowledged.push(file)),
      ],
    }, async (workload) => {
      for (const controller of store.controllers) await restart(context, store, controller, workload, acknowledged);
    });
    await context.check("no-failed-operations", () => noFailures(account));
    await context.reaches("metadata-equal", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged }, (signal) => store.unequal(signal));
    await context.check("acknowledged-files-intact", () => allReadable(store, [...known, ...acknowledged.slice(-3)], context.signal));
    await context.check("acknowledged-files-listed", async () => {
      const detail = await unlisted(store, [...known, ...acknowledged], context.signal);
      return { ok: detail === undefined, detail: detail ?? `${known.length + acknowledged.length} files` };
    });
  },
};

async function restart(context: StoreDrillContext, store: ChunkStore, controller: ControllerNode, workload: Workload, acknowledged: readonly KnownFile[]): Promise<void> {
  const away = await context.step(`stop ${controller.name}`, () => store.stop(context, controller));
  await context.step(`clients work without ${controller.name}`, async () => {
    const enough = workload.rounds + ROUNDS_WITHOUT_IT;
    const { missing } = await until(() => Promise.resolve(workload.rounds >= enough ? undefined : "clients got too little done"),
      { deadlineSeconds: DEADLINES.noticed, clock: context.clock, signal: context.signal });
    if (missing !== undefined) throw new Error(missing);
  });
  const [since, written] = [context.clock.now(), [...acknowledged]];
  await context.step(`start ${controller.name}`, () => away.perform());
  await context.reaches(`${controller.name}-converged`, { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged, since }, async (signal) => {
    const client = store.client(controller);
    const { status, reasons } = await client.health(signal);
    if (status !== "ok") return `${controller.name} is ${status} ${reasons.join(", ")}`.trim();
    const seen = alive((await client.cluster(signal)).controllers);
    return seen < store.controllers.length ? `it sees ${seen} of ${store.controllers.length} controllers` : unlisted(store, written, signal, [controller]);
  });
}
