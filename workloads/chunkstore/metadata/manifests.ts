/** Metadata from chunkservers: what a controller learns from their manifests, when it is new, empty, or its writer is gone. */
import { manifestPageSchema, type Cursor, type ManifestPage } from "../contract/nodeApi";
import type { RecordStore } from "../contract/ports";

/** What a pull brought. */
export interface ManifestPull {
  /** Where the next pull goes on. */
  readonly cursor: Cursor;
  readonly records: number;
  readonly changed: number;
  readonly conflicts: readonly string[];
}

/** Where a chunkserver's log begins, for one that nothing is known of. */
export const FIRST_CURSOR: Cursor = { epoch: "", seq: 0 };

/**
 * Merges a chunkserver's manifests after the cursor, page after page. Each page is durable before the next is asked for, so that
 * a pull that fails loses nothing: the error is thrown, and a pull from the old cursor merges again what was merged.
 * @param fetch asks for the page after a cursor; its answer is checked here
 */
export async function pullManifests(store: Pick<RecordStore, "merge">, from: Cursor, fetch: (after: Cursor) => Promise<unknown>): Promise<ManifestPull> {
  let cursor = from;
  let records = 0;
  let changed = 0;
  const conflicts: string[] = [];
  for (;;) {
    const page: ManifestPage = manifestPageSchema.parse(await fetch(cursor));
    const result = store.merge(page.records);
    records += page.records.length;
    changed += result.changed.length;
    conflicts.push(...result.conflicts);
    const moved = page.cursor.epoch !== cursor.epoch || page.cursor.seq > cursor.seq;
    cursor = page.cursor;
    if (!page.more) return { cursor, records, changed, conflicts };
    if (!moved) throw new Error(`chunkserver says that there are more manifests and gives the same cursor again; got ${cursor.epoch}/${cursor.seq}`);
  }
}
