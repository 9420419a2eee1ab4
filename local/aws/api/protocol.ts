/** What the AWS protocols have in common: a request with its place and service, answers, and errors in each protocol's form. */
import { randomUUID } from "node:crypto";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import type { Place } from "../arn";

/** A signed call, as the front hands it to a service. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded path without the query. */
  readonly path: string;
  /** The path as it was sent, for keys that contain encoded slashes. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Region of the signature's scope, account of its key. */
  readonly place: Place;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** One service behind the front. */
export interface ApiService {
  /** The file to extend when an operation is missing. */
  readonly file: string;
  handle(request: ApiRequest, cloud: CloudContext): Promise<ApiResponse>;
  /** An error in the service's own form. */
  error(error: ServiceError): ApiResponse;
}

/** A call that the service has and the local cloud hasn't. */
export function notModelled(service: string, operation: string, file: string): ServiceError {
  return new ServiceError("NotImplemented", `${service}:${operation} is not modelled by the local cloud; extend ${file}`, 501);
}

/** An answer of a JSON protocol. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): ApiResponse {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID(), ...headers },
    body: JSON.stringify(value),
  };
}

/** An error of a JSON protocol; the SDK reads the code from the header or from `__type`. */
export function jsonError(error: ServiceError): ApiResponse {
  return json({ __type: error.code, message: plainMessage(error) }, error.httpStatus, { "x-amzn-errortype": error.code });
}

/** The message without the code that `ServiceError` puts before it. */
export function plainMessage(error: ServiceError): string {
  return error.message.startsWith(`${error.code}: `) ? error.message.slice(error.code.length + 2) : error.message;
}

type JsonInput = Readonly<Record<string, unknown>>;
/** Operations of a JSON service, by their name in `X-Amz-Target`. */
export type JsonOperations = Readonly<Record<string, (input: JsonInput, cloud: CloudContext, place: Place) => unknown>>;

/** A service of the protocols awsJson1.0 and awsJson1.1. */
export function jsonService(name: string, file: string, operations: JsonOperations): ApiService {
  return {
    file,
    error: jsonError,
    async handle(request, cloud) {
      const operation = request.headers["x-amz-target"]?.split(".").at(-1) ?? "";
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      if (!run) throw notModelled(name, operation, file);
      return json(await run(parseJson(request.body), cloud, request.place));
    },
  };
}

/** The body as data. @throws {ServiceError} `SerializationException` */
export function parseJson(body: Buffer): JsonInput {
  if (body.byteLength === 0) return {};
  try {
    return JSON.parse(body.toString("utf8")) as JsonInput;
  } catch (cause) {
    throw new ServiceError("SerializationException", cause instanceof Error ? cause.message : String(cause));
  }
}

/** A string member of an input, or nothing. */
export function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The strings of a list member of an input. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** One page of a list, with a token that holds the next offset. */
export function page<T>(items: readonly T[], size: number, token: string | undefined): { readonly items: T[]; readonly next?: string } {
  const from = token === undefined || token === "" ? 0 : Number(Buffer.from(token, "base64url").toString("utf8"));
  if (!Number.isInteger(from) || from < 0) throw new ServiceError("PaginationTokenExpiredException", "the pagination token is not valid");
  const to = from + size;
  return { items: items.slice(from, to), ...(to < items.length ? { next: Buffer.from(String(to)).toString("base64url") } : {}) };
}
