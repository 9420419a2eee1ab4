/** The chunk store's client. */
export { ChunkStoreClient, type ClientOptions, type Downloaded, type DownloadOptions } from "./client";
export type { OpenFile } from "./download";
export { endpointsByName, parseEndpoints, splitEndpoints } from "./endpoints";
export { AttemptFailed, ChunkStoreError, type ClientErrorCode } from "./errors";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./exchange";
export type { UploadSource } from "./source";
export type { OnProgress, UploadOptions } from "./upload";
