/** Turns what zod says about a declaration into faults of the one form that all faults are reported in. */
import { z } from "zod";
import type { InputFault } from "../errors";
import { oneOf, suggestion } from "./nearest";

type Path = readonly PropertyKey[];
const LONGEST_GOT = 100;

/** `stacks.eu-west-1.dependsOn[0]`; keys that would be misread are quoted. The empty path is `root`. */
export function pathText(path: Path, root = "fleet"): string {
  const text = path.map((part, index) => {
    if (typeof part === "number") return `[${part}]`;
    const key = String(part);
    return /^[\w$-]+$/.test(key) ? `${index === 0 ? "" : "."}${key}` : `[${JSON.stringify(key)}]`;
  }).join("");
  return text === "" ? root : text;
}

/** A value as a fault may show it: short, and without the content of lists and objects. */
export function describe(value: unknown): unknown {
  switch (typeof value) {
    case "string": return value.length > LONGEST_GOT ? `${value.slice(0, LONGEST_GOT)}…` : value;
    case "number": return Number.isFinite(value) ? value : String(value);
    case "bigint": return `${value}n`;
    case "boolean": case "undefined": return value;
    case "object": return value === null ? null : Array.isArray(value) ? "a list" : "an object";
    default: return `a ${typeof value}`;
  }
}

/** The type of a value that must not be shown. */
export function typeText(value: unknown): unknown {
  return value === undefined || value === null || typeof value === "object" ? describe(value) : `a ${typeof value}`;
}

/** Every fault that a schema finds in a value. Unknown keys come with the nearest known one. */
export function schemaFaults(schema: z.ZodType, value: unknown, root?: string): InputFault[] {
  const result = schema.safeParse(value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => issueFaults(schema, value, issue, [], root));
}

function issueFaults(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue, base: Path, root: string | undefined): InputFault[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(knownKeys(schema, path), key, [...path, key], root));
  if (issue.code === "invalid_union") {
    // The branch that got farthest is the one that was meant.
    const branches = issue.errors.map((issues) => ({ issues, depth: Math.max(0, ...issues.map((inner) => inner.path.length)) }));
    const deepest = branches.reduce((best, branch) => (branch.depth > best.depth ? branch : best), { issues: [] as z.core.$ZodIssue[], depth: 0 });
    if (deepest.depth > 0) return deepest.issues.flatMap((inner) => issueFaults(schema, value, inner, path, root));
  }
  return [wrongType(issue, path, valueAt(value, path), root)];
}

function unknownKey(known: readonly string[], key: string, path: Path, root: string | undefined): InputFault {
  return { path: pathText(path, root), problem: "unknown key", got: describe(key), expected: oneOf(known), fix: suggestion(key, known, "remove it") };
}

function wrongType(issue: z.core.$ZodIssue, path: Path, got: unknown, root: string | undefined): InputFault {
  const expected = expectedText(issue);
  // A plain config value may be a secret that somebody wrote down: only its type is shown.
  const shown = path[0] === "stacks" && path[2] === "config" ? typeText(got) : describe(got);
  return {
    path: pathText(path, root), problem: got === undefined ? "missing" : "wrong type", got: shown, expected,
    fix: got === undefined ? `add ${expected}` : `give ${expected}`,
  };
}

function expectedText(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return EXPECTED[issue.expected] ?? `a value of type ${issue.expected}`;
  if (issue.code === "invalid_union") return "a string, number, boolean, list or object";
  if (issue.code === "custom") return issue.message;
  return issue.message.toLowerCase();
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string", number: "a finite number", boolean: "a boolean", array: "a list", object: "an object", record: "an object",
};

/** Keys of the object schema at a path. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let current: unknown = schema;
  for (const part of path) current = step(unwrap(current), part);
  const found = unwrap(current);
  return found instanceof z.ZodObject ? Object.keys(found.shape).filter((key) => key !== "$schema") : [];
}

function step(schema: unknown, part: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<PropertyKey, unknown>)[part];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) current = typeof current === "object" && current !== null ? (current as Record<PropertyKey, unknown>)[part] : undefined;
  return current;
}
