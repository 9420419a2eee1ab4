/** What clients send, read and checked: names, tags, lengths, checksums, addresses. */
import type { FastifyRequest } from "fastify";
import { nameFault, tagSchema } from "../contract/record";
import { plainAddress } from "../transport";
import { RequestRefused } from "./refusal";

const FILES = "/v1/files/";
const MAX_TAGS = 32;

/** The file's name in a path `/v1/files/<name>` or `/v1/files/<name>/locations`, decoded once. @throws {RequestRefused} */
export function fileNameOf(request: Pick<FastifyRequest, "raw">): string {
  const [path = ""] = (request.raw.url ?? "").split("?");
  const encoded = path.slice(FILES.length).replace(/\/locations$/, "");
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw new RequestRefused("invalid-request", "path is not percent-encoded UTF-8", { fix: "encode the name with encodeURIComponent" });
  }
  const fault = nameFault(name);
  if (fault !== undefined) throw new RequestRefused("invalid-name", `file name ${fault}`, { fix: "choose another name" });
  return name;
}

/** The `tag` parameters, each once, sorted. @throws {RequestRefused} */
export function tagsOf(request: Pick<FastifyRequest, "raw">): string[] {
  const url = request.raw.url ?? "";
  const at = url.indexOf("?");
  const tags = [...new Set(at < 0 ? [] : new URLSearchParams(url.slice(at + 1)).getAll("tag"))].sort();
  if (tags.length > MAX_TAGS) throw new RequestRefused("invalid-request", `too many tags; got ${tags.length}; expected at most ${MAX_TAGS}`);
  for (const tag of tags) {
    const fault = tagSchema.safeParse(tag).error?.issues[0]?.message;
    if (fault !== undefined) throw new RequestRefused("invalid-request", `tag: got ${JSON.stringify(tag.slice(0, 80))}; ${fault}`);
  }
  return tags;
}

/** Bytes of the body. @throws {RequestRefused} `length-required` */
export function contentLengthOf({ headers }: Pick<FastifyRequest, "headers">): number {
  const text = headers["content-length"];
  if (text === undefined) throw new RequestRefused("length-required", "the content's length must be announced; got no Content-Length", { fix: "send Content-Length, not chunked encoding" });
  const length = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(length)) throw new RequestRefused("invalid-request", `Content-Length: got ${JSON.stringify(text)}; expected a number of bytes`);
  return length;
}

/** What the client says the content's SHA-256 is, in lower case. @throws {RequestRefused} */
export function announcedChecksumOf({ headers }: Pick<FastifyRequest, "headers">): string | undefined {
  const text = headers["x-content-sha256"];
  if (text === undefined) return undefined;
  if (typeof text === "string" && /^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new RequestRefused("invalid-request", "X-Content-SHA256: expected 64 hex digits");
}

export function addressOf(request: Pick<FastifyRequest, "raw">): string {
  return plainAddress(request.raw.socket.remoteAddress ?? "");
}
