/** Reads a password: without echo from a terminal, else one line of standard input. */
import { createInterface } from "node:readline";
import { Writable, type Readable } from "node:stream";

export interface HiddenPrompt {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: { write(text: string): unknown };
  readonly signal: AbortSignal;
  /** Ctrl+C: in raw mode a key and no signal. */
  readonly onInterrupt: () => void;
}

/** @returns undefined at the end of input, or when the signal aborts */
export async function askHidden(question: string, { input, output, signal, onInterrupt }: HiddenPrompt): Promise<string | undefined> {
  const terminal = input.isTTY === true;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal, historySize: 0 });
  if (terminal) output.write(question);
  try {
    return await new Promise<string | undefined>((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(undefined));
      lines.on("SIGINT", onInterrupt);
      if (signal.aborted) return resolve(undefined);
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  } finally {
    lines.close();
    if (terminal) output.write("\n");
  }
}
