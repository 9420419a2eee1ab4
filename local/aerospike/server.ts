/** The Aerospike Cloud API of the local cloud, over HTTP. */
import { randomUUID } from "node:crypto";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { z } from "zod";
import { clusterCreateSchema, clusterPatchSchema, peeringCreateSchema, CLUSTER_STATUSES, type Scope } from "../../providers/aerospike-cloud/api/schemas";
import type { Cloud } from "../core/cloud";
import { messageOf } from "../errors";
import { ServiceError, type Properties, type ResourceRecord } from "../model";
import { bodyOf, CLUSTER, clusterStatus, clusterView, elapsedSeconds } from "./cluster";
import { carryOut, type Fault } from "./faults";
import { LIST_LAG_SECONDS, TOKEN_SECONDS } from "./latencies";
import { instanceType, offerings } from "./offerings";
import { peeringView, VPC_PEERING } from "./peering";
import { badRequest, conflict, forbidden, internal, invalid, notFound, notImplemented, ProblemError, unauthenticated } from "./problems";
import { callOf, deepMerge } from "./resources";
import { localKeys, Tokens } from "./tokens";

/** Counts every request of the API in the fault plan, whatever it asks for. */
export const REQUEST = "aerospikecloud:api:Request";
/** Base path of the API and of its older form. */
const BASES = [{ base: "/v1", clusters: "/database/clusters", providers: "/database/cloud-providers" }, { base: "/v2", clusters: "/databases", providers: "/cloud-providers" }] as const;
const MAX_LIMIT = 100;

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(10),
  offset: z.coerce.number().int().min(0).default(0),
  status_ne: z.string().transform((text) => text.split(",")).pipe(z.array(z.enum(CLUSTER_STATUSES))).optional(),
});
const filterQuery = z.object({
  cloudProvider: z.string().optional(), region: z.string().optional(),
  minDisks: z.coerce.number().int().min(0).optional(), minStorageGiB: z.coerce.number().int().min(0).optional(), minMemoryGiB: z.coerce.number().int().min(0).optional(),
});

/** @param seed secret of the daemon that the account's keys are made from */
export function aerospikeServer(cloud: Cloud, seed: string): FastifyInstance {
  const { full, readOnly } = localKeys(seed);
  const tokens = new Tokens([full, readOnly], () => performance.now());
  const app = fastify({
    forceCloseConnections: true, bodyLimit: 1024 * 1024,
    // Addresses that can't be decoded never come to a route, nor to the handlers of errors below.
    frameworkErrors: (error, request, reply) => refuse(error, request, reply, cloud),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (_request, reply) => void reply.header("x-request-id", randomUUID()));
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, cloud));
  app.setNotFoundHandler((request, reply) => refuse(notImplemented(`${request.method} ${request.url}`), request, reply, cloud));
  app.post("/oauth/token", async (request, reply) => token(request, reply, tokens, cloud));
  for (const paths of BASES) routes(app, cloud, tokens, paths);
  return app;
}

function routes(app: FastifyInstance, cloud: Cloud, tokens: Tokens, { base, clusters, providers }: (typeof BASES)[number]): void {
  const route = (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, scope: Scope, handle: (request: FastifyRequest, reply: FastifyReply, fault: Fault | undefined) => unknown) => {
    app.route({
      method, url: `${base}${path}`,
      handler: async (request, reply) => {
        authorize(request, tokens, scope);
        return carryOut(cloud, REQUEST, reply, (fault) => handle(request, reply, fault));
      },
    });
  };
  route("GET", providers, "read:database", (request) => offerings(parse(filterQuery, deepObject(request.query))));
  route("GET", `${providers}/:provider/instance-types/:type`, "read:database", (request) => {
    const { provider = "", type = "" } = request.params as Record<string, string>;
    return instanceType(provider, type) ?? problem(notFound("instance type", type));
  });
  route("GET", clusters, "read:database", (request) => listClusters(request, cloud));
  route("POST", clusters, "create:database", (request, reply) => createCluster(request, reply, cloud));
  route("GET", `${clusters}/:id`, "read:database", (request) => clusterView(find(request, cloud)));
  route("PATCH", `${clusters}/:id`, "update:database", (request, reply) => patchCluster(request, reply, cloud));
  route("DELETE", `${clusters}/:id`, "delete:database", (request, reply) => deleteCluster(request, reply, cloud));
  route("GET", `${clusters}/:id/vpc-peerings`, "read:database", (request) => listPeerings(request, cloud));
  route("POST", `${clusters}/:id/vpc-peerings`, "update:database", (request, reply) => createPeering(request, reply, cloud));
  route("DELETE", `${clusters}/:id/vpc-peerings/:peering`, "delete:database", (request, reply) => deletePeering(request, reply, cloud));
}

