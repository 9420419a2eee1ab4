/** How refusals reach the client: always JSON, also when it is still sending. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { ErrorCode, Refusal } from "../contract/clientApi";
import { ClientGone } from "./bodyReader";
import type { Log } from "./ports";
import { RequestRefused } from "./refusal";

/** What is taken of a refused body, so that the client comes to read the refusal: bytes, and milliseconds. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 2_000;

/** Answers an error of a route. */
export function replyError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  if (error instanceof ClientGone) {
    reply.hijack();
    reply.raw.destroy();
    return;
  }
  const refusal = asRefusal(error);
  if (refusal.code === "internal") log.error({ err: error, method: request.method, route: request.routeOptions?.url }, "request failed");
  if (request.raw.complete || !hasBody(request.raw)) void reply.status(refusal.status).headers(refusal.headers).send(bodyOf(refusal));
  else replyEarly(reply, request.raw, refusal);
}

/** Any error as a refusal; what is unexpected tells the client nothing of its cause. */
export function asRefusal(error: FastifyError | Error): RequestRefused {
  if (error instanceof RequestRefused) return error;
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (isFull(error)) return new RequestRefused("disk-full", "this controller's volume has no room for metadata", { fix: "make room on the controller's volume, or use another controller", cause: error });
  if (status !== undefined && status >= 400 && status < 500) return new RequestRefused("invalid-request", error.message, { status });
  return new RequestRefused("internal", "the request failed on this controller; its log says why", { cause: error });
}

/** A volume without room, by SQLite's result code 13 (SQLITE_FULL, https://www.sqlite.org/rescode.html) or the system's. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 13) || ("code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT"));
}

export function bodyOf({ code, message, fix }: Pick<RequestRefused, "code" | "message" | "fix">): Refusal {
  return { error: { code, message, ...(fix !== undefined && { fix }) } };
}

/** What could not even be read as a request. */
export function replyToClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason] = error.code === "HPE_HEADER_OVERFLOW" ? [431, "headers are too large"] : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? [408, "the request came too slowly"] : [400, "is no HTTP/1.1 request"];
  const code: ErrorCode = "invalid-request";
  const text = JSON.stringify(bodyOf({ code, message: reason, fix: undefined }));
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/**
 * Answers while the client still sends, and takes some more of the body before the connection closes: a connection that is closed
 * with unread data is reset, and the answer would be lost with it.
 */
function replyEarly(reply: FastifyReply, request: IncomingMessage, refusal: RequestRefused): void {
  reply.hijack();
  const response: ServerResponse = reply.raw;
  const text = JSON.stringify(bodyOf(refusal));
  response.writeHead(refusal.status, { ...refusal.headers, "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(text), connection: "close" });
  response.write(text);
  let taken = 0;
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", count).off("end", end).off("close", end);
    response.end();
  };
  const count = (piece: Buffer): void => {
    taken += piece.length;
    if (taken > DRAIN_BYTES) end();
  };
  const timer = setTimeout(end, DRAIN_MS);
  // A client that waits to be told to go on never sends its body.
  if (request.headers.expect !== undefined && !request.readableFlowing) return end();
  request.on("data", count).on("end", end).on("close", end).on("error", end).resume();
}
