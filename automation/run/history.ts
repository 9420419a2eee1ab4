/** What the last runs took and touched, by operation and stack: for priorities and ETAs. Losing it costs nothing but those. */
import { z } from "zod";
import { readIfExists, writeAtomic } from "../backend/files";
import type { Operation, StackResult } from "../events";

const historySchema = z.record(z.string(), z.record(z.string(), z.object({ seconds: z.number(), resources: z.number().int() })));
type History = z.infer<typeof historySchema>;

/** Seconds and resources of each stack's last successful update of this operation. */
export function readHistory(file: string, operation: Operation): Readonly<Record<string, { readonly seconds: number; readonly resources: number }>> {
  return parse(file)[operation] ?? {};
}

/** @param touched resources that events were seen for, by stack: the engine's summary leaves providers and reads out */
export function writeHistory(file: string, operation: Operation, results: readonly StackResult[], touched: ReadonlyMap<string, number>): void {
  const history = parse(file);
  const entries = { ...history[operation] };
  for (const { name, status, seconds } of results) {
    if (status === "succeeded" || status === "unchanged") entries[name] = { seconds, resources: touched.get(name) ?? 0 };
  }
  writeAtomic(file, `${JSON.stringify({ ...history, [operation]: entries }, undefined, 1)}\n`);
}

function parse(file: string): History {
  const text = readIfExists(file);
  if (text === undefined) return {};
  try {
    return historySchema.parse(JSON.parse(text));
  } catch {
    return {}; // only hints: a damaged file is as good as none, and the next run writes it anew
  }
}
