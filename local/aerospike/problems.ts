/** Refusals as RFC 9457 problem documents in the vendor's form. */
import { z } from "zod";
import type { Problem } from "../../providers/aerospike-cloud/api/schemas";

/** A refusal on its way to the client. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem, readonly headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail ?? problem.title);
    this.name = "ProblemError";
  }
}

function make(type: string, status: number, title: string, detail: string, context?: Problem["context"]): ProblemError {
  return new ProblemError({ type: `urn:aerospike:errors:${type}`, title, status, detail, message: detail, ...(context && { context }) });
}

export const unauthenticated = (detail: string, expired = false) => make(expired ? "auth:token-expired" : "auth:unauthorized", 401, "Unauthenticated", detail);
export const forbidden = (scope: string) => make("auth:unauthorized", 403, "Unauthorized", `The API key lacks the permission ${scope}.`);
export const notFound = (resource: string, id: string) => make("resource:not-found", 404, "Resource Not Found", `The requested ${resource} could not be found.`, { resource, id });
export const conflict = (detail: string) => make("resource:already-exists", 409, "Conflict", detail, { resource: "cluster" });
export const internal = (detail: string) => make("system:internal", 500, "Internal Error", detail);
export const notImplemented = (route: string) => make("system:unavailable", 501, "Not Implemented", `${route} is not modelled by the local cloud; add it in local/aerospike/server.ts.`);

/** @param retryAfterSeconds real seconds */
export function throttled(retryAfterSeconds: number): ProblemError {
  const { problem } = make("ratelimit:exceeded", 429, "Rate Limit Exceeded", "Too many requests. Please wait a moment before trying again.");
  return new ProblemError(problem, { "retry-after": String(retryAfterSeconds) });
}

export function badRequest(detail: string): ProblemError {
  return make("validation:failed", 400, "Invalid Input", detail);
}

/** Every fault of a body, as JSON pointers. */
export function invalid(error: z.ZodError, body: unknown): ProblemError {
  const missing: string[] = [];
  const wrong: { field: string; type: string; description: string }[] = [];
  for (const issue of error.issues) {
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) {
      const pointer = path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
      if (issue.code === "invalid_type" && valueAt(body, path) === undefined) missing.push(pointer);
      else wrong.push({ field: pointer === "" ? "/" : pointer, type: `urn:aerospike:errors:validation:${kindOf(issue.code)}`, description: issue.message });
    }
  }
  return make("validation:failed", 400, "Invalid Input", "The request is not valid.", { ...(missing.length > 0 && { missing }), ...(wrong.length > 0 && { invalid: wrong }) });
}

function kindOf(code: string): string {
  return code === "too_big" || code === "too_small" ? "out-of-range" : "failed";
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined), body);
}
