/** The body of an S3 put: plain, or in the chunks that the SDK sends with a trailing checksum. */
import { ServiceError } from "../../model";
import type { ApiRequest } from "./protocol";

/** The bytes of the object. Signatures and checksums of chunks are not checked. @throws {ServiceError} `IncompleteBody` */
export function decodeChunks(request: Pick<ApiRequest, "headers" | "body">): Buffer {
  const streamed =
    request.headers["content-encoding"]?.includes("aws-chunked") || request.headers["x-amz-content-sha256"]?.startsWith("STREAMING-");
  if (!streamed) return request.body;
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = request.body.indexOf("\r\n", at);
    const size = end < 0 ? Number.NaN : Number.parseInt(request.body.subarray(at, end).toString("latin1").split(";")[0] ?? "", 16);
    if (!Number.isInteger(size) || end + 2 + size > request.body.byteLength)
      throw new ServiceError("IncompleteBody", "The request body terminated unexpectedly");
    if (size === 0) return Buffer.concat(parts);
    parts.push(request.body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
