/** Pulumi's provider protocol for one package: one server for all stacks, attached with `PULUMI_DEBUG_PROVIDERS`. */
import { status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { PluginInfo, type PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { AnyModel, Lifecycle } from "../core/lifecycle";
import { diffInputs } from "../../providers/wire/diff";
import { marshal, structOf, unmarshal, wireOf } from "../../providers/wire/properties";
import { RpcError, unary } from "../../providers/wire/rpc";
import type { CloudContext, FunctionModel, PackageModel, ProviderSettings } from "../model";
import { awsSettings } from "./configuration";
import { Connections } from "./connections";
import { resourceHandlers } from "./resources";

export interface ProviderParts {
  readonly model: PackageModel;
  readonly lifecycle: Lifecycle;
  readonly cloud: CloudContext;
}

const EXTEND = "see docs/local-cloud.md";

export function providerService({ model, lifecycle, cloud }: ProviderParts): UntypedServiceImplementation {
  const connections = new Connections();
  const models = new Map<string, AnyModel>(model.resources.map((resource) => [resource.type, resource]));
  const functions = new Map(model.functions.map((fn) => [fn.token, fn]));
  const modelOf = (type: string): AnyModel => models.get(type) ?? notModelled("resource type", type, model.name);
  return {
    ...lifecycleHandlers(model, connections),
    ...configurationHandlers(connections, model.settings ?? awsSettings),
    ...resourceHandlers({ lifecycle, connections, modelOf }),
    invoke: unary(async (request: rpc.InvokeRequest, { peer, signal }) => {
      const token = request.getTok();
      const fn: FunctionModel = functions.get(token) ?? notModelled("function", token, model.name);
      const { region, account } = connections.get(peer);
      const args = unmarshal(wireOf(request.getArgs()));
      const result = await fn.invoke(args.properties, { region, account, signal }, cloud);
      return new rpc.InvokeResponse().setReturn(structOf(marshal(result)));
    }),
    call: unary((request: rpc.CallRequest) => unimplemented(`method ${request.getTok()}`)),
    construct: unary((request: rpc.ConstructRequest) => unimplemented(`remote component ${request.getType()}`)),
    parameterize: unary(() => unimplemented("a parameterized package")),
  };
}

/** The handshake and the end of a connection. */
function lifecycleHandlers(model: PackageModel, connections: Connections): UntypedServiceImplementation {
  return {
    handshake: unary((_request: rpc.ProviderHandshakeRequest, { peer }) => {
      connections.attach(peer);
      return new rpc.ProviderHandshakeResponse().setAcceptSecrets(true).setAcceptResources(true).setAcceptOutputs(false).setSupportsAutonamingConfiguration(true);
    }),
    attach: unary((_request: PluginAttach) => new Empty()),
    getPluginInfo: unary(() => new PluginInfo().setVersion(model.version)),
    getSchema: unary(() => new rpc.GetSchemaResponse().setSchema(JSON.stringify({ name: model.name, version: model.version }))),
    cancel: unary((_request: Empty, { peer }) => {
      connections.cancel(peer);
      return new Empty();
    }),
  };
}

function configurationHandlers(connections: Connections, settings: ProviderSettings): UntypedServiceImplementation {
  return {
    checkConfig: unary((request: rpc.CheckRequest) => {
      const news = wireOf(request.getNews());
      const { properties, unknowns } = unmarshal(news);
      const faults = settings.faults(properties, (key) => unknowns.some(([first]) => first === key));
      return new rpc.CheckResponse().setInputs(structOf(news))
        .setFailuresList(faults.map((fault) => new rpc.CheckFailure().setProperty(fault.property).setReason(fault.reason)));
    }),
    diffConfig: unary((request: rpc.DiffRequest) => {
      const olds = unmarshal(wireOf(request.getOldInputs() ?? request.getOlds())).properties;
      const changes = diffInputs(olds, unmarshal(wireOf(request.getNews()), true).properties, settings.replaceOn);
      return new rpc.DiffResponse().setChanges(changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE)
        .setDiffsList(changes.map(({ path }) => path)).setReplacesList(changes.filter(({ replaces }) => replaces).map(({ path }) => path));
    }),
    configure: unary((request: rpc.ConfigureRequest, { peer }) => {
      try {
        connections.configure(peer, settings.read(unmarshal(wireOf(request.getArgs())).properties));
      } catch (error) {
        throw new RpcError(status.INVALID_ARGUMENT, error instanceof Error ? error.message : String(error));
      }
      return new rpc.ConfigureResponse().setAcceptsecrets(true).setAcceptresources(true).setSupportspreview(true).setSupportsAutonamingConfiguration(true);
    }),
  };
}

function notModelled(what: string, token: string, packageName: string): never {
  throw new RpcError(status.UNIMPLEMENTED, `${what} "${token}" is not modelled by the local cloud; add it under local/${packageName}/ (${EXTEND})`);
}

/** For what the local cloud does not serve. */
function unimplemented(what: string): never {
  throw new RpcError(status.UNIMPLEMENTED, `${what} is not modelled by the local cloud`);
}
