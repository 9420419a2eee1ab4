/** Messages to the engine: progress, information and warnings. */
import { credentials, Metadata } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export interface EngineLog {
  /** Address of the engine's own service, as it tells by the command line, the handshake or an attachment. */
  connect(address: string): void;
  /** Resolves when the engine has the message, or won't get it; never rejects. */
  send(urn: string, message: string, kind: MessageKind): Promise<void>;
}

/** Progress is shown while the operation runs, and not in its summary; information is kept in the log; warnings are shown. */
export type MessageKind = "progress" | "information" | "warning";

const DELIVERY_MS = 5_000;

/** A message that can't be delivered is dropped: the engine may be gone, and the work is what counts. */
export function engineLog(): EngineLog {
  let client: EngineClient | undefined;
  return {
    connect: (address) => {
      if (address !== "") client ??= new EngineClient(address, credentials.createInsecure());
    },
    send: (urn, message, kind) => new Promise((resolve) => {
      if (client === undefined) return resolve();
      const severity = kind === "warning" ? LogSeverity.WARNING : LogSeverity.INFO;
      const request = new LogRequest().setSeverity(severity).setUrn(urn).setMessage(message).setEphemeral(kind === "progress");
      client.log(request, new Metadata(), { deadline: Date.now() + DELIVERY_MS }, () => resolve());
    }),
  };
}
