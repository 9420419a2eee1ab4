/** What the controller's parts need from each other and from their surroundings; each is replaced by a fake in tests. */
import type { Cursor, InventoryPage, ManifestPage, ManifestPushReply, ReplicateReply, ReplicateRequest } from "../contract/nodeApi";
import type { FileRecord } from "../contract/record";

/** The part of pino's logger that is used. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where a node listens. */
export interface NodeAddress {
  readonly id: string;
  readonly address: string;
  readonly port: number;
}

/** One chunk of one upload. */
export interface ChunkRef {
  readonly upload: string;
  readonly index: number;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Why a chunkserver didn't do what it was asked:
 * - `absent`: it doesn't have the chunk
 * - `corrupt`: its copy was damaged and is put aside
 * - `full`: no room
 * - `checksum`: what arrived there, or here, is not what was announced
 * - `unreachable`: no answer, or the connection broke
 * - `refused`: any other answer
 */
export type FailureKind = "absent" | "corrupt" | "full" | "checksum" | "unreachable" | "refused";

export class ChunkserverFailure extends Error {
  override readonly name = "ChunkserverFailure";
  constructor(readonly chunkserver: string, readonly kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Requests to chunkservers. All reject with {@link ChunkserverFailure}, or with the signal's reason when it aborts. */
export interface ChunkserverApi {
  /** Resolves when the chunk is fsynced there. The data is read until this settles. */
  putChunk(to: NodeAddress, chunk: ChunkRef, data: Buffer, signal: AbortSignal): Promise<void>;
  /** Reads the chunk into a buffer of its size, and verifies it here as well. Nothing writes into the buffer once this has settled. */
  getChunk(from: NodeAddress, chunk: ChunkRef, into: Buffer, signal: AbortSignal): Promise<void>;
  deleteUpload(at: NodeAddress, upload: string): Promise<void>;
  /** @param timeoutMs for the whole request, which may pull many chunks */
  replicate(to: NodeAddress, upload: string, request: ReplicateRequest, timeoutMs: number): Promise<ReplicateReply>;
  /** Resolves when all are fsynced there. */
  pushManifests(to: NodeAddress, records: readonly FileRecord[], signal?: AbortSignal): Promise<ManifestPushReply>;
  manifests(from: NodeAddress, after: Cursor | undefined): Promise<ManifestPage>;
  inventory(from: NodeAddress, after: Cursor | undefined): Promise<InventoryPage>;
  /** Resolves with the uploads that were removed. */
  removeOrphans(at: NodeAddress, uploads: readonly string[], idleSeconds: number): Promise<readonly string[]>;
}
