/** JSON lines: one event a line, `drill.finished` last. */
import type { Listener } from "../model";

export function jsonRenderer(write: (text: string) => void): Listener {
  return (event) => write(`${JSON.stringify(event)}\n`);
}
