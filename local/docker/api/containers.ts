/** Routes of the Engine API about containers. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { CloudContext } from "../../model";
import type { ContainerView } from "../engine/containers";
import { engineOf } from "../engine/index";
import { removeContainer } from "../engine/remove";
import { EngineError, notModelled } from "../errors";
import { inspectionOf, summaryOf } from "./containerJson";
import { containsName, flag, matchesAny, matchesLabels, parse, parseFilters, type Filters } from "./query";

const FILTERS = ["label", "name", "id", "status", "network", "health", "ancestor", "volume"];
const listQuery = z.object({ all: flag, limit: z.coerce.number().int().optional(), filters: z.string().optional(), size: flag });
const params = z.object({ id: z.string() });
const stopQuery = z.object({ t: z.coerce.number().int().min(-1).optional() });
const killQuery = z.object({ signal: z.string().optional() });
const removeQuery = z.object({ force: flag, v: flag });
const waitQuery = z.object({ condition: z.enum(["not-running", "next-exit", "removed", ""]).optional() });
const logsQuery = z.object({
  follow: flag, stdout: flag, stderr: flag, timestamps: flag, details: flag, tail: z.string().optional(), since: z.string().optional(), until: z.string().optional(),
});

export function containerRoutes(app: FastifyInstance, cloud: CloudContext): void {
  const { containers } = engineOf(cloud);
  const of = (request: { readonly params: unknown }): ContainerView => containers.get(parse(params, request.params).id);

  app.get("/containers/json", (request) => {
    const { all, limit, filters: text } = parse(listQuery, request.query);
    const filters = parseFilters(text, FILTERS);
    const shown = containers.list().reverse().filter((view) => (all === true || filters["status"] !== undefined || view.running) && matches(view, filters, cloud));
    return (limit !== undefined && limit > 0 ? shown.slice(0, limit) : shown).map((view) => summaryOf(view, cloud));
  });
  app.get("/containers/:id/json", (request) => inspectionOf(of(request), cloud));
  app.post("/containers/:id/start", async (request, reply) => done(reply, await containers.start(of(request))));
  app.post("/containers/:id/stop", async (request, reply) => {
    const { t } = parse(stopQuery, request.query);
    return done(reply, await containers.stop(of(request), t));
  });
  app.post("/containers/:id/restart", async (request, reply) => {
    const { t } = parse(stopQuery, request.query);
    const view = of(request);
    await containers.stop(view, t);
    await containers.start(containers.get(view.id));
    return done(reply, true);
  });
  app.post("/containers/:id/kill", async (request, reply) => {
    await containers.kill(of(request), parse(killQuery, request.query).signal);
    return done(reply, true);
  });
  app.delete("/containers/:id", async (request, reply) => {
    const { force, v } = parse(removeQuery, request.query);
    await removeContainer(of(request), { force: force === true, volumes: v === true }, cloud);
    return done(reply, true);
  });
  app.post("/containers/:id/wait", (request, reply) => wait(of(request), parse(waitQuery, request.query).condition, request.raw, reply, cloud));
  app.get("/containers/:id/logs", (request, reply) => logs(of(request), parse(logsQuery, request.query), request.raw, reply, cloud));
}

/** 304: it was as asked already. */
function done(reply: FastifyReply, changed: boolean): FastifyReply {
  return reply.code(changed ? 204 : 304).send();
}

function matches(view: ContainerView, filters: Filters, cloud: CloudContext): boolean {
  const { containers, networks, images } = engineOf(cloud);
  const joined = () => containers.networksOf(view).map(({ name }) => name);
  return matchesLabels(view.labels, filters["label"])
    && matchesAny(filters["name"], containsName(view.name))
    && matchesAny(filters["id"], (id) => view.id.startsWith(id))
    && matchesAny(filters["status"], (status) => view.status === status)
    && matchesAny(filters["health"], (health) => (view.state?.health ?? "none") === health)
    && matchesAny(filters["volume"], (volume) => containers.mounting(volume).includes(view.id))
    && matchesAny(filters["ancestor"], (image) => images.find(image)?.id === containers.imageOf(view))
    && matchesAny(filters["network"], (network) => joined().includes(networks.find(network)?.name ?? network));
}

/** Answers when the container has ended; the headers come at once, as clients start it only then. */
async function wait(view: ContainerView, condition: string | undefined, socket: NodeJS.EventEmitter, reply: FastifyReply, cloud: CloudContext): Promise<FastifyReply> {
  if (condition === "next-exit" || condition === "removed") throw notModelled(`waiting for "${condition}"`, "local/docker/api/containers.ts");
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const answer = async function* (): AsyncGenerator<string> {
    yield ""; // sends the headers
    await engineOf(cloud).containers.ended(view, gone.signal);
    yield `${JSON.stringify({ StatusCode: cloud.runtime.get(view.runtimeId)?.exitCode ?? 0 })}\n`;
  };
  return reply.type("application/json").send(Readable.from(answer()));
}

type LogsQuery = z.infer<typeof logsQuery>;

function logs(view: ContainerView, query: LogsQuery, socket: NodeJS.EventEmitter, reply: FastifyReply, cloud: CloudContext): FastifyReply {
  if (query.stdout !== true && query.stderr !== true) throw new EngineError(400, "Bad parameters: you must choose at least one stream");
  const timed = [query.timestamps === true && "timestamps", query.since !== undefined && !/^0?$/.test(query.since) && "since", query.until !== undefined && !/^0?$/.test(query.until) && "until"];
  const unknown = timed.find((name) => name !== false);
  if (unknown !== undefined) throw notModelled(`logs by time ("${unknown}")`, "local/docker/api/containers.ts");
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const tail = query.tail !== undefined && /^\d+$/.test(query.tail) ? { tail: Number(query.tail) } : {};
  const none = view.state === undefined || query.stdout !== true;
  const lines = none ? emptyLines() : cloud.runtime.logs(view.runtimeId, { follow: query.follow === true, ...tail, signal: gone.signal });
  const whole = query.follow === true && !none ? untilEnd(lines, view, gone, cloud) : lines;
  return reply.type("application/vnd.docker.multiplexed-stream").send(Readable.from(frames(whole)));
}

/** Following ends with the container. */
async function* untilEnd(lines: AsyncIterable<string>, view: ContainerView, gone: AbortController, cloud: CloudContext): AsyncGenerator<string> {
  const stop = (): void => gone.abort();
  engineOf(cloud).containers.ended(view, gone.signal).then(() => setTimeout(stop, LAST_LINES_MS).unref(), () => undefined);
  yield* lines;
}

/** A follower sees what a process wrote last this long after its end (its log is watched, and looked at twice a second). */
const LAST_LINES_MS = 600;

async function* emptyLines(): AsyncGenerator<string> {}

/** Docker's frames: stream (1: standard output, which here has both), three zeros, length as 32 bits, bytes. */
async function* frames(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const line of lines) {
    const bytes = Buffer.from(`${line}\n`);
    const header = Buffer.alloc(8);
    header.writeUInt8(1, 0);
    header.writeUInt32BE(bytes.length, 4);
    yield Buffer.concat([header, bytes]);
  }
}
