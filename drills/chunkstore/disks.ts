/** Chunks as they lie on the chunkservers' disks, seen past the store itself: through the engine. */
import { createHash } from "node:crypto";
import type { FileLocations } from "../../workloads/chunkstore/contract/clientApi";
import type { TarFile } from "../engine/archive";
import type { StoreNode } from "./access";
import { chunkPath, type Chunk } from "./files";
import type { ChunkStore } from "./store";

export type OnDisk = "good" | "absent" | "corrupt";

/** The chunk's file on one chunkserver; undefined when there is none. */
export async function chunkFile(store: ChunkStore, node: StoreNode, upload: string, chunk: Chunk, signal: AbortSignal): Promise<TarFile | undefined> {
  const path = chunkPath(await store.dataFolder(node, signal), upload, chunk);
  return (await store.engine.getFiles(node.container, path, signal))?.[0];
}

/** What its bytes say, whatever the store believes. */
export async function onDisk(store: ChunkStore, node: StoreNode, upload: string, chunk: Chunk, signal: AbortSignal): Promise<OnDisk> {
  const file = await chunkFile(store, node, upload, chunk, signal);
  if (file === undefined) return "absent";
  return file.content.length === chunk.size && createHash("sha256").update(file.content).digest("hex") === chunk.sha256 ? "good" : "corrupt";
}

/** Chunks of which too few disks hold good bytes, or any disk holds bad ones. */
export async function badlyStored(store: ChunkStore, { name, upload, chunks }: FileLocations, replicas: number, signal: AbortSignal): Promise<string | undefined> {
  for (const chunk of chunks) {
    const states = await Promise.all(store.chunkservers.map(async (node) => ({ node, state: await onDisk(store, node, upload, chunk, signal) })));
    const corrupt = states.filter(({ state }) => state === "corrupt");
    if (corrupt.length > 0) return `chunk ${chunk.index} of ${name} is corrupt on ${corrupt.map(({ node }) => node.name).join(", ")}`;
    const good = states.filter(({ state }) => state === "good");
    const absent = states.filter(({ state }) => state === "absent").map(({ node }) => node.name);
    if (good.length < replicas) return `chunk ${chunk.index} of ${name} is on ${good.length} of ${replicas} disks; not on ${absent.join(", ")}`;
  }
  return undefined;
}

/** Writes the same file with some bytes flipped, in place and with its owner and mode. */
export async function corrupt(store: ChunkStore, node: StoreNode, upload: string, chunk: Chunk, offset: number, signal: AbortSignal): Promise<void> {
  const file = await chunkFile(store, node, upload, chunk, signal);
  if (file === undefined) throw new Error(`${node.name} holds no chunk ${chunk.index} to corrupt`);
  const content = Buffer.from(file.content);
  const position = offset % content.length;
  content[position] = (content[position] ?? 0) ^ 0xff;
  const path = chunkPath(await store.dataFolder(node, signal), upload, chunk);
  const slash = path.lastIndexOf("/");
  await store.engine.putFiles(node.container, path.slice(0, slash), [{ ...file, name: path.slice(slash + 1), content }], signal);
}
