/** Messages to the engine: progress that is shown while an operation runs, and information that stays. */
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export interface EngineLog {
  /** Address of the engine's own service, as it tells by the command line, the handshake or an attachment. */
  connect(address: string): void;
  /** @param ephemeral shown while the operation runs, and not in its summary */
  send(urn: string, message: string, ephemeral: boolean): void;
}

/** A message that can't be delivered is dropped: the engine may be gone, and the work is what counts. */
export function engineLog(): EngineLog {
  let client: EngineClient | undefined;
  return {
    connect: (address) => {
      if (address !== "") client ??= new EngineClient(address, credentials.createInsecure());
    },
    send: (urn, message, ephemeral) => {
      client?.log(new LogRequest().setSeverity(LogSeverity.INFO).setUrn(urn).setMessage(message).setEphemeral(ephemeral), () => undefined);
    },
  };
}
