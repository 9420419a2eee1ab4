/** A request that is refused: the clients' API turns it into its status and body. */
import type { ErrorCode } from "../contract/clientApi";

const STATUS: Readonly<Record<ErrorCode, number>> = {
  "invalid-request": 400, "invalid-name": 400,
  "wrong-credentials": 401, unauthenticated: 401, "token-expired": 401, "token-invalid": 401,
  "file-not-found": 404, "route-not-found": 404,
  "length-required": 411, "file-changed": 412, "file-too-large": 413, "range-not-satisfiable": 416, "checksum-mismatch": 422,
  "too-many-requests": 429,
  "not-enough-chunkservers": 503, "chunk-unavailable": 503, starting: 503, "disk-full": 507, internal: 500,
};

export interface RefusalOptions {
  /** What the caller can do about it. */
  readonly fix?: string;
  /** Other than the code's own status, such as 405. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Thrown wherever a client's request can't be served; the message goes to the client. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
  readonly status: number;
  readonly fix: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(readonly code: ErrorCode, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status ?? STATUS[code];
    this.fix = options.fix;
    this.headers = options.headers ?? {};
  }
}
