/** `/health` and `/metrics`: plain HTTP, no token, nothing secret. */
import fastify, { type FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import type { Health } from "../contract/clientApi";
import { CLIENT_PORT } from "../contract/settings";
import type { Log } from "../transport";

export interface HealthSource {
  readonly health: () => Health;
  readonly metrics: Registry;
}

const TIMEOUT_MS = 5_000;

/** Adds `/health` (503 while starting or stopping) and `/metrics`, GET and HEAD, to a server that may have other routes. */
export function addHealthRoutes(app: FastifyInstance, { health, metrics }: HealthSource): void {
  app.get("/health", { exposeHeadRoute: true }, async (_request, reply) => {
    const state = health();
    return reply.status(state.status === "starting" || state.status === "stopping" ? 503 : 200).header("cache-control", "no-store").send(state);
  });
  app.get("/metrics", { exposeHeadRoute: true }, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves these two routes alone.
 * @param options `host` @default every address; `port` @default 8000, 0 for any
 */
export async function startHealthServer(source: HealthSource, log: Log, { host = "0.0.0.0", port = CLIENT_PORT }: { readonly host?: string; readonly port?: number } = {}): Promise<HealthServer> {
  const app = fastify({
    logger: false, bodyLimit: 1024, connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, keepAliveTimeout: TIMEOUT_MS, forceCloseConnections: true, return503OnClosing: false,
  });
  addHealthRoutes(app, source);
  app.setNotFoundHandler((_request, reply) => reply.status(404).send({ error: { code: "route-not-found", message: "no such route; there are /health and /metrics" } }));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ err: error }, "request failed");
    return reply.status(status).send({ error: { code: status >= 500 ? "internal" : "invalid-request", message: status >= 500 ? "the request failed" : error.message } });
  });
  await app.listen({ host, port });
  const address = app.server.address();
  return { port: typeof address === "object" && address !== null ? address.port : port, close: async () => { await app.close(); } };
}
