/** The resource calls of the provider protocol: check, diff, create, read, update, delete. */
import { status } from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PartialFailure, ReplyDropped, type AnyModel, type Lifecycle, type ResourceCall } from "../core/lifecycle";
import { parseUrn } from "../core/urn";
import { messageOf } from "../errors";
import type { Properties, ResourceRecord } from "../model";
import { checkInputs, type Autonaming } from "./check";
import type { Connections } from "./connections";
import { diffInputs, type PropertyChange } from "../../providers/wire/diff";
import { DEFAULTS_KEY, marshal, redactor, structOf, unmarshal, wireOf, type Unmarshalled, type WireProperties, type WireValue } from "../../providers/wire/properties";
import { initFailed, RpcError, unary } from "../../providers/wire/rpc";

export interface ResourceParts {
  readonly lifecycle: Lifecycle;
  readonly connections: Connections;
  /** @throws {RpcError} for a type that is not modelled */
  readonly modelOf: (type: string) => AnyModel;
}

/** What every handler knows of its call. */
interface Incoming { readonly peer: string; readonly signal: AbortSignal }

const MODES = {
  [rpc.CheckRequest.AutonamingOptions.Mode.PROPOSE]: "propose",
  [rpc.CheckRequest.AutonamingOptions.Mode.ENFORCE]: "enforce",
  [rpc.CheckRequest.AutonamingOptions.Mode.DISABLE]: "disable",
} as const satisfies Record<number, Autonaming["mode"]>;

export function resourceHandlers(parts: ResourceParts) {
  return {
    check: unary((request: rpc.CheckRequest, incoming) => check(parts, request, incoming)),
    diff: unary((request: rpc.DiffRequest, incoming) => diff(parts, request, incoming)),
    create: unary((request: rpc.CreateRequest, incoming) => create(parts, request, incoming)),
    read: unary((request: rpc.ReadRequest, incoming) => read(parts, request, incoming)),
    update: unary((request: rpc.UpdateRequest, incoming) => update(parts, request, incoming)),
    delete: unary((request: rpc.DeleteRequest, incoming) => remove(parts, request, incoming)),
  };
}

function check(parts: ResourceParts, request: rpc.CheckRequest, { peer }: Incoming): rpc.CheckResponse {
  const { name, type } = parseUrn(request.getUrn());
  const { region, account, defaultTags } = parts.connections.get(peer);
  const options = request.getAutonaming();
  const { inputs, faults } = checkInputs({
    model: parts.modelOf(type), name, scope: { region, account }, defaultTags,
    olds: wireOf(request.getOlds()), news: wireOf(request.getNews()), randomSeed: request.getRandomseed_asU8(),
    ...(options && { autonaming: { mode: MODES[options.getMode()], proposedName: options.getProposedName() } }),
  });
  return new rpc.CheckResponse().setInputs(structOf(inputs))
    .setFailuresList(faults.map((fault) => new rpc.CheckFailure().setProperty(fault.property).setReason(fault.reason)));
}

function diff(parts: ResourceParts, request: rpc.DiffRequest, { peer }: Incoming): rpc.DiffResponse {
  const model = parts.modelOf(parseUrn(request.getUrn()).type);
  const news = wireOf(request.getNews());
  const olds = wireOf(request.getOldInputs() ?? request.getOlds());
  const changes = [
    ...diffInputs(unmarshal(olds).properties, unmarshal(news, true).properties, model.replaceOn),
    ...regionChange(wireOf(request.getOlds())["region"], parts.connections.get(peer).region),
    ...driftChanges(model, wireOf(request.getOlds()), news),
  ];
  const response = new rpc.DiffResponse().setHasdetaileddiff(true)
    .setChanges(changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE)
    .setDiffsList([...new Set(changes.map(({ path }) => topLevel(path)))])
    .setReplacesList([...new Set(changes.filter(({ replaces }) => replaces).map(({ path }) => topLevel(path)))])
    .setDeletebeforereplace(model.deleteBeforeReplace === true || keepsItsName(model, olds, news));
  for (const change of changes) response.getDetaileddiffMap().set(change.path, new rpc.PropertyDiff().setKind(kindOf(change)).setInputdiff(true));
  return response;
}

/**
 * A resource stays where it was made. The engine sees that a provider moved as long as that update goes on; after a kill, only the
 * resource's own diff does, as in the real provider (resources carry their region, and a change replaces).
 */
function regionChange(old: WireValue | undefined, region: string): PropertyChange[] {
  return typeof old === "string" && old !== region ? [{ path: "region", kind: "update", replaces: true }] : [];
}

/** A bridged provider compares with the state that was read last, so that what changed by itself is put right. */
function driftChanges(model: AnyModel, state: WireProperties, news: WireProperties): PropertyChange[] {
  const paths = model.drifted?.(unmarshal(state).properties, unmarshal(news).properties) ?? [];
  return paths.map((path) => ({ path, kind: "update", replaces: false }));
}

