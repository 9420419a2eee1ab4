/** Reads JSON that people write: a fault says line and column, and a key that stands twice is one. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { FleetError, inputError, type InputFault } from "../errors";
import { pathText } from "./faults";

/** What the parser's codes mean to somebody who looks at the place. */
const PROBLEMS: Readonly<Record<string, readonly [problem: string, expected: string, fix: string]>> = {
  InvalidSymbol: ["not a JSON value", "a string, number, true, false, null, list or object", "put text between double quotes"],
  InvalidNumberFormat: ["not a JSON number", "digits, such as 20000", "write the number in decimal digits"],
  PropertyNameExpected: ["no key where one must be", "a key between double quotes", "remove the comma before it, or quote the key"],
  ValueExpected: ["no value where one must be", "a value", "add the value, or remove the comma before it"],
  ColonExpected: ["no colon after the key", "a colon", "add it"],
  CommaExpected: ["no comma between two entries", "a comma", "add it"],
  CloseBraceExpected: ["an object that doesn't end", "a closing }", "add it"],
  CloseBracketExpected: ["a list that doesn't end", "a closing ]", "add it"],
  EndOfFileExpected: ["text after the end of the value", "one JSON value", "remove what follows it"],
  InvalidCommentToken: ["a comment, which JSON doesn't have", "JSON without comments", "remove the comment"],
  UnexpectedEndOfComment: ["a comment that doesn't end", "JSON without comments", "remove the comment"],
  UnexpectedEndOfString: ["a string that doesn't end", "a closing double quote on the same line", "add it"],
  UnexpectedEndOfNumber: ["a number that doesn't end", "digits after the point or the exponent", "add them"],
  InvalidUnicode: ["a wrong Unicode escape", "\\u and four hexadecimal digits", "correct the escape"],
  InvalidEscapeCharacter: ["an unknown escape", "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", "double the backslash"],
  InvalidCharacter: ["a control character in a string", "an escape such as \\n", "escape it"],
};

/**
 * Parses a JSON file. A byte order mark, as some Windows editors write, is dropped.
 * @throws FleetError `config-unreadable`, or `config-invalid` with line and column of the first syntax error or of every repeated key
 */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    const { code = "an error" } = cause as NodeJS.ErrnoException;
    throw new FleetError("config-unreadable", `the config file can't be read; got ${code} for ${file}`, { source: "user", cause, fix: "check the path and its permissions" });
  }
  return parseJson(text, path.basename(file));
}

/** As {@link readJson}, for text at hand; `name` is what errors call it. */
export function parseJson(text: string, name: string): unknown {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  // Later errors mostly follow from the first: one at a time is what helps.
  if (first !== undefined || root === undefined) throw inputError(name, [syntaxFault(text, first)]);
  const repeated = repeatedKeys(root, text, []);
  if (repeated.length > 0) throw inputError(name, repeated);
  return JSON.parse(text) as unknown;
}

function syntaxFault(text: string, error: ParseError | undefined): InputFault {
  if (error === undefined) return { path: "line 1, column 1", problem: "no JSON value", got: "an empty file", expected: "an object", fix: "write the config" };
  const code = printParseErrorCode(error.error);
  const [problem, expected, fix] = PROBLEMS[code] ?? [`malformed JSON (${code})`, "JSON", "correct it"];
  const got = text.slice(error.offset, error.offset + Math.max(1, error.length)).split("\n")[0] ?? "";
  return { path: position(text, error.offset), problem, got: got === "" ? "the end of the line" : got.slice(0, 40), expected, fix };
}

/** JSON.parse keeps the last of two equal keys without a word. */
function repeatedKeys(node: Node, text: string, at: readonly (string | number)[]): InputFault[] {
  if (node.type === "array") return (node.children ?? []).flatMap((child, index) => repeatedKeys(child, text, [...at, index]));
  if (node.type !== "object") return [];
  const lines = new Map<string, number>();
  return (node.children ?? []).flatMap((property) => {
    const [key, value] = property.children ?? [];
    if (key === undefined) return [];
    const name = String(key.value);
    const here = [...at, name];
    const earlier = lines.get(name);
    lines.set(name, lineOf(text, key.offset));
    const inner = value === undefined ? [] : repeatedKeys(value, text, here);
    return earlier === undefined ? inner : [{
      path: pathText(here), problem: "key given twice", got: `${position(text, key.offset)}, and line ${earlier}`, expected: "each key once", fix: "remove one of them",
    }, ...inner];
  });
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function position(text: string, offset: number): string {
  return `line ${lineOf(text, offset)}, column ${offset - text.lastIndexOf("\n", offset - 1)}`;
}
