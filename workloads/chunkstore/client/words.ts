/** Reads a line as a shell would: words, quotes, backslashes; and writes words so that they are read back. */
import { homedir } from "node:os";
import * as path from "node:path";
import { ChunkStoreError } from "./errors";

export interface Word {
  readonly value: string;
  /** Where it begins in the line. */
  readonly start: number;
  /** False while a quote is open or the line ends with a backslash. */
  readonly complete: boolean;
}

/** The words of a line; the last one may be incomplete. No variables, globs or comments. */
export function wordsOf(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at] ?? "")) {
      at++;
      continue;
    }
    const { word, end } = readWord(line, at);
    words.push(word);
    at = end;
  }
  return words;
}

function readWord(line: string, start: number): { word: Word; end: number } {
  let value = "";
  let quote: string | undefined;
  let at = start;
  for (; at < line.length; at++) {
    const char = line[at] ?? "";
    if (char === "\\" && quote !== "'") {
      if (at + 1 === line.length) return { word: { value, start, complete: false }, end: line.length };
      value += line[++at];
    } else if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else value += char;
    } else if (char === "'" || char === '"') quote = char;
    else if (/\s/.test(char)) break;
    else value += char;
  }
  return { word: { value, start, complete: quote === undefined }, end: at };
}

/**
 * The values of all words; an unquoted `~/` at the beginning of one becomes the home folder.
 * @throws ChunkStoreError `usage` for a quote that is not closed
 */
export function splitWords(line: string, home: string = homedir()): string[] {
  const words = wordsOf(line);
  if (words.at(-1)?.complete === false) throw new ChunkStoreError("usage", "the line ends within a quote or after a backslash; got an incomplete word; expected its end");
  return words.map(({ value, start }) => (line.startsWith("~/", start) ? path.join(home, value.slice(2)) : value));
}

/** One word, whatever is in it. */
export function quoteWord(text: string): string {
  return text !== "" && /^[\p{L}\p{N}_.,:=@%+/~-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
