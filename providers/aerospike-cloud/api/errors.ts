/** Refusals of the service and failures on the way to it, as errors that say what, got, allowed and fix, and never a secret. */
import { problemSchema, type Problem } from "./schemas";

/** What went wrong, for decisions; texts are for people. */
export type ApiErrorKind = "unauthorized" | "forbidden" | "not-found" | "conflict" | "invalid" | "throttled" | "unavailable" | "network" | "unexpected";

export class ApiError extends Error {
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    readonly details: {
      readonly status?: number;
      /** How long the service asks to wait. */
      readonly retryAfterMs?: number;
      readonly problem?: Problem;
      /** False when the request certainly had no effect: it was refused, or never left. */
      readonly mayHaveWorked?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "ApiError";
  }
}

const KIND_BY_STATUS: Readonly<Record<number, ApiErrorKind>> = {
  400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not-found", 409: "conflict", 422: "invalid", 429: "throttled",
};

const FIXES: Partial<Record<ApiErrorKind, string>> = {
  unauthorized: "check AEROSPIKE_CLOUD_KEY and AEROSPIKE_CLOUD_SECRET, or the provider's apiKeyId and apiKeySecret",
  throttled: "run the same command again later",
};

export interface Reply {
  readonly what: string;
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Scope that the request needs, for the text of a 403. */
  readonly scope?: string;
  readonly now: number;
}

/** The error of a reply that is none of the expected ones. */
export function refusal(reply: Reply): ApiError {
  const kind = KIND_BY_STATUS[reply.status] ?? (reply.status >= 500 ? "unavailable" : "unexpected");
  const problem = parseProblem(reply.body);
  const fix = kind === "forbidden" ? `give the API key the permission ${reply.scope ?? "that the request needs"}, or use another key` : FIXES[kind];
  const requestId = reply.headers["x-request-id"];
  const text = [
    `${reply.what}: ${describe(problem, reply)}`,
    ...invalidFields(problem),
    ...(fix === undefined ? [] : [fix]),
    ...(kind === "unavailable" && typeof requestId === "string" ? [`request ${requestId}`] : []),
  ].join("; ");
  const retryAfterMs = parseRetryAfter(reply.headers["retry-after"], reply.now);
  return new ApiError(kind, text, {
    status: reply.status, mayHaveWorked: reply.status >= 500,
    ...(problem && { problem }), ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function describe(problem: Problem | undefined, { status, body }: Reply): string {
  if (problem === undefined) return `the service answered ${status}${body.trim() === "" ? "" : ` with ${JSON.stringify(body.trim().slice(0, 200))}`}`;
  const detail = problem.detail ?? problem.message;
  const title = problem.title.replace(/\.$/, "");
  return `${title} (${status})${detail === undefined || detail === problem.title ? "" : `: ${detail.replace(/\.$/, "")}`}`;
}

function invalidFields(problem: Problem | undefined): string[] {
  const { missing = [], invalid = [] } = problem?.context ?? {};
  return [
    ...missing.map((field) => `${property(field)}: missing`),
    ...invalid.map(({ field, type, description }) => `${property(field)}: ${description ?? type.replace(/^urn:aerospike:errors:validation:/, "")}`),
  ];
}

/** `/infrastructure/zoneIds/0` → `infrastructure.zoneIds[0]`. */
function property(pointer: string): string {
  const steps = pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.length === 0 ? pointer : steps.map((step, index) => (/^\d+$/.test(step) ? `[${step}]` : `${index === 0 ? "" : "."}${step}`)).join("");
}

function parseProblem(body: string): Problem | undefined {
  try {
    return problemSchema.parse(JSON.parse(body));
  } catch {
    return undefined; // a proxy's HTML page, or nothing at all: the status says it
  }
}

/** Milliseconds from a `Retry-After` of seconds or of a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
