/** gRPC handlers as async functions, and the forms that the engine expects errors in. */
import { Metadata, status, type handleUnaryCall, type ServerUnaryCall } from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { structOf, type WireProperties } from "./properties";

/** An error with a gRPC code; anything else thrown is answered with `UNKNOWN`, as the real providers do. */
export class RpcError extends Error {
  constructor(readonly code: status, message: string, readonly metadata: Metadata = new Metadata()) {
    super(message);
    this.name = "RpcError";
  }
}

/** A unary handler; `signal` aborts when the caller cancels or its connection is gone. */
export function unary<Request, Response>(
  handle: (request: Request, call: { readonly peer: string; readonly signal: AbortSignal }) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback) => {
    const abort = new AbortController();
    call.on("cancelled", () => abort.abort(new Error("the caller cancelled")));
    void (async () => handle(call.request, { peer: call.getPeer(), signal: abort.signal }))().then(
      (response) => callback(null, response),
      (error: unknown) => callback(error instanceof RpcError ? error : { code: status.UNKNOWN, details: messageOf(error) }),
    );
  };
}

/** Says that the resource exists and did not come up; the engine keeps it in the state and tries an update next time. */
export function initFailed(id: string, reason: string, outputs: WireProperties, inputs: WireProperties): RpcError {
  const detail = new ErrorResourceInitFailed().setId(id).setProperties(structOf(outputs)).setInputs(structOf(inputs)).setReasonsList([reason]);
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const message = new Status().setCode(status.UNKNOWN).setMessage(reason).setDetailsList([packed]);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(message.serializeBinary()));
  return new RpcError(status.UNKNOWN, reason, metadata);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
