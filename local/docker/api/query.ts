/** What callers of the Engine API send: flags, filters and bodies, checked. */
import { z } from "zod";
import { EngineError } from "../errors";

/** Go's forms of a boolean in a query. */
export const flag = z.string().transform((text) => ["1", "true", "True", "t"].includes(text)).optional();

export type Filters = Readonly<Record<string, readonly string[]>>;

// New clients send lists, old ones (and the docker command) maps of the same.
const filterSchema = z.record(z.string(), z.union([z.array(z.string()), z.record(z.string(), z.boolean()).transform((map) => Object.keys(map).filter((key) => map[key]))]));

/** @throws {EngineError} 400 for what isn't JSON, and for filters that are not modelled */
export function parseFilters(text: string | undefined, known: readonly string[]): Filters {
  if (text === undefined || text === "") return {};
  const parsed = filterSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new EngineError(400, "invalid filters: not as documented");
  const unknown = Object.keys(parsed.data).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new EngineError(400, `invalid filter '${unknown}': the local cloud knows ${known.join(", ")}; extend local/docker/api/`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no form of filters
  }
}

/** `key` or `key=value`; every one must match. */
export function matchesLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[] = []): boolean {
  return wanted.every((entry) => {
    const at = entry.indexOf("=");
    return at < 0 ? entry in labels : labels[entry.slice(0, at)] === entry.slice(at + 1);
  });
}

/** No filter, or any of its values. */
export function matchesAny(wanted: readonly string[] | undefined, matches: (value: string) => boolean): boolean {
  return wanted === undefined || wanted.length === 0 || wanted.some(matches);
}

/** Docker matches names by any part of them. */
export function containsName(name: string): (wanted: string) => boolean {
  return (wanted) => {
    const plain = wanted.replace(/^\^?\/?/, (start) => (start.startsWith("^") ? "^" : ""));
    try {
      return new RegExp(plain).test(name);
    } catch {
      return name.includes(plain); // no regular expression: taken as it is
    }
  };
}

/** @throws {EngineError} 400 */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new EngineError(400, `invalid request: ${issue?.path.join(".") || "body"}: ${issue?.message ?? "not as documented"}`);
}
