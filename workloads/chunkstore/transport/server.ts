/** The inter-node server: HTTPS whose TLS runs on the cluster's key, with limits that hold against a peer gone mad. */
import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, type RawReplyDefaultExpression, type RawRequestDefaultExpression } from "fastify";
import { NODE_HEADER } from "../contract/nodeApi";
import { nodeIdSchema } from "../contract/record";
import { MAX_JSON_BYTES } from "./client";
import { NodeRefusal } from "./errors";
import { HandshakeLog } from "./handshakeLog";
import type { Log } from "./log";
import type { NodeTls } from "./tls";

/** A request's line and headers must be there after so long. */
const HEADERS_TIMEOUT_MS = 5_000;
/** A whole request, with a chunk of 4 MiB, after so long. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A connection on which nothing moves is closed; also how long an idle one is kept. Longer than the client's. */
const IDLE_MS = 30_000;
/** How often connections that have become idle are closed once the server is closing. */
const CLOSE_IDLE_MS = 50;
/** Connections at once; a cluster has some tens of nodes with some connections each. */
const MAX_CONNECTIONS = 2_048;

export type NodeServer = FastifyInstance<Server, RawRequestDefaultExpression<Server>, RawReplyDefaultExpression<Server>, FastifyBaseLogger>;

export interface NodeServerOptions {
  readonly tls: NodeTls;
  readonly log: Log;
  /** Called once for each connection that proved no key, beside the log's line; for a counter. */
  readonly onHandshakeFailure?: () => void;
  /** Largest JSON body in bytes. @default 16 MiB */
  readonly bodyLimit?: number;
}

/** Who sent a request. */
export interface Caller {
  /** As it says. It holds the cluster's key, and so is believed. */
  readonly id: string;
  /** Of the connection; an IPv4 address is written as such. */
  readonly address: string;
}

/**
 * Makes the server; add routes, then `listen({ host, port })`. Bodies of `application/octet-stream` come as `request.body: Readable`,
 * unread and without a limit of their own. Refusals are `{ error: { code, message } }`.
 */
export function createNodeServer({ tls, log, onHandshakeFailure, bodyLimit = MAX_JSON_BYTES }: NodeServerOptions): NodeServer {
  const https = { ...tls.server, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_MS };
  const app: NodeServer = fastify({
    https, bodyLimit, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_MS, connectionTimeout: IDLE_MS,
    forceCloseConnections: "idle", return503OnClosing: true, exposeHeadRoutes: false, logger: false,
    routerOptions: { maxParamLength: 256 },
    onProtoPoisoning: "error", onConstructorPoisoning: "error",
    // A URL that can't be decoded never reaches a route.
    frameworkErrors: (error, _request, reply) => { sendError(log, error, reply as unknown as FastifyReply); },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
  app.addHook("onRequest", async (request) => { callerOf(request); });
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(log, error, reply as unknown as FastifyReply, request as unknown as FastifyRequest));
  app.setNotFoundHandler((_request, reply) => reply.status(404).send(bodyOf("route-not-found", "no such route")));
  closeWithoutWaiting(app);
  const handshakes = new HandshakeLog(log);
  watchHandshakes(app.server, (address, reason) => {
    onHandshakeFailure?.();
    handshakes.failed(address, reason);
  });
  return app;
}

/**
 * The caller of a request.
 * @throws {NodeRefusal} 400 when it doesn't say its ID
 */
export function callerOf(request: { readonly headers: Readonly<Record<string, unknown>>; readonly socket: Pick<Socket, "remoteAddress"> }): Caller {
  const id = nodeIdSchema.safeParse(request.headers[NODE_HEADER]);
  if (!id.success) throw new NodeRefusal(400, "invalid-request", `${NODE_HEADER}: ${id.error.issues[0]?.message ?? "is no node ID"}`);
  return { id: id.data, address: plainAddress(request.socket.remoteAddress ?? "") };
}

/** `::ffff:10.0.0.3` is how a socket for both families writes 10.0.0.3. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** A server that closes waits for its connections: those that end a request meanwhile must not be kept for a next one. */
function closeWithoutWaiting(app: NodeServer): void {
  app.addHook("preClose", async () => {
    const timer = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_MS);
    app.server.once("close", () => clearInterval(timer));
  });
}

function sendError(log: Log, error: FastifyError | NodeRefusal | Error, reply: FastifyReply, request?: FastifyRequest): FastifyReply {
  const status = "statusCode" in error && typeof error.statusCode === "number" && error.statusCode >= 400 ? error.statusCode : 500;
  if (error instanceof NodeRefusal) return reply.status(status).send(bodyOf(error.code, error.message));
  if (status < 500) return reply.status(status).send(bodyOf("code" in error && typeof error.code === "string" && /^[a-z]+(-[a-z]+)*$/.test(error.code) ? error.code : "invalid-request", error.message));
  // The caller hears that it failed; why is for this node's operator.
  log.error({ err: error, method: request?.method, route: request?.routeOptions.url }, "request failed");
  return reply.status(status).send(bodyOf("internal", "the request failed on this node; its log says why"));
}

function bodyOf(code: string, message: string): object {
  return { error: { code, message } };
}

function watchHandshakes(server: Server, failed: (address: string, reason: string) => void): void {
  // Asked now, the socket remembers it: one whose handshake failed has no handle left to ask.
  const addresses = new WeakMap<object, string>();
  server.on("connection", (socket: Socket) => addresses.set(socket, plainAddress(socket.remoteAddress ?? "")));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket & { readonly _parent?: Socket }) => {
    const address = plainAddress(socket.remoteAddress ?? "") || (socket._parent && addresses.get(socket._parent)) || "unknown";
    failed(address, reasonOf(error));
  });
}

/** OpenSSL's codes as an operator says it; what went wrong inside OpenSSL helps nobody here. */
function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ERR_SSL_PSK_IDENTITY_NOT_FOUND": case "ERR_SSL_CIPHER_OPERATION_FAILED": case "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC": return "another key";
    case "ERR_SSL_HTTP_REQUEST": return "plain HTTP";
    case "ERR_SSL_NO_SHARED_CIPHER": return "TLS without a pre-shared key";
    case "ERR_TLS_HANDSHAKE_TIMEOUT": return "no handshake in time";
    case "ECONNRESET": return "connection closed during the handshake";
    default: return error.code ?? "handshake failed";
  }
}
