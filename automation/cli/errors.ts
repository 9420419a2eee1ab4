/** How every command reports an error: one line, its details indented, what to do; never a stack trace. */
import { diskFull, isDiskFull } from "../disk";
import { FleetError } from "../errors";
import { cleanLine } from "../render/text";
import type { Terminal } from "../render/renderer";

/** Exit codes: 0 all well, 1 something failed, 2 wrong usage or config, 130 interrupted (128 + SIGINT, as shells have it). */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Wrong usage of the command line, exit code 2. */
export function usageError(message: string, fix?: string): FleetError {
  return new FleetError("usage", message, { source: "user", ...(fix !== undefined && { fix }) });
}

/** Writes an error to stderr. @returns the exit code */
export function reportError(error: unknown, context: { readonly stderr: Terminal; readonly env: NodeJS.ProcessEnv }): number {
  const fault = asFault(error);
  const lines = [
    `error: ${cleanLine(fault.message)} [${fault.code}]`,
    ...fault.details.map((detail) => `  ${cleanLine(detail)}`),
    ...(fault.fix === undefined ? [] : [`  fix: ${cleanLine(fault.fix)}`]),
  ];
  if (context.env["STACKFLEET_DEBUG"] === "1" && error instanceof Error) lines.push(error.stack ?? "", ...(error.cause instanceof Error ? [`cause: ${error.cause.stack ?? error.cause.message}`] : []));
  context.stderr.write(`${lines.join("\n")}\n`);
  return fault.exitCode;
}

interface Fault { readonly code: string; readonly message: string; readonly details: readonly string[]; readonly fix?: string; readonly exitCode: number }

function asFault(error: unknown): Fault {
  if (error instanceof FleetError) {
    const { details = [], fix } = error.options;
    return { code: error.code, message: error.message, details, exitCode: error.code === "interrupted" ? EXIT.interrupted : error.exitCode, ...(fix !== undefined && { fix }) };
  }
  if (isDiskFull(error)) return asFault(diskFull((error as NodeJS.ErrnoException).path ?? (error as Error).message));
  const { code, fix } = error as { code?: unknown; fix?: unknown };
  const message = error instanceof Error ? error.message : String(error);
  const system = typeof code === "string" ? SYSTEM_ERRORS[code] : undefined;
  if (system !== undefined) return { code: system.code, message: `${system.text}: ${(error as NodeJS.ErrnoException).path ?? message}`, details: [], fix: system.fix, exitCode: EXIT.failed };
  // Errors of the local cloud's client have a code and a fix of their own; it knows nothing of the driver's.
  if (typeof code === "string" && (error as Error).name === "LocalCloudError") return { code, message, details: [], exitCode: EXIT.failed, ...(typeof fix === "string" && { fix }) };
  return { code: typeof code === "string" ? code : "internal", message, details: [], exitCode: EXIT.failed, fix: "run it again with STACKFLEET_DEBUG=1 to see where it comes from" };
}

const SYSTEM_ERRORS: Readonly<Record<string, { readonly code: string; readonly text: string; readonly fix: string }>> = {
  EACCES: { code: "no-permission", text: "no permission", fix: "give your user permission on it, or set STACKFLEET_ROOT to a folder of your own" },
  EPERM: { code: "no-permission", text: "no permission", fix: "give your user permission on it, or set STACKFLEET_ROOT to a folder of your own" },
  EROFS: { code: "read-only", text: "the file system is read-only", fix: "set STACKFLEET_ROOT to a folder that is writable" },
};
