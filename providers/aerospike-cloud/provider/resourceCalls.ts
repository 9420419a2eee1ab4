/** The resource calls of the protocol, from and to the handlers of the types. */
import { status } from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { diffInputs } from "../../wire/diff";
import { marshal, redactor, structOf, unmarshal, wireOf, type Unmarshalled, type WireProperties } from "../../wire/properties";
import { initFailed, RpcError, unary } from "../../wire/rpc";
import type { Properties } from "../../wire/values";
import { NotReady, type CallContext, type CheckFault, type ResourceHandler } from "./handler";
import { clusterHandler } from "./resources/cluster";
import { clusterReadyHandler } from "./resources/clusterReady";
import { vpcPeeringHandler, vpcPeeringReadyHandler } from "./resources/vpcPeering";
import type { Configured, ServiceParts } from "./service";

export const HANDLERS: readonly ResourceHandler[] = [clusterHandler, clusterReadyHandler, vpcPeeringHandler, vpcPeeringReadyHandler];

type Parts = ServiceParts & { readonly configured: () => Configured };

export function resourceCalls(parts: Parts) {
  return {
    check: unary((request: rpc.CheckRequest, { signal }) => check(parts, request, signal)),
    diff: unary((request: rpc.DiffRequest) => diff(request)),
    create: unary((request: rpc.CreateRequest, { signal }) => create(parts, request, signal)),
    read: unary((request: rpc.ReadRequest, { signal }) => read(parts, request, signal)),
    update: unary((request: rpc.UpdateRequest, { signal }) => update(parts, request, signal)),
    delete: unary((request: rpc.DeleteRequest, { signal }) => remove(parts, request, signal)),
  };
}

async function check(parts: Parts, request: rpc.CheckRequest, signal: AbortSignal): Promise<rpc.CheckResponse> {
  const wire = wireOf(request.getNews());
  const news = unmarshal(wire);
  const { properties, unknowns } = news;
  const changed = diffInputs(unmarshal(wireOf(request.getOlds())).properties, properties, []).length > 0;
  const { client, cancelled } = parts.configured();
  const context = {
    client, signal: AbortSignal.any([signal, cancelled]),
    warn: (message: string) => void parts.log.send(request.getUrn(), redactor(news)(message), "warning"),
  };
  const faults = await handlerOf(request.getUrn()).check(properties, unknowns, context, changed);
  return new rpc.CheckResponse().setInputs(structOf(wire)).setFailuresList(faults.map((fault) => failure(fault, redactor(news))));
}

/** The engine shows the value of a property beside its name, and finds it by that name at the top only: a path goes into the text. */
function failure({ property, reason }: CheckFault, redact: (text: string) => string): rpc.CheckFailure {
  return new rpc.CheckFailure().setReason(redact(property === "" ? reason : `${property}: ${reason}`));
}

function diff(request: rpc.DiffRequest): rpc.DiffResponse {
  const handler = handlerOf(request.getUrn());
  const { properties: olds } = unmarshal(wireOf(request.getOldInputs() ?? request.getOlds()));
  const { properties: state } = unmarshal(wireOf(request.getOlds()));
  const { properties: news } = unmarshal(wireOf(request.getNews()), true);
  const changes = diffInputs(handler.effective?.(olds, state, news) ?? olds, news, handler.replaceOn);
  const { Kind } = rpc.PropertyDiff;
  const response = new rpc.DiffResponse().setHasdetaileddiff(true).setDeletebeforereplace(handler.deleteBeforeReplace)
    .setChanges(changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE)
    .setDiffsList([...new Set(changes.map(({ path }) => topLevel(path)))])
    .setReplacesList([...new Set(changes.filter(({ replaces }) => replaces).map(({ path }) => topLevel(path)))]);
  const kinds = { add: [Kind.ADD, Kind.ADD_REPLACE], delete: [Kind.DELETE, Kind.DELETE_REPLACE], update: [Kind.UPDATE, Kind.UPDATE_REPLACE] } as const;
  for (const { path, kind, replaces } of changes) response.getDetaileddiffMap().set(path, new rpc.PropertyDiff().setKind(kinds[kind][replaces ? 1 : 0]).setInputdiff(true));
  return response;
}

