/** Wrong usage as the parser tells it, on one line that says where to look. */
import type { CommanderError } from "commander";
import { ChunkStoreError } from "./errors";
import { nearest, safe } from "./text";

export function usageFault(error: CommanderError, help: string): ChunkStoreError {
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /Did you mean (?:one of )?(.+?)\?/.exec(more.join(" "))?.[1];
  const what = first.replace(/\.$/, "").replace(/\. (Allowed|Expected|expected)/, (_, word: string) => `; ${word.toLowerCase()}`);
  return new ChunkStoreError("usage", [what, ...(suggestion === undefined ? [] : [`did you mean ${suggestion}`]), `see ${help}`].join("; "));
}

/** A first word that is no command. */
export function unknownCommand(word: string, commands: readonly string[], help: string): ChunkStoreError {
  const near = nearest(word, commands);
  return new ChunkStoreError("usage", [`unknown command '${safe(word)}'`, ...(near === undefined ? [] : [`did you mean ${near}`]), `see ${help}`].join("; "));
}
