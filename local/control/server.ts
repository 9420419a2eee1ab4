/** The daemon's control API: loopback HTTP with a bearer token, as `local/client.ts` calls it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Readable } from "node:stream";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { z } from "zod";
import { LocalCloudError, messageOf } from "../errors";
import type { Cloud } from "../core/cloud";
import { newFaultSchema, timeScaleSchema, type CloudStatus } from "../protocol";
import type { ContainerRuntime } from "../runtime/port";
import { knownContainer } from "./containers";
import { networkRoutes } from "./network";

export interface ControlParts {
  readonly cloud: Cloud;
  readonly runtime: ContainerRuntime;
  readonly version: string;
  readonly token: string;
  /** Begins an orderly stop; the answer is sent first. */
  readonly stop: () => void;
}

const ledgerQuery = z.object({ since: z.coerce.number().int().min(0).optional(), stack: z.string().optional(), type: z.string().optional() });
const logsQuery = z.object({ follow: z.stringbool().optional(), tail: z.coerce.number().int().min(0).optional() });
const containerParams = z.object({ id: z.string() });

export function controlServer(parts: ControlParts): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  const expected = digest(`Bearer ${parts.token}`);
  app.addHook("onRequest", async (request, reply) => {
    if (timingSafeEqual(digest(request.headers.authorization ?? ""), expected)) return;
    await refuse(reply, 401, new LocalCloudError("unauthorized", "the control API needs the token of daemon.json"));
  });
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof z.ZodError) {
      const faults = error.issues.map((issue) => `${issue.path.join(".") || "request"}: ${issue.message}`).join("; ");
      return refuse(reply, 400, new LocalCloudError("request-invalid", faults));
    }
    return error instanceof LocalCloudError ? refuse(reply, 404, error) : refuse(reply, 500, new LocalCloudError("daemon-failed", messageOf(error)));
  });
  cloudRoutes(app, parts);
  containerRoutes(app, parts);
  networkRoutes(app, parts.runtime);
  return app;
}

function cloudRoutes(app: FastifyInstance, { cloud, runtime, version, stop }: ControlParts): void {
  const started = performance.now();
  app.get("/status", (): CloudStatus => ({
    version, pid: process.pid, timeScale: cloud.context.clock.timeScale, uptimeSeconds: (performance.now() - started) / 1000,
    resources: cloud.store.size, containers: containersOf(runtime), ledgerEntries: cloud.ledger.count(),
    faults: cloud.faults.list().filter((fault) => !fault.fired).length,
  }));
  app.get("/ledger", (request) => {
    const { since, stack, type } = ledgerQuery.parse(request.query);
    return cloud.ledger.list({ ...(since !== undefined && { since }), ...(stack !== undefined && { stack }), ...(type !== undefined && { type }) });
  });
  app.get("/faults", () => cloud.faults.list());
  app.post("/faults", (request) => {
    const fault = newFaultSchema.parse(request.body);
    const kinds = cloud.faultKinds.get(fault.type);
    if (kinds === undefined) throw new LocalCloudError("type-unknown", `unknown resource type; got "${fault.type}"; expected one that the local cloud models`, "see docs/local-cloud.md for the list");
    if (!kinds.includes(fault.kind)) throw new LocalCloudError("fault-unknown", `${fault.type} has no such fault; got "${fault.kind}"; expected ${kinds.join(", ")}`, "choose one of these");
    return cloud.faults.add(fault);
  });
  app.delete("/faults", () => {
    cloud.faults.clear();
    return {};
  });
  app.put("/time-scale", (request) => {
    const { timeScale } = timeScaleSchema.parse(request.body);
    cloud.setTimeScale(timeScale);
    return { timeScale };
  });
  app.post("/stop", (_request, reply) => {
    reply.raw.once("close", stop);
    return {};
  });
}

function containerRoutes(app: FastifyInstance, { runtime }: ControlParts): void {
  const known = (params: unknown): string => knownContainer(runtime, containerParams.parse(params).id);
  app.get("/containers", () => containersOf(runtime));
  app.post("/containers/:id/kill", async (request) => {
    await runtime.kill(known(request.params));
    return {};
  });
  app.get("/containers/:id/logs", (request, reply) => {
    const { follow, tail } = logsQuery.parse(request.query);
    const abort = new AbortController();
    request.raw.once("close", () => abort.abort());
    const lines = runtime.logs(known(request.params), { signal: abort.signal, ...(follow !== undefined && { follow }), ...(tail !== undefined && { tail }) });
    return reply.type("text/plain; charset=utf-8").send(Readable.from(terminated(lines)));
  });
}

async function* terminated(lines: AsyncIterable<string>): AsyncIterable<string> {
  for await (const line of lines) yield line.endsWith("\n") ? line : `${line}\n`;
}

function containersOf(runtime: ContainerRuntime): CloudStatus["containers"] {
  return runtime.list().map(({ spec, status, health, address, pid, restarts }) => ({
    id: spec.id, image: spec.image, status, health, address, restarts, labels: { ...spec.labels }, ...(pid !== undefined && { pid }),
  }));
}

function refuse(reply: FastifyReply, code: number, error: LocalCloudError): FastifyReply {
  return reply.code(code).send({ error: { code: error.code, message: error.message, ...(error.fix !== undefined && { fix: error.fix }) } });
}

/** Equal lengths, as the comparison in constant time needs. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
