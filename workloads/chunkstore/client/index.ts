/** The chunk store's client. */
export { askHidden } from "./ask-hidden";
export { ChunkStoreClient, type ClientOptions, type Downloaded, type DownloadOptions } from "./client";
export { ChunksCommands, writeTo, type ChunksOptions, type ChunksTarget, type ChunksWorld } from "./commands";
export type { OpenFile } from "./download";
export { endpointsByName, parseEndpoints, splitEndpoints } from "./endpoints";
export { AttemptFailed, ChunkStoreError, type ClientErrorCode } from "./errors";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./exchange";
export { runSession, type SessionOptions } from "./interactive";
export { GIVEN, userSessionFile, type Cluster } from "./session";
export type { UploadSource } from "./source";
export type { OnProgress, UploadOptions } from "./upload";