function token(request: FastifyRequest, reply: FastifyReply, tokens: Tokens, { context: { clock } }: Cloud): unknown {
  const form = /json/.test(request.headers["content-type"] ?? "") ? json(request) : Object.fromEntries(new URLSearchParams(String(request.body ?? "")));
  const { grant_type: grant, client_id: id, client_secret: secret } = parse(z.object({ grant_type: z.string(), client_id: z.string(), client_secret: z.string() }), form);
  // OAuth's own form of errors (RFC 6749, 5.2), not the API's.
  if (grant !== "client_credentials") return reply.code(400).send({ error: "unsupported_grant_type" });
  const issued = tokens.issue(id, secret, clock.toRealMs(TOKEN_SECONDS));
  if (issued === undefined) return reply.code(401).send({ error: "access_denied", error_description: "Unauthorized" });
  return { access_token: issued.token, token_type: "Bearer", expires_in: Math.max(1, Math.floor(clock.toRealMs(TOKEN_SECONDS) / 1000)), scope: issued.scopes.join(" ") };
}

function authorize(request: FastifyRequest, tokens: Tokens, scope: Scope): void {
  const scopes = tokens.check(request.headers.authorization);
  if (scopes === undefined || scopes === "expired") throw unauthenticated(scopes === "expired" ? "The access token has expired." : "The access token is missing or invalid.", scopes === "expired");
  if (!scopes.includes(scope)) throw forbidden(scope);
}

function listClusters(request: FastifyRequest, { context: { store, clock } }: Cloud): unknown {
  const { limit, offset, status_ne: without = [] } = parse(listQuery, request.query);
  const visible = store.list(CLUSTER).filter((record) => elapsedSeconds(record, clock) >= LIST_LAG_SECONDS && !without.includes(clusterStatus(record)));
  const clusters = visible.slice(offset, offset + limit).map(clusterView);
  return { count: clusters.length, meta: { total: visible.length, limit, offset }, clusters };
}

function createCluster(request: FastifyRequest, reply: FastifyReply, cloud: Cloud): Promise<unknown> {
  const body = parse(clusterCreateSchema, json(request));
  return carryOut(cloud, CLUSTER, reply, (fault) => {
    const { provider, region, instanceType: type } = body.infrastructure;
    const place = offerings({ cloudProvider: provider }).results[0]?.regions.find(({ name }) => name === region);
    if (place === undefined) throw badRequest(`Region ${region} is not supported by ${provider}.`);
    if (instanceType(provider, type) === undefined) throw badRequest(`Instance type ${type} is not supported in ${region}.`);
    const { record } = cloud.lifecycle.accept(callOf(CLUSTER, body.name, region), asProperties(body), fault);
    if (fault === "action-required") cloud.context.store.patch(record.key, { endsAs: "action-required" });
    void reply.code(202);
    return clusterView(record);
  });
}

function patchCluster(request: FastifyRequest, reply: FastifyReply, cloud: Cloud): unknown {
  const patch = parse(clusterPatchSchema, json(request));
  const record = find(request, cloud);
  const status = clusterStatus(record);
  if (status !== "active") throw conflict(`The cluster is ${status}; it can be changed when it is active.`);
  const body = parse(clusterCreateSchema, deepMerge(bodyOf(record), patch));
  const { store } = cloud.context;
  void cloud.lifecycle.update(callOf(CLUSTER, body.name, record.region, record.urn), record.id, asProperties(body)).catch((error: unknown) => cloud.context.log.warn("a cluster's update failed", { id: record.id, reason: messageOf(error) }));
  // The answer shows that the change has begun.
  void reply.code(202);
  return clusterView({ ...(store.get(CLUSTER, record.id) ?? record), status: "updating" });
}