async function create(parts: ResourceParts, request: rpc.CreateRequest, incoming: Incoming): Promise<rpc.CreateResponse> {
  const wire = wireOf(request.getProperties());
  const inputs = unmarshal(wire);
  const call = callOf(parts, request.getUrn(), incoming, inputs);
  // As in a bridged provider: the inputs are known, everything else the engine takes as computed.
  if (request.getPreview()) return new rpc.CreateResponse().setProperties(structOf(withoutDefaults(wire)));
  const record = await reported(parts.lifecycle.create(call, inputs.properties), inputs, wire);
  return new rpc.CreateResponse().setId(record.id).setProperties(structOf(marshal(outputsOf(record), inputs.secrets)));
}

async function read(parts: ResourceParts, request: rpc.ReadRequest, incoming: Incoming): Promise<rpc.ReadResponse> {
  const state = unmarshal(wireOf(request.getProperties()));
  const wire = wireOf(request.getInputs());
  const inputs = unmarshal(wire);
  const record = await parts.lifecycle.read(callOf(parts, request.getUrn(), incoming, inputs), request.getId());
  if (!record) return new rpc.ReadResponse();
  const secrets = [...state.secrets, ...inputs.secrets];
  const defaults = wire[DEFAULTS_KEY];
  const live = { ...marshal(driftedInputs(record), secrets), ...(defaults !== undefined && { [DEFAULTS_KEY]: defaults }) };
  return new rpc.ReadResponse().setId(record.id).setInputs(structOf(live)).setProperties(structOf(marshal(outputsOf(record), secrets)));
}

async function update(parts: ResourceParts, request: rpc.UpdateRequest, incoming: Incoming): Promise<rpc.UpdateResponse> {
  const wire = wireOf(request.getNews());
  const news = unmarshal(wire);
  const call = callOf(parts, request.getUrn(), incoming, news);
  if (request.getPreview()) {
    const dropped = Object.keys(wireOf(request.getOldInputs())).filter((key) => !(key in wire));
    const kept = Object.entries(wireOf(request.getOlds())).filter(([key]) => !dropped.includes(key));
    return new rpc.UpdateResponse().setProperties(structOf({ ...Object.fromEntries(kept), ...withoutDefaults(wire) }));
  }
  const record = await reported(parts.lifecycle.update(call, request.getId(), news.properties), news, wire);
  return new rpc.UpdateResponse().setProperties(structOf(marshal(outputsOf(record), news.secrets)));
}

async function remove(parts: ResourceParts, request: rpc.DeleteRequest, incoming: Incoming): Promise<Empty> {
  const inputs = unmarshal(wireOf(request.getOldInputs()));
  await parts.lifecycle.delete(callOf(parts, request.getUrn(), incoming, inputs), request.getId());
  return new Empty();
}

function callOf(parts: ResourceParts, urn: string, { peer, signal }: Incoming, inputs: Unmarshalled): ResourceCall {
  const { stack, type, name } = parseUrn(urn);
  const { region, account, cancelled } = parts.connections.get(peer);
  return {
    model: parts.modelOf(type),
    scope: { region, account, stack, urn, type, name, signal: AbortSignal.any([signal, cancelled]) },
    redact: redactor(inputs),
  };
}

/** Turns the core's errors into the engine's, without the secrets that a model may have put into a text. */
async function reported(job: Promise<ResourceRecord>, inputs: Unmarshalled, wire: WireProperties): Promise<ResourceRecord> {
  try {
    return await job;
  } catch (error) {
    const message = redactor(inputs)(messageOf(error));
    if (error instanceof PartialFailure) throw initFailed(error.record.id, message, marshal(outputsOf(error.record), inputs.secrets), wire);
    throw new RpcError(error instanceof ReplyDropped ? status.UNAVAILABLE : status.UNKNOWN, message);
  }
}

function outputsOf(record: ResourceRecord): Properties {
  return { ...record.outputs, id: record.id };
}

/** Inputs as a refresh finds them: simple values that the service changed by itself show up as drift. */
function driftedInputs({ inputs, outputs }: ResourceRecord): Properties {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => {
    const live = outputs[key];
    return [key, typeof value !== "object" && live !== undefined && typeof live === typeof value ? live : value];
  }));
}

function withoutDefaults(wire: WireProperties): WireProperties {
  const { [DEFAULTS_KEY]: _defaults, ...rest } = wire;
  return rest;
}

/** A name that the program gave and that stays can't be taken by the replacement while the old resource has it (bridge rule). */
function keepsItsName(model: AnyModel, olds: WireProperties, news: WireProperties): boolean {
  const property = model.autoname?.property;
  const defaults = news[DEFAULTS_KEY];
  if (property === undefined || !Array.isArray(defaults) || defaults.includes(property)) return false;
  return news[property] !== undefined && JSON.stringify(news[property]) === JSON.stringify(olds[property]);
}

function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

function kindOf({ kind, replaces }: PropertyChange): rpc.PropertyDiff.Kind {
  const { Kind } = rpc.PropertyDiff;
  switch (kind) {
    case "add": return replaces ? Kind.ADD_REPLACE : Kind.ADD;
    case "delete": return replaces ? Kind.DELETE_REPLACE : Kind.DELETE;
    case "update": return replaces ? Kind.UPDATE_REPLACE : Kind.UPDATE;
  }
}
