/** Where things lie on a chunkserver's volume, and how their names are read back. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { MAX_CHUNKS } from "../contract/record";

/** One chunk of one upload, by the name of its file. */
export interface ChunkName {
  /** A UUID in lower case. */
  readonly upload: string;
  /** From 0. */
  readonly index: number;
  /** Of its content, 64 lower-case hex digits. */
  readonly sha256: string;
}

const UPLOAD = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const INDEX = /^(0|[1-9]\d{0,4})$/;
const CHUNK_FILE = /^(0|[1-9]\d{0,4})\.([0-9a-f]{64})$/;
const MANIFEST_FILE = /^[0-9a-f]{64}\.json$/;

export function isUpload(text: string): boolean {
  return UPLOAD.test(text);
}

export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

/** The index that a text says, in its one spelling; undefined for anything else. */
export function parseIndex(text: string): number | undefined {
  return INDEX.test(text) && Number(text) < MAX_CHUNKS ? Number(text) : undefined;
}

/** Index and checksum of a chunk's file; undefined for any other file. */
export function parseChunkFile(name: string): Omit<ChunkName, "upload"> | undefined {
  const [, index, sha256] = CHUNK_FILE.exec(name) ?? [];
  return index !== undefined && sha256 !== undefined && Number(index) < MAX_CHUNKS ? { index: Number(index), sha256 } : undefined;
}

export function isManifestFile(name: string): boolean {
  return MANIFEST_FILE.test(name);
}

/** Folders and files of a volume. All are on one file system: moving from one folder to another is a rename. */
export class Layout {
  readonly chunks: string;
  readonly manifests: string;
  readonly quarantine: string;
  /** What is not finished, or not needed any more; emptied at start. */
  readonly temporary: string;

  constructor(readonly root: string) {
    this.chunks = join(root, "chunks");
    this.manifests = join(root, "manifests");
    this.quarantine = join(root, "quarantine");
    this.temporary = join(root, "tmp");
  }

  get folders(): readonly string[] {
    return [this.chunks, this.manifests, this.quarantine, this.temporary];
  }

  upload(upload: string): string {
    return join(this.chunks, upload);
  }

  chunk({ upload, index, sha256 }: ChunkName): string {
    return join(this.chunks, upload, `${index}.${sha256}`);
  }

  /** A file's name may be 255 bytes long and hold characters that a file system does not; its hash always fits. */
  manifest(name: string): string {
    return join(this.manifests, `${createHash("sha256").update(name).digest("hex")}.json`);
  }
}
