/** Finds at start what a volume holds: chunks by their names alone, manifests by their content. */
import { join } from "node:path";
import type { Log } from "../transport";
import type { ChunkDisk } from "./chunkDisk";
import { systemCode, type DurableFiles } from "./files";
import { eachLimited } from "./keyedLocks";
import { isManifestFile, isUpload, parseChunkFile, type Layout } from "./layout";
import type { ManifestDisk } from "./manifestDisk";
import { decodeManifest, UnreadableManifest } from "./manifestFile";
import type { Quarantine } from "./quarantine";

const PARALLEL = 16;

export interface Volume {
  readonly layout: Layout;
  readonly files: DurableFiles;
  readonly chunks: ChunkDisk;
  readonly manifests: ManifestDisk;
  readonly quarantine: Quarantine;
  readonly log: Log;
}

/** Makes the folders, and throws away what an earlier process left unfinished. */
export async function prepareVolume(layout: Layout, files: DurableFiles): Promise<void> {
  for (const folder of layout.folders) await files.makeFolder(folder);
  for (const name of await files.fs.readdir(layout.temporary)) await files.fs.rm(join(layout.temporary, name), { recursive: true, force: true });
}

/** Reads the volume in. Names that an earlier process did not live to make durable are made so now. */
export async function loadVolume(volume: Volume, signal: AbortSignal): Promise<void> {
  await loadManifests(volume, signal);
  await loadChunks(volume, signal);
}

async function loadManifests({ layout, files, manifests, quarantine, log }: Volume, signal: AbortSignal): Promise<void> {
  await files.syncFolder(layout.manifests);
  const names = (await files.fs.readdir(layout.manifests)).filter(isManifestFile);
  await eachLimited(names, PARALLEL, async (name) => {
    signal.throwIfAborted();
    const file = join(layout.manifests, name);
    try {
      const record = decodeManifest(await files.fs.readFile(file, "utf8"));
      if (layout.manifest(record.name) !== file) throw new UnreadableManifest("holds the record of another name");
      manifests.found(record);
    } catch (error) {
      if (!(error instanceof UnreadableManifest) && systemCode(error) !== "EIO") throw error;
      log.error({ file: name, why: error instanceof Error ? error.message : String(error) }, "a manifest can't be read; it is put aside, and controllers will send it again");
      await quarantine.take(file, name);
    }
  });
}

async function loadChunks({ layout, files, chunks, log }: Volume, signal: AbortSignal): Promise<void> {
  const strange: string[] = [];
  await eachLimited(await files.fs.readdir(layout.chunks), PARALLEL, async (upload) => {
    signal.throwIfAborted();
    if (!isUpload(upload)) {
      strange.push(upload);
      return;
    }
    await files.syncFolder(layout.upload(upload));
    const names = await files.fs.readdir(layout.upload(upload));
    if (names.length === 0) await files.fs.rm(layout.upload(upload), { recursive: true });
    for (const name of names) {
      const chunk = parseChunkFile(name);
      // Of two chunks with one index the first one counts; the scrub doesn't see the other, and it goes with its upload.
      if (chunk === undefined || chunks.inventory.get(upload, chunk.index) !== undefined) strange.push(`${upload}/${name}`);
      else chunks.found({ upload, ...chunk });
    }
  });
  await files.syncFolder(layout.chunks);
  if (strange.length > 0) log.warn({ count: strange.length, first: strange.slice(0, 5) }, "passed over what is no chunk");
}

/** Asks the disk how large each chunk is. Takes its time: only figures, and an operator's limit, need it. */
export async function measureChunks({ layout, files, chunks }: Volume, signal: AbortSignal): Promise<void> {
  const slots = chunks.inventory.uploads().flatMap((upload) => chunks.inventory.of(upload));
  await eachLimited(slots, 4, async (slot) => {
    if (signal.aborted) return;
    try {
      chunks.measured(slot, (await files.fs.stat(layout.chunk(slot.value))).size);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error; // removed meanwhile
    }
  });
}
