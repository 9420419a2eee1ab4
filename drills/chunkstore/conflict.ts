/** The same names are written on both sides of a partition, and one is deleted on one side: after healing all controllers agree on the same winner. */
import { partition } from "../engine/partition";
import { below } from "../random";
import { until } from "../wait";
import type { ControllerNode, StoreNode } from "./access";
import type { Content } from "./content";
import { prepareFiles } from "./files";
import type { StoreDrill } from "./drill";
import { alive, type ChunkStore, type StoreDrillContext } from "./store";
import { DEADLINES, MiB, TARGETS } from "./targets";

/** Each side needs so many chunkservers to keep an upload safe. */
const CHUNKSERVERS_EACH = 2;
/** Between the writes of the two sides: more than clocks that are kept in time differ, so that the later one is known. */
const APART_MS = 1_500;

interface Sides { readonly few: readonly ControllerNode[]; readonly many: readonly ControllerNode[] }

/** One name, what each side does to it, and what must be there in the end: the later of the two. */
interface Case { readonly name: string; readonly winner: string | "deleted"; readonly what: string }

export const conflict: StoreDrill = {
  name: "conflict",
  summary: "the same names are written on both sides of a partition; all controllers agree on the winner",
  breaks: (store) => `moves one controller and ${CHUNKSERVERS_EACH} of ${store.chunkservers.length} chunkservers to a side network, and writes the same names on both sides`,
  putsBack: "joins them to their network again, removes the side network, deletes its files",
  skip: (store) => (store.controllers.length < 2 || store.chunkservers.length < 2 * CHUNKSERVERS_EACH
    ? `it needs two controllers and ${2 * CHUNKSERVERS_EACH} chunkservers; there are ${store.controllers.length} and ${store.chunkservers.length}` : undefined),
  run: async (context, store) => {
    const before = await prepareFiles(context, store, [5 * MiB, 5 * MiB, 5 * MiB]);
    const [contended, deletedFirst, deletedLast] = before.map(({ name }) => name);
    if (contended === undefined || deletedFirst === undefined || deletedLast === undefined) throw new Error("the drill has too few files");
    const [a, b] = [await store.content(context, 6 * MiB), await store.content(context, 7 * MiB)];
    const { sides, heal } = await divide(context, store);
    const both = { few: store.client(...sides.few), many: store.client(...sides.many) };
    const { signal, clock } = context;
    await context.step("overwrite on the small side, and delete there", async () => {
      await both.few.upload(a.file, contended, signal);
      await both.few.remove(deletedFirst, signal);
      await both.few.upload(a.file, deletedLast, signal);
    });
    await clock.sleep(APART_MS, signal);
    await context.step("write the same names on the other side", async () => {
      await both.many.upload(b.file, contended, signal);
      await both.many.upload(b.file, deletedFirst, signal);
      await both.many.remove(deletedLast, signal);
    });
    const cases: readonly Case[] = [
      { name: contended, winner: b.sha256, what: "write against write" },
      { name: deletedFirst, winner: b.sha256, what: "write against an earlier delete" },
      { name: deletedLast, winner: "deleted", what: "delete against an earlier write" },
    ];
    await context.check("each-side-serves-its-own", () => ownView(context, store, sides, { a, b }, contended));
    await agree(context, store, heal, cases);
  },
};

/** Cuts the store in two, and waits until both sides know it: what is written before that is not written on both sides. */
async function divide(context: StoreDrillContext, store: ChunkStore): Promise<{ sides: Sides; heal: () => Promise<void> }> {
  const index = below(context.random, store.controllers.length);
  const sides: Sides = { few: store.controllers.slice(index, index + 1), many: store.controllers.filter((_, other) => other !== index) };
  const moved: readonly StoreNode[] = [...sides.few, ...store.chunkservers.slice(0, CHUNKSERVERS_EACH)];
  const heal = await context.step(`cut ${moved.map(({ name }) => name).join(", ")} off`, () => partition({
    engine: store.engine, undo: context.undo, network: store.network, side: `${store.network}-${context.tag}`, minority: moved, signal: context.signal,
  }));
  await context.reaches("each-side-sees-itself-only", { deadlineSeconds: DEADLINES.noticed }, async (signal) => {
    const expected = [[sides.few, CHUNKSERVERS_EACH], [sides.many, store.chunkservers.length - CHUNKSERVERS_EACH]] as const;
    for (const [side, chunkservers] of expected) {
      for (const { controllers, chunkservers: servers, nodeId } of await store.statuses(signal, side)) {
        if (alive(controllers) !== side.length || alive(servers) !== chunkservers) return `${nodeId} sees ${alive(controllers)} controllers and ${alive(servers)} chunkservers; expected ${side.length} and ${chunkservers}`;
      }
    }
    return undefined;
  });
  return { sides, heal };
}

async function ownView(context: StoreDrillContext, store: ChunkStore, sides: Sides, written: { readonly a: Content; readonly b: Content }, name: string): Promise<{ ok: boolean; detail: string }> {
  const [few, many] = [await store.client(...sides.few).read(name, context.signal), await store.client(...sides.many).read(name, context.signal)];
  const ok = few === written.a.sha256 && many === written.b.sha256;
  return { ok, detail: ok ? "both sides stayed writable and readable" : "a side does not serve what was stored through it" };
}

async function agree(context: StoreDrillContext, store: ChunkStore, heal: () => Promise<void>, cases: readonly Case[]): Promise<void> {
  const { clock, signal } = context;
  await context.step("heal the network", heal);
  const since = clock.now();
  await context.step("first gossip between the sides", async () => {
    const { missing } = await until(async (looking) => ((await store.statuses(looking)).every(({ controllers }) => alive(controllers) === store.controllers.length) ? undefined : "the sides don't hear each other yet"),
      { deadlineSeconds: DEADLINES.healed, clock, signal });
    if (missing !== undefined) throw new Error(missing);
  });
  await context.reaches("converged-after-the-first-gossip", { deadlineSeconds: DEADLINES.converged, target: TARGETS.converged, since: clock.now() }, (looking) => store.unequal(looking));
  for (const { name, winner, what } of cases) {
    await context.check(`same-winner: ${what}`, async () => {
      const seen = await Promise.all(store.controllers.map((controller) => outcome(context, store, controller, name)));
      if (new Set(seen).size !== 1) return { ok: false, detail: `controllers disagree: ${store.controllers.map((controller, at) => `${controller.name} ${seen[at]?.slice(0, 8) ?? ""}`).join(", ")}` };
      return { ok: seen[0] === winner, detail: seen[0] === winner ? "the later one, on every controller" : `every controller holds ${seen[0]?.slice(0, 8) ?? ""}, which is not the later one` };
    });
  }
  await context.reaches("healed", { deadlineSeconds: DEADLINES.healed, target: TARGETS.healed, since }, store.whole);
}

/** SHA-256 of what a controller serves under a name, or `deleted`. */
async function outcome(context: StoreDrillContext, store: ChunkStore, controller: ControllerNode, name: string): Promise<string> {
  const client = store.client(controller);
  const listed = (await client.list(context.signal)).some((entry) => entry.name === name);
  return listed ? client.read(name, context.signal) : "deleted";
}
