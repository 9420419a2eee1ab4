/** Controllers and chunkservers are killed while files are uploaded: what was acknowledged is kept, what was not is there as a whole or not at all. */
import { reasonOf } from "../errors";
import { below, shuffled } from "../random";
import { until } from "../wait";
import type { ControllerNode, StoreNode } from "./access";
import type { Content } from "./content";
import { prepareFiles, unlisted } from "./files";
import type { StoreDrill } from "./drill";
import type { ChunkStore, StoreDrillContext } from "./store";
import { DEADLINES, MiB, TARGETS } from "./targets";
import type { KnownFile } from "./workload";

/** Kills of controllers, and as many of chunkservers. */
const KILLS_EACH = 4;
/** Big enough to be under way for a while, and of several chunks. */
const UPLOAD_BYTES = 16 * MiB;
/** At the same time, each through another controller first. */
const UPLOADS_AT_ONCE = 3;
/** So small that it is acknowledged while the others are under way. */
const EARLY_BYTES = 64 * 1024;
/** Kills that come when every byte was sent, and the uploads wait to be acknowledged. */
const AT_THE_END = 0.15;

/** `alone`: through the controller that was killed, by a client that knows no other. */
interface Attempt { readonly file: KnownFile; readonly alone: boolean; readonly acknowledged: boolean; readonly reason?: string }

export const crashDuringUpload: StoreDrill = {
  name: "crash-during-upload",
  summary: "controllers and chunkservers are killed during uploads; nothing acknowledged is lost, nothing partial is visible",
  breaks: (store) => `kills (SIGKILL) ${store.controllers.length > 1 ? "a" : "the"} controller ${KILLS_EACH} times${store.mostLosses > 0 ? ` and chunkservers ${KILLS_EACH} times` : ""}, at seeded moments of uploads`,
  putsBack: "starts each again, deletes its files",
  run: async (context, store) => {
    const before = await prepareFiles(context, store, [64 * 1024]);
    const content = await store.content(context, UPLOAD_BYTES);
    // The only controller takes every upload under way with it: without this one nothing would be acknowledged that could be lost.
    const early = store.controllers.length === 1 ? await store.content(context, EARLY_BYTES) : undefined;
    const attempts: Attempt[] = [];
    for (let round = 0; round < 2 * KILLS_EACH; round++) {
      const controller = round % 2 === 0 ? pick(context, store.controllers) : undefined;
      const victims = controller ? [controller] : shuffled(context.random, store.chunkservers).slice(0, mayCrash(store, context));
      if (victims.length === 0) continue;
      attempts.push(...await killDuringUploads(context, store, { victims, content, round, part: Math.min(1, context.random() * (1 + AT_THE_END)), ...(controller && { controller }), ...(controller && early && { early }) }));
    }
    await judge(context, store, before, attempts);
  },
};

/** One or two chunkservers at once, as long as an upload finds enough others. */
function mayCrash(store: ChunkStore, context: StoreDrillContext): number {
  return Math.min(1 + below(context.random, 2), store.mostLosses);
}

function pick<T>(context: StoreDrillContext, items: readonly T[]): T {
  const item = items[below(context.random, items.length)];
  if (item === undefined) throw new Error("the store has no node of this kind");
  return item;
}

/** Controllers in another order for each upload: the first is where it begins. */
function turned(controllers: readonly ControllerNode[], by: number): ControllerNode[] {
  const start = by % controllers.length;
  return [...controllers.slice(start), ...controllers.slice(0, start)];
}

interface Round {
  readonly victims: readonly StoreNode[];
  /** The victim, when it is one. */
  readonly controller?: ControllerNode;
  readonly content: Content;
  /** Of the first upload instead, which ends before the kill. */
  readonly early?: Content;
  readonly round: number;
  /** The moment: when so much of all uploads' bytes was sent, from 0 to 1. */
  readonly part: number;
}

