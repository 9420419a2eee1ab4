/**
 * A subset of the Docker Engine API over the local cloud's containers, networks, volumes and images: what the docker command, drills
 * and recovery use. Reference: https://docs.docker.com/reference/api/engine/version/v1.47/
 */
import type { Readable } from "node:stream";
import { fastify, type FastifyInstance } from "fastify";
import type { CloudContext } from "../../model";
import { ServiceError } from "../../model";
import { EngineError } from "../errors";
import { archiveRoutes } from "./archive";
import { containerRoutes } from "./containers";
import { networkRoutes } from "./networks";
import { storeRoutes } from "./stores";
import { systemRoutes } from "./system";

/** An HTTP server that doesn't listen yet. */
export function dockerApi(cloud: CloudContext): FastifyInstance {
  const app = fastify({
    forceCloseConnections: true,
    // Clients that have agreed on a version put it before every path.
    rewriteUrl: (request) => (request.url ?? "/").replace(/^\/v\d+\.\d+(?=\/)/, ""),
    bodyLimit: Number.MAX_SAFE_INTEGER, // archives; they are streamed
  });
  app.removeAllContentTypeParsers();
  // Some clients announce JSON and send nothing.
  app.addContentTypeParser("application/json", { parseAs: "string", bodyLimit: MOST_JSON_BYTES }, (_request, body, done) => {
    try {
      done(null, body === "" ? undefined : (JSON.parse(String(body)) as unknown));
    } catch {
      done(new EngineError(400, "invalid JSON in the body"));
    }
  });
  app.addContentTypeParser("*", (_request: unknown, payload: Readable, done: (error: Error | null, body: Readable) => void) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => reply.code(statusOf(error)).send({ message: error instanceof Error ? error.message : String(error) }));
  app.setNotFoundHandler((request, reply) => reply.code(501).send({ message: `${request.method} ${request.url.split("?")[0] ?? ""} is not modelled by the local cloud; extend local/docker/api/` }));
  systemRoutes(app, cloud);
  containerRoutes(app, cloud);
  archiveRoutes(app, cloud);
  networkRoutes(app, cloud);
  storeRoutes(app, cloud);
  return app;
}

const MOST_JSON_BYTES = 4 * 1024 * 1024;

function statusOf(error: unknown): number {
  if (error instanceof EngineError) return error.status;
  if (error instanceof ServiceError) return error.httpStatus;
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : 500;
}