async function create(parts: Parts, request: rpc.CreateRequest, signal: AbortSignal): Promise<rpc.CreateResponse> {
  const wire = wireOf(request.getProperties());
  if (request.getPreview()) return new rpc.CreateResponse().setProperties(structOf(wire));
  const inputs = unmarshal(wire);
  const context = contextOf(parts, request.getUrn(), signal, request.getTimeout(), inputs);
  const { id, outputs } = await reported(() => handlerOf(request.getUrn()).create(inputs.properties, context), inputs, wire);
  return new rpc.CreateResponse().setId(id).setProperties(structOf(marshal(outputs, inputs.secrets)));
}

async function read(parts: Parts, request: rpc.ReadRequest, signal: AbortSignal): Promise<rpc.ReadResponse> {
  const wire = wireOf(request.getInputs());
  const inputs = unmarshal(wire);
  const state = unmarshal(wireOf(request.getProperties()));
  const context = contextOf(parts, request.getUrn(), signal, 0, inputs);
  const found = await reported(() => handlerOf(request.getUrn()).read(request.getId(), inputs.properties, state.properties, context), inputs, wire);
  if (found === undefined) return new rpc.ReadResponse();
  const secrets = [...inputs.secrets, ...state.secrets];
  return new rpc.ReadResponse().setId(found.id).setInputs(structOf(marshal(found.inputs, secrets))).setProperties(structOf(marshal(found.outputs, secrets)));
}

async function update(parts: Parts, request: rpc.UpdateRequest, signal: AbortSignal): Promise<rpc.UpdateResponse> {
  const wire = wireOf(request.getNews());
  const news = unmarshal(wire);
  const state = unmarshal(wireOf(request.getOlds())).properties;
  if (request.getPreview()) return new rpc.UpdateResponse().setProperties(structOf({ ...wireOf(request.getOlds()), ...wire }));
  const olds = unmarshal(wireOf(request.getOldInputs())).properties;
  const context = contextOf(parts, request.getUrn(), signal, request.getTimeout(), news);
  const outputs = await reported(() => handlerOf(request.getUrn()).update(request.getId(), state, olds, news.properties, context), news, wire);
  return new rpc.UpdateResponse().setProperties(structOf(marshal(outputs, news.secrets)));
}

async function remove(parts: Parts, request: rpc.DeleteRequest, signal: AbortSignal): Promise<Empty> {
  const state = unmarshal(wireOf(request.getProperties()));
  const context = contextOf(parts, request.getUrn(), signal, request.getTimeout(), state);
  await reported(() => handlerOf(request.getUrn()).delete(request.getId(), state.properties, context), state, {});
  return new Empty();
}

function contextOf(parts: Parts, urn: string, signal: AbortSignal, timeoutSeconds: number, inputs: Unmarshalled): CallContext {
  const { client, settings, cancelled } = parts.configured();
  const redact = redactor(inputs);
  return {
    client, urn, timeoutSeconds, timeScale: settings.timeScale, now: parts.now, sleep: parts.sleep,
    signal: AbortSignal.any([signal, cancelled]),
    progress: (message) => parts.log.send(urn, redact(message), "progress"),
    info: (message) => void parts.log.send(urn, redact(message), "information"),
    warn: (message) => void parts.log.send(urn, redact(message), "warning"),
  };
}

/** Turns errors into the engine's form, without the secrets that an input may have put into a text. */
async function reported<T>(work: () => Promise<T>, inputs: Unmarshalled, wire: WireProperties): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = redactor(inputs)(error instanceof Error ? error.message : String(error));
    if (error instanceof NotReady) throw initFailed(error.id, message, marshal(withoutUndefined(error.outputs), inputs.secrets), wire);
    throw new RpcError(status.UNKNOWN, message);
  }
}

function withoutUndefined(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

/** `urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>`. @throws {RpcError} for a type that isn't of this package */
function handlerOf(urn: string): ResourceHandler {
  const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const handler = HANDLERS.find((one) => one.type === type);
  if (handler === undefined) throw new RpcError(status.UNIMPLEMENTED, `the provider aerospikecloud has no resource ${type}; expected ${HANDLERS.map((one) => one.type).join(", ")}`);
  return handler;
}

function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}
