/** What can go wrong between two nodes, on either side. */

/**
 * Why a request to a node came to nothing:
 * - `unreachable`: no connection, or it broke
 * - `handshake`: the other side doesn't hold the cluster's key, or isn't a node
 * - `timeout`: no answer in time
 * - `refused`: the answer is a 4xx or 5xx
 * - `nonsense`: the answer is not what it should be
 */
export type NodeErrorKind = "unreachable" | "handshake" | "timeout" | "refused" | "nonsense";

export interface NodeErrorDetails {
  readonly address: string;
  readonly port: number;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** `code` of the refusal's body. */
  readonly refusal?: string;
  readonly cause?: unknown;
}

/** A request to another node failed. The message names the peer and holds no secret. */
export class NodeError extends Error {
  override readonly name = "NodeError";
  readonly address: string;
  readonly port: number;
  readonly status: number | undefined;
  readonly refusal: string | undefined;

  constructor(readonly kind: NodeErrorKind, what: string, { address, port, status, refusal, cause }: NodeErrorDetails) {
    super(`${address}:${port}: ${what}`, cause === undefined ? undefined : { cause });
    this.address = address;
    this.port = port;
    this.status = status;
    this.refusal = refusal;
  }
}

/** Thrown by a route to refuse a request; the body says `{ error: { code, message } }`. Any other error becomes a 500 that tells nothing. */
export class NodeRefusal extends Error {
  override readonly name = "NodeRefusal";

  /**
   * @param statusCode 400 to 599
   * @param code short and stable, such as `chunk-absent`
   */
  constructor(readonly statusCode: number, readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
