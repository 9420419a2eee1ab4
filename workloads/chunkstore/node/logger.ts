/** A node's log: JSON lines on stdout. */
import pino, { type DestinationStream, type Logger } from "pino";
import type { LogLevel, Role } from "./settings";

export type NodeLog = Logger;

/**
 * Every line carries time (ISO 8601), level by name, role and, once it is known, the node's ID. What may hold a secret is
 * never handed to it; headers of requests are not logged at all.
 * @param destination for tests. @default stdout, written at once, so that a crash loses no line
 */
export function createLogger({ role, node, level }: { readonly role: Role; readonly node?: string; readonly level: LogLevel }, destination?: DestinationStream): NodeLog {
  return pino({
    level, base: { role, ...(node !== undefined && { node }) }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err },
  }, destination ?? pino.destination({ fd: 1, sync: true }));
}
