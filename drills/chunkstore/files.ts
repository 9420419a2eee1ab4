/** A drill's own files in the store: put there, seen everywhere, read through every controller. */
import type { FileLocations } from "../../workloads/chunkstore/contract/clientApi";
import { reasonOf } from "../errors";
import type { Verdict } from "../model";
import { until } from "../wait";
import type { ControllerNode } from "./access";
import type { ChunkStore, StoreDrillContext } from "./store";
import { DEADLINES } from "./targets";
import type { KnownFile } from "./workload";

/** Stores files of these sizes, to be deleted at the end at the latest, and waits until every controller lists them. */
export async function prepareFiles(context: StoreDrillContext, store: ChunkStore, sizes: readonly number[]): Promise<KnownFile[]> {
  await context.undo.add({ kind: "delete-files", prefix: context.tag });
  const known: KnownFile[] = [];
  await context.step(`upload ${sizes.length} files`, async () => {
    for (const [index, size] of sizes.entries()) known.push(await storeFile(context, store, `${context.tag}-before-${index}`, size));
  });
  await context.step("wait until every controller lists them", async () => {
    const { missing } = await until((signal) => unlisted(store, known, signal), { deadlineSeconds: DEADLINES.converged, clock: context.clock, signal: context.signal });
    if (missing !== undefined) throw new Error(missing);
  });
  return known;
}

/** Stores one new file through any of the controllers, or through those given. */
export async function storeFile(context: StoreDrillContext, store: ChunkStore, name: string, size: number, ...controllers: readonly ControllerNode[]): Promise<KnownFile> {
  const content = await store.content(context, size);
  await store.client(...controllers).upload(content.file, name, context.signal);
  return { name, content };
}

/** Files that a controller doesn't list, or lists with another content. */
export async function unlisted(store: ChunkStore, known: readonly KnownFile[], signal: AbortSignal, controllers: readonly ControllerNode[] = store.controllers): Promise<string | undefined> {
  for (const controller of controllers) {
    const listed = new Map((await store.client(controller).list(signal)).map((entry) => [entry.name, entry.sha256]));
    const missing = known.filter(({ name, content }) => listed.get(name) !== content.sha256);
    if (missing.length > 0) return `${controller.name} does not list ${missing.length} of ${known.length} files, such as ${missing[0]?.name ?? ""}`;
  }
  return undefined;
}

/** Every file, through each of these controllers alone, with the bytes that were stored. */
export async function allReadable(store: ChunkStore, known: readonly KnownFile[], signal: AbortSignal, controllers: readonly ControllerNode[] = store.controllers): Promise<Verdict> {
  for (const controller of controllers) {
    for (const { name, content } of known) {
      const fault = await readFault(store, controller, name, content.sha256, signal);
      if (fault !== undefined) return { ok: false, detail: fault };
    }
  }
  return { ok: true, detail: `${known.length} files read through ${controllers.length === 1 ? controllers[0]?.name : `each of ${controllers.length} controllers`}` };
}

async function readFault(store: ChunkStore, controller: ControllerNode, name: string, sha256: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await store.client(controller).read(name, signal)) === sha256 ? undefined : `${name} through ${controller.name}: other bytes than were stored`;
  } catch (error) {
    signal.throwIfAborted();
    return `${name} through ${controller.name}: ${reasonOf(error)}`;
  }
}

/** Files of which a chunk is not recorded on as many chunkservers as it should be, by every controller. */
export async function underReplicated(store: ChunkStore, names: readonly string[], replicas: number, signal: AbortSignal): Promise<string | undefined> {
  for (const controller of store.controllers) {
    const client = store.client(controller);
    for (const name of names) {
      const { chunks } = await client.locations(name, signal);
      const few = chunks.find(({ chunkservers }) => new Set(chunkservers).size < replicas);
      if (few) return `${controller.name} knows chunk ${few.index} of ${name} on ${few.chunkservers.length} of ${replicas} chunkservers`;
    }
  }
  return undefined;
}

export type Chunk = FileLocations["chunks"][number];

/** Path of a chunk's file inside a chunkserver's container, as the chunkserver lays it out. */
export function chunkPath(dataFolder: string, upload: string, chunk: Pick<Chunk, "index" | "sha256">): string {
  return `${dataFolder}/chunks/${upload}/${chunk.index}.${chunk.sha256}`;
}
