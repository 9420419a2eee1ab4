/** Serves a package's provider on its loopback port. */
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";

/** Pulumi's own limit for one message, 400 MiB. Source: sdk/go/common/util/rpcutil. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

export interface ProviderServer {
  readonly port: number;
  /** Ends every connection at once; jobs that were accepted are the core's. */
  close(): void;
}

/** @param port 0 for any free one @throws {Error} when the port is taken */
export async function serveProvider(service: UntypedServiceImplementation, port: number): Promise<ProviderServer> {
  const server = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES, "grpc.max_send_message_length": MAX_MESSAGE_BYTES });
  server.addService(ResourceProviderService, service);
  const bound = await new Promise<number>((resolve, reject) => {
    // Loopback only, so that nothing has to be encrypted.
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, actual) => (error ? reject(error) : resolve(actual)));
  });
  return { port: bound, close: () => server.forceShutdown() };
}
