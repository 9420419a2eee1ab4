/** What Tab offers: commands, files of the store, tags, files of this machine. */
import { promises as fs } from "node:fs";
import { homedir } from "node:os";
import * as path from "node:path";
import type { FileEntry } from "../contract/clientApi";
import { quoteWord, wordsOf } from "./words";

export interface CompletionSource {
  readonly commands: readonly string[];
  readonly cwd: string;
  /** May be slow, may fail. */
  files(): Promise<readonly FileEntry[]>;
}

/** @returns the matches as they would stand in the line, and the part of the line that they replace */
export async function complete(line: string, source: CompletionSource): Promise<[string[], string]> {
  const words = wordsOf(line);
  const last = words.at(-1);
  const fresh = last === undefined || (last.complete && /\s$/.test(line) && !line.endsWith("\\ "));
  const typed = fresh ? "" : last.value;
  const raw = fresh ? "" : line.slice(last.start);
  const before = (fresh ? words : words.slice(0, -1)).map(({ value }) => value);
  const candidates = await candidatesFor(before, typed, source);
  return [candidates.filter((candidate) => candidate.startsWith(typed)).map(written), raw];
}

/** As it is typed, with a space after it where the word is at its end. */
function written(candidate: string): string {
  return candidate.endsWith("/") ? quoteWord(candidate).replace(/'$/, "") : `${quoteWord(candidate)} `;
}

async function candidatesFor(before: readonly string[], typed: string, source: CompletionSource): Promise<readonly string[]> {
  const [command] = before;
  if (command === undefined) return source.commands;
  if (command === "help") return before.length === 1 ? source.commands : [];
  if (typed.startsWith("-")) return OPTIONS[command] ?? [];
  if (["download", "delete", "locations"].includes(command) && before.length === 1) return (await source.files()).map(({ name }) => name);
  if (command === "ls" || (command === "upload" && before.length > 1)) return [...new Set((await source.files()).flatMap(({ tags }) => tags))].sort();
  if (command === "upload" || command === "download") return pathsAt(typed, source.cwd);
  return [];
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = { upload: ["--name"], download: ["--force"], delete: ["--yes"] };

async function pathsAt(typed: string, cwd: string): Promise<string[]> {
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  const at = folder.startsWith("~/") ? path.join(homedir(), folder.slice(2)) : path.resolve(cwd, folder);
  const entries = await fs.readdir(at, { withFileTypes: true });
  const shown = entries.filter(({ name }) => !name.startsWith(".") || path.basename(typed).startsWith("."));
  return shown.map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`).sort();
}
