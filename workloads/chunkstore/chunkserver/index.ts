/** The chunkserver: chunks and manifests on one disk, for controllers and for other chunkservers. */
export { startChunkserver, type Chunkserver, type ChunkserverOptions } from "./chunkserver";
export type { FileSystem } from "./files";
