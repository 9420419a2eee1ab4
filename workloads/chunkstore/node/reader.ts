/** Reads single variables and collects what is wrong with them. */
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { z, type ZodType } from "zod";
import { nodeIdSchema } from "../contract/record";
import { MIN_KEY_BYTES } from "../transport";
import type { RunAs } from "./settings";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that can't be used: one line for each fault. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  constructor(readonly faults: readonly string[]) {
    super(faults.join("\n"));
  }
}

/** Longest duration, 100 years: what `setTimeout` can't wait for in one go is the business of who waits. */
const MOST_SECONDS = 3_155_760_000;
/** Longest value that is quoted. */
const QUOTED = 80;
/** Secrets' files beyond this are none. */
const MOST_SECRET_BYTES = 16 * 1024 * 1024;

const decimal = /^\d+(\.\d+)?$/;
/** A name that DNS can hold; one label or more, as Docker's aliases are. */
const aliasSchema = z.string().max(253).regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/, "a host name");

export class Reader {
  readonly #faults: string[] = [];

  constructor(private readonly environment: Environment) {}

  /** @throws {SettingsError} when anything that was read is wrong */
  finish(): void {
    if (this.#faults.length > 0) throw new SettingsError(this.#faults);
  }

  fault(name: string, got: string, expected: string): void {
    this.#faults.push(`${name}: got ${got}; expected ${expected}`);
  }

  /** A duration in seconds, with decimals; given back in milliseconds. */
  seconds(name: string, byDefault: number, { least }: { readonly least: number }): number {
    return this.#number(name, byDefault, { schema: z.number().min(least).max(MOST_SECONDS), pattern: decimal, expected: `a number of seconds from ${least} to ${MOST_SECONDS}` }) * 1000;
  }

  whole(name: string, byDefault: number, { least }: { readonly least: number }): number {
    return this.#number(name, byDefault, wholeNumber(least));
  }

  optionalWhole(name: string, { least }: { readonly least: number }): number | undefined {
    return this.#text(name) === undefined ? undefined : this.#number(name, least, wholeNumber(least));
  }

  allOrNumber(name: string, byDefault: "all"): number | "all" {
    const text = this.#text(name) ?? byDefault;
    return text === "all" ? "all" : this.#number(name, 1, { ...wholeNumber(1), expected: "`all` or a whole number from 1" });
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], byDefault: T): T {
    return this.#checked(name, z.enum(allowed as readonly [T, ...T[]]) as ZodType<T>, `one of ${allowed.join(", ")}`) ?? byDefault;
  }

  nodeId(name: string): string | undefined {
    return this.#checked(name, nodeIdSchema, "1 to 128 of A-Z a-z 0-9 _ . -, a letter or digit first");
  }

  alias(name: string, byDefault: string): string {
    return this.#checked(name, aliasSchema, "a host name") ?? byDefault;
  }

  path(name: string, byDefault: string): string {
    return this.#checked(name, z.string().refine((value) => isAbsolute(value) && !value.includes("\0")), "an absolute path") ?? byDefault;
  }

  runAs(name: string): RunAs | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(text) ?? [];
    if (uid !== undefined && gid !== undefined && Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) };
    this.fault(name, quoted(text), "<uid>:<gid>, numbers from 1, such as 10001:10001");
    return undefined;
  }

  /** The key that the file holds. A line end behind it, or none, makes no other key. */
  clusterKey(name: string, byDefault: string): Buffer {
    const file = this.path(name, byDefault);
    const known = this.#faults.length;
    const key = Buffer.from(this.secretText(name, file).trim(), "utf8");
    if (this.#faults.length === known && key.length < MIN_KEY_BYTES) {
      this.fault(name, `a file of ${key.length} bytes, ${file}`, `at least ${MIN_KEY_BYTES} bytes of secret text, such as \`openssl rand -hex 32\` gives`);
    }
    return key;
  }

  secretText(name: string, file: string): string {
    try {
      const content = readFileSync(file);
      if (content.length <= MOST_SECRET_BYTES) return content.toString("utf8");
      this.fault(name, `a file of ${content.length} bytes, ${file}`, `at most ${MOST_SECRET_BYTES}`);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      this.fault(name, `${file}, which can't be read (${code})`, "a file that this process may read");
    }
    return "";
  }

  #number(name: string, byDefault: number, { schema, pattern, expected }: NumberForm): number {
    const text = this.#text(name);
    if (text === undefined) return byDefault;
    const parsed = schema.safeParse(pattern.test(text) ? Number(text) : undefined);
    if (parsed.success) return parsed.data;
    this.fault(name, quoted(text), expected);
    return byDefault;
  }

  #checked<T>(name: string, schema: ZodType<T>, expected: string): T | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    this.fault(name, quoted(text), expected);
    return undefined;
  }

  /** An empty variable counts as none: that is how deployments leave one out. */
  #text(name: string): string | undefined {
    const text = this.environment[name]?.trim();
    return text === "" ? undefined : text;
  }
}

interface NumberForm { readonly schema: ZodType<number>; readonly pattern: RegExp; readonly expected: string }

function wholeNumber(least: number): NumberForm {
  return { schema: z.int().min(least), pattern: /^\d+$/, expected: `a whole number from ${least}` };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text);
}
