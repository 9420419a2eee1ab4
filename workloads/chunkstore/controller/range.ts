/** What part of a file a client asked for (RFC 9110, sections 13.1 and 14). */
import { RequestRefused } from "./refusal";

/** First and last byte, both included; of an empty file `end` is -1. */
export interface ByteRange { readonly start: number; readonly end: number; readonly partial: boolean }

/**
 * Reads a `Range` header. One range of bytes is served; other units, several ranges and what is no range at all are ignored, as the RFC allows.
 * @throws {RequestRefused} 416
 */
export function parseRange(header: string | undefined, size: number): ByteRange {
  const whole = { start: 0, end: size - 1, partial: false };
  const match = header === undefined ? null : /^bytes=[\t ]*(\d*)-(\d*)[\t ]*$/i.exec(header);
  if (match === null || (match[1] === "" && match[2] === "")) return whole;
  const [first, last] = [match[1], match[2]].map((text) => (text === undefined || text === "" ? undefined : Number(text)));
  if (first === undefined) {
    const length = Math.min(last ?? 0, size);
    if (length === 0) throw notSatisfiable(header, size);
    return { start: size - length, end: size - 1, partial: true };
  }
  if (last !== undefined && last < first) return whole;
  if (first >= size) throw notSatisfiable(header, size);
  return { start: first, end: Math.min(last ?? size - 1, size - 1), partial: true };
}

/** Whether a version with this ETag is one that the `If-Match` header names; weak ones never match. */
export function matchesETag(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((one) => one.trim() === etag);
}

/** Whether a `Range` counts: what `If-Range` names must be this version. Dates and weak ETags never match. */
export function rangeCounts(ifRange: string | readonly string[] | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}

function notSatisfiable(header: string | undefined, size: number): RequestRefused {
  return new RequestRefused("range-not-satisfiable", `range lies outside of the file; got ${JSON.stringify(header)}; expected ${size === 0 ? "no range, because the file is empty" : `bytes of 0 to ${size - 1}`}`, { headers: { "content-range": `bytes */${size}` } });
}