function deleteCluster(request: FastifyRequest, reply: FastifyReply, cloud: Cloud): unknown {
  const record = find(request, cloud);
  const remove = (one: ResourceRecord) => cloud.lifecycle.delete(callOf(one.type as typeof CLUSTER, "", one.region, one.urn), one.id)
    .catch((error: unknown) => cloud.context.log.warn("a deletion failed", { id: one.id, reason: messageOf(error) }));
  // Its peerings end with it.
  for (const peering of peeringsOf(record, cloud)) void remove(peering);
  void remove(record);
  void reply.code(204);
  return undefined;
}

function listPeerings(request: FastifyRequest, cloud: Cloud): unknown {
  const { limit, offset } = parse(listQuery, request.query);
  const all = peeringsOf(find(request, cloud), cloud);
  const vpcPeerings = all.slice(offset, offset + limit).map(peeringView);
  return { count: vpcPeerings.length, meta: { total: all.length, limit, offset }, vpcPeerings };
}

function createPeering(request: FastifyRequest, reply: FastifyReply, cloud: Cloud): Promise<unknown> {
  const body = parse(peeringCreateSchema, json(request));
  const cluster = find(request, cloud);
  if (clusterStatus(cluster) !== "active") throw badRequest(`The cluster is ${clusterStatus(cluster)}; a peering can be requested when it is active.`);
  return carryOut(cloud, VPC_PEERING, reply, (fault) => {
    const { record } = cloud.lifecycle.accept(callOf(VPC_PEERING, `${bodyOf(cluster).name}/${body.vpcId}`, body.region), { ...body, clusterId: cluster.id }, fault);
    if (fault === "rejected" || fault === "expired" || fault === "failed") cloud.context.store.patch(record.key, { endsAs: fault });
    void reply.code(201);
    return peeringView(record);
  });
}

function deletePeering(request: FastifyRequest, reply: FastifyReply, cloud: Cloud): unknown {
  const { peering = "" } = request.params as Record<string, string>;
  const record = peeringsOf(find(request, cloud), cloud).find(({ id }) => id === peering) ?? problem(notFound("vpc peering", peering));
  void cloud.lifecycle.delete(callOf(VPC_PEERING, "", record.region, record.urn), record.id)
    .catch((error: unknown) => cloud.context.log.warn("a deletion failed", { id: record.id, reason: messageOf(error) }));
  void reply.code(204);
  return undefined;
}

function peeringsOf(cluster: ResourceRecord, { context: { store } }: Cloud): ResourceRecord[] {
  return store.list(VPC_PEERING).filter(({ inputs }) => inputs["clusterId"] === cluster.id);
}

function find(request: FastifyRequest, { context: { store } }: Cloud): ResourceRecord {
  const { id = "" } = request.params as Record<string, string>;
  if (!z.uuid().safeParse(id).success) throw badRequest(`The cluster ID "${id}" is not a UUID.`);
  return store.get(CLUSTER, id) ?? problem(notFound("cluster", id));
}

function json(request: FastifyRequest): unknown {
  try {
    return JSON.parse(String(request.body ?? ""));
  } catch {
    throw badRequest("The request's body is not JSON.");
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error, value);
}

/** `filter[region]=x` → `{ region: "x" }`. */
function deepObject(query: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(query as Record<string, string>).flatMap(([key, value]) => {
    const name = /^filter\[(\w+)\]$/.exec(key)?.[1];
    return name === undefined ? [] : [[name, value]];
  }));
}

/** What came as JSON is made of property values. */
function asProperties(body: object): Properties {
  return body as Properties;
}

function problem(error: ProblemError): never {
  throw error;
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, { context: { log } }: Cloud): unknown {
  const shown = error instanceof ProblemError ? error : error instanceof ServiceError ? internal(error.message) : unexpected(error);
  if (shown.problem.status >= 500) log.warn("aerospike api call failed", { method: request.method, url: request.url, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return reply.code(shown.problem.status).headers(shown.headers).type("application/problem+json").send(shown.problem);
}

/** What the HTTP server itself refuses has a status; anything else is a fault of ours. */
function unexpected(error: unknown): ProblemError {
  const status = error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  return status < 500 ? badRequest(messageOf(error)) : internal("The local cloud failed; see its daemon.log.");
}
