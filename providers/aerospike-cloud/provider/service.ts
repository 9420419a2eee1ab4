/** Pulumi's provider protocol around the resources of this package. One process serves one provider instance. */
import { status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { PluginInfo, type PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { diffInputs } from "../../wire/diff";
import { structOf, unmarshal, wireOf } from "../../wire/properties";
import { RpcError, unary } from "../../wire/rpc";
import type { AerospikeCloudClient } from "../api/client";
import { schema } from "../schema";
import { VERSION } from "../version";
import { configFaults, readSettings, type ProviderSettings } from "./config";
import { invokeFunction } from "./functions";
import type { CallContext } from "./handler";
import type { EngineLog } from "./log";
import { resourceCalls } from "./resourceCalls";

export interface ServiceParts {
  readonly env: NodeJS.ProcessEnv;
  readonly log: EngineLog;
  readonly makeClient: (settings: ProviderSettings) => AerospikeCloudClient;
  readonly now: () => number;
  readonly sleep: CallContext["sleep"];
}

/** What the configured provider hands to its calls. */
export interface Configured { readonly client: AerospikeCloudClient; readonly settings: ProviderSettings; readonly cancelled: AbortSignal }

export function providerService(parts: ServiceParts): UntypedServiceImplementation & { close(): Promise<void> } {
  const cancel = new AbortController();
  let current: Configured | undefined;
  const configured = (): Configured => {
    if (current === undefined) throw new RpcError(status.FAILED_PRECONDITION, "the provider aerospikecloud is not configured yet");
    return current;
  };
  return {
    handshake: unary((request: rpc.ProviderHandshakeRequest) => {
      parts.log.connect(request.getEngineAddress());
      return new rpc.ProviderHandshakeResponse().setAcceptSecrets(true).setAcceptResources(true).setAcceptOutputs(false);
    }),
    attach: unary((request: PluginAttach) => {
      parts.log.connect(request.getAddress());
      return new Empty();
    }),
    getPluginInfo: unary(() => new PluginInfo().setVersion(VERSION)),
    getSchema: unary(() => new rpc.GetSchemaResponse().setSchema(JSON.stringify(schema))),
    checkConfig: unary((request: rpc.CheckRequest) => {
      const news = wireOf(request.getNews());
      const faults = configFaults(unmarshal(news).properties);
      // Without the property's name: the engine would show its value beside it, and with it a key, or a password in an address.
      return new rpc.CheckResponse().setInputs(structOf(news)).setFailuresList(faults.map(({ property, reason }) => new rpc.CheckFailure().setReason(`${property}: ${reason}`)));
    }),
    // Another key, or another way to the same service: the resources stay what they are.
    diffConfig: unary((request: rpc.DiffRequest) => {
      const olds = unmarshal(wireOf(request.getOldInputs() ?? request.getOlds())).properties;
      const changes = diffInputs(olds, unmarshal(wireOf(request.getNews()), true).properties, []);
      return new rpc.DiffResponse().setChanges(changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE).setDiffsList(changes.map(({ path }) => path));
    }),
    configure: unary((request: rpc.ConfigureRequest) => {
      try {
        const settings = readSettings(unmarshal(wireOf(request.getArgs())).properties, parts.env);
        current = { client: parts.makeClient(settings), settings, cancelled: cancel.signal };
      } catch (error) {
        throw new RpcError(status.INVALID_ARGUMENT, error instanceof Error ? error.message : String(error));
      }
      return new rpc.ConfigureResponse().setAcceptsecrets(true).setAcceptresources(true).setSupportspreview(true);
    }),
    ...resourceCalls({ ...parts, configured }),
    invoke: unary(async (request: rpc.InvokeRequest, { signal }) => {
      const { client, cancelled } = configured();
      return invokeFunction(request, client, AbortSignal.any([signal, cancelled]));
    }),
    cancel: unary(() => {
      cancel.abort(new Error("cancelled; run the same command again to go on"));
      return new Empty();
    }),
    call: unary((request: rpc.CallRequest) => unimplemented(`method ${request.getTok()}`)),
    construct: unary((request: rpc.ConstructRequest) => unimplemented(`component ${request.getType()}`)),
    parameterize: unary(() => unimplemented("parameterization")),
    getMapping: unary(() => new rpc.GetMappingResponse()),
    close: async () => {
      await current?.client.close();
    },
  };
}

function unimplemented(what: string): never {
  throw new RpcError(status.UNIMPLEMENTED, `the provider aerospikecloud has no ${what}`);
}