async function killDuringUploads(context: StoreDrillContext, store: ChunkStore, { victims, controller, content, early, round, part }: Round): Promise<Attempt[]> {
  const names = victims.map(({ name }) => name).join(", ");
  const moment = Promise.withResolvers<void>();
  const contents = Array.from({ length: UPLOADS_AT_ONCE }, (_, index) => (index === 0 && early) || content);
  const total = contents.reduce((sum, { size }) => sum + size, 0);
  const sent = contents.map(() => 0);
  const uploads = contents.map((one, index) => {
    const alone = controller !== undefined && index === 0;
    const order = alone ? [controller] : turned(store.controllers, round + index);
    return attempt(context, store, { name: `${context.tag}-round-${round}-${index}`, content: one }, order, alone, (done) => {
      sent[index] = done;
      if (sent.reduce((sum, bytes) => sum + bytes, 0) >= part * total) moment.resolve();
    });
  });
  const settled = Promise.all(uploads);
  settled.then(() => moment.resolve(), moment.reject); // however the uploads end, nobody waits for ever
  const handles = await context.step(`kill ${names} when ${Math.round(part * 100)} % of ${UPLOADS_AT_ONCE} uploads were sent${early ? ", the first of them acknowledged" : ""}`, async () => {
    await Promise.all([moment.promise, early && uploads[0]]);
    return Promise.all(victims.map((node) => store.kill(context, node)));
  });
  const attempts = await context.step("uploads end", () => settled);
  await context.step(`start ${names}`, () => Promise.all(handles.map((handle) => handle.perform())));
  const { missing } = await until(store.whole, { deadlineSeconds: DEADLINES.healed, clock: context.clock, signal: context.signal });
  if (missing !== undefined) throw new Error(`the store is not whole after the crash of ${names}: ${missing}`);
  return attempts;
}

async function attempt(context: StoreDrillContext, store: ChunkStore, file: KnownFile, controllers: readonly ControllerNode[], alone: boolean, onProgress: (done: number) => void): Promise<Attempt> {
  try {
    await store.client(...controllers).upload(file.content.file, file.name, context.signal, onProgress);
    return { file, alone, acknowledged: true };
  } catch (error) {
    context.signal.throwIfAborted();
    return { file, alone, acknowledged: false, reason: reasonOf(error) };
  }
}

async function judge(context: StoreDrillContext, store: ChunkStore, before: readonly KnownFile[], attempts: readonly Attempt[]): Promise<void> {
  const uploaded = attempts.filter((attempt) => attempt.acknowledged).map(({ file }) => file);
  const acknowledged = [...before, ...uploaded];
  const refused = attempts.filter((attempt) => !attempt.acknowledged);
  await context.reaches("acknowledged-files-listed", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged }, (signal) => unlisted(store, acknowledged, signal));
  await context.check("no-acknowledged-file-lost", async () => {
    for (const [index, { name, content }] of acknowledged.entries()) {
      const controller = turned(store.controllers, index).slice(0, 1);
      if ((await store.client(...controller).read(name, context.signal)) !== content.sha256) return { ok: false, detail: `${name} came with other bytes than were stored` };
    }
    if (uploaded.length === 0) return { ok: false, detail: `not one of ${attempts.length} uploads was acknowledged, so none could be lost: ${refused[0]?.reason ?? ""}` };
    return { ok: true, detail: `${uploaded.length} of ${attempts.length} uploads were acknowledged; all of them and what was there before are intact` };
  });
  await context.check("no-partial-file-visible", async () => {
    const whole: string[] = [];
    for (const { file: { name, content } } of refused) {
      for (const controller of store.controllers) {
        const client = store.client(controller);
        if (!(await client.list(context.signal)).some((entry) => entry.name === name)) continue;
        whole.push(name);
        if ((await client.read(name, context.signal)) !== content.sha256) return { ok: false, detail: `${name} was not acknowledged and is visible with other bytes` };
      }
    }
    return { ok: true, detail: `${refused.length} of ${attempts.length} uploads were not acknowledged; ${new Set(whole).size} of their files are there, whole` };
  });
  if (store.controllers.length > 1) await context.check("clients-fail-over", () => {
    const several = attempts.filter(({ alone }) => !alone);
    const [failed, ...more] = several.filter((one) => !one.acknowledged);
    if (failed === undefined) return { ok: true, detail: `${several.length} uploads by clients that know all controllers, every one acknowledged` };
    return { ok: false, detail: `${more.length + 1} of ${several.length} uploads failed although their clients know all controllers: ${failed.reason ?? ""}` };
  });
}
