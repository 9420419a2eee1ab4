/** The clients' API: plain HTTP, every refusal is JSON, and slow or broken clients can't hold it up. */
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { ClusterStatus } from "../contract/clientApi";
import { addHealthRoutes, type HealthSource } from "../node";
import type { Authentication } from "./authentication";
import { addFileRoutes, type FileRoutesOptions } from "./fileRoutes";
import type { Log } from "./ports";
import { RequestRefused } from "./refusal";
import { asRefusal, bodyOf, replyError, replyToClientError } from "./refusalReply";

/** The line and the headers of a request must be there after so long. */
const HEADERS_MS = 10_000;
/** A body of JSON must be there after so long. */
const JSON_BODY_MS = 10_000;
const JSON_BYTES = 16 * 1024;
/** Nothing moves on a connection for so long, not even at a client that waits for the end of its upload. */
const IDLE_MS = 120_000;
const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 4_096;

/** What each path allows, for answers to other methods. */
const PATHS: readonly [RegExp, string][] = [
  [/^\/v1\/login$/, "POST"], [/^\/v1\/files$/, "GET"], [/^\/v1\/files\/[^/]*$/, "GET, HEAD, PUT, DELETE"], [/^\/v1\/files\/[^/]+\/locations$/, "GET"],
  [/^\/v1\/cluster$/, "GET"], [/^\/health$/, "GET, HEAD"], [/^\/metrics$/, "GET, HEAD"],
];

export interface ClientServerOptions extends FileRoutesOptions {
  readonly health: HealthSource;
  readonly authentication: Authentication;
  readonly cluster: () => ClusterStatus;
  readonly log: Log;
}

/** Makes the server; `listen` is left to the caller. */
export function createClientServer(options: ClientServerOptions): FastifyInstance {
  const { log } = options;
  const app = fastify({
    logger: false, exposeHeadRoutes: false, bodyLimit: JSON_BYTES, forceCloseConnections: true, return503OnClosing: false,
    // A large upload may take hours: no limit for the whole of a request. What comes too slowly is ended by whoever reads it.
    requestTimeout: 0, connectionTimeout: IDLE_MS, keepAliveTimeout: KEEP_ALIVE_MS, http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 2_000 },
    routerOptions: { maxParamLength: 16_384 }, onProtoPoisoning: "error", onConstructorPoisoning: "error",
    frameworkErrors: (error, _request, reply) => {
      const refusal = asRefusal(error);
      void (reply as unknown as FastifyReply).status(refusal.status).send(bodyOf(refusal));
    },
    clientErrorHandler: (error, socket) => replyToClientError(error, socket),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // Whether the client may go on is said once its upload is taken.
  app.server.on("checkContinue", (request, response) => app.server.emit("request", request, response));
  app.setErrorHandler((error: Error, request, reply) => replyError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => replyError(unknownRoute(request.method, request.raw.url ?? ""), request, reply, log));
  addHealthRoutes(app, options.health);
  void app.register(async (api) => addApi(api, options));
  return app;
}

/** All but health and metrics: refused until this controller is ready, and from when it stops. */
async function addApi(app: FastifyInstance, options: ClientServerOptions): Promise<void> {
  const { authentication, health, cluster } = options;
  app.addHook("onRequest", async () => {
    const { status } = health.health();
    if (status === "starting" || status === "stopping") throw new RequestRefused("starting", `this controller is ${status}`, { fix: "use another controller, or try again", headers: { "retry-after": "1" } });
  });
  await app.register(async (open) => {
    open.addHook("onRequest", async (request, reply) => {
      const timer = setTimeout(() => request.raw.destroy(), JSON_BODY_MS);
      reply.raw.once("close", () => clearTimeout(timer));
      request.raw.once("end", () => clearTimeout(timer));
    });
    open.post("/v1/login", async (request, reply) => reply.header("cache-control", "no-store").send(await authentication.login(request)));
  });
  await app.register(async (closed) => {
    closed.addHook("onRequest", async (request) => authentication.require(request));
    // Content is read by the upload itself, whatever type it is said to have.
    closed.removeAllContentTypeParsers();
    closed.addContentTypeParser("*", (_request, _payload, done) => done(null));
    closed.get("/v1/cluster", async () => cluster());
    addFileRoutes(closed, options);
  });
}

function unknownRoute(method: string, url: string): RequestRefused {
  const [path = ""] = url.split("?");
  const allowed = PATHS.find(([pattern]) => pattern.test(path))?.[1];
  if (allowed === undefined) return new RequestRefused("route-not-found", "no such route");
  return new RequestRefused("invalid-request", `method is not allowed here; got ${method}; expected ${allowed}`, { status: 405, headers: { allow: allowed } });
}
