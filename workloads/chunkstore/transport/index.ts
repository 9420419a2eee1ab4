/** How nodes talk: HTTPS on the cluster's pre-shared key, the server and the pool of connections. */
export { createNodeClient, hostOf, MAX_JSON_BYTES, unlessAborted, type NodeClientOptions } from "./client";
export { NodeError, NodeRefusal, type NodeErrorDetails, type NodeErrorKind } from "./errors";
export type { Log } from "./log";
export { callerOf, createNodeServer, plainAddress, type Caller, type NodeServer, type NodeServerOptions } from "./server";
export { MIN_KEY_BYTES, nodeTls, type ClientTls, type NodeTls, type ServerTls } from "./tls";
