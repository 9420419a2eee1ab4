/** When an upload may be acknowledged: the rule that decides what the store must never lose. */

/** What one chunkserver has confirmed, after fsync, of one upload. */
export interface ReplicaReport {
  readonly chunkserver: string;
  /** Indexes of the chunks that it has. */
  readonly chunks: ReadonlySet<number>;
  /** Whether it has the record as well. */
  readonly manifest: boolean;
}

/** Chunkservers that could serve the whole upload if all others were lost: they have every chunk and the manifest. */
export function safeReplicas(chunkCount: number, reports: readonly ReplicaReport[]): string[] {
  const safe = reports.filter(({ chunks, manifest }) => manifest && hasAll(chunks, chunkCount));
  return [...new Set(safe.map(({ chunkserver }) => chunkserver))];
}

/**
 * Whether the client may be told that its upload is stored.
 * @param chunkCount 0 for an empty file, whose manifest is all there is
 * @param minReplicas `MIN_WRITE_REPLICAS`, from 1
 */
export function isAcknowledged(chunkCount: number, reports: readonly ReplicaReport[], minReplicas: number): boolean {
  return safeReplicas(chunkCount, reports).length >= Math.max(1, minReplicas);
}

function hasAll(chunks: ReadonlySet<number>, count: number): boolean {
  for (let index = 0; index < count; index += 1) if (!chunks.has(index)) return false;
  return true;
}
