/** Errors of the drills: a stable code, one line, and what to do. */

export class DrillError extends Error {
  constructor(
    /** Stable, kebab-case: `engine-unreachable`, `unknown-drill`… */
    readonly code: string,
    message: string,
    readonly options: {
      readonly fix?: string;
      /** True when the command was called wrongly. @default false */
      readonly usage?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "DrillError";
  }
}

/** An error on one line, with its causes where they say more: connection errors hide what happened in there. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error instanceof AggregateError && error.message === "" ? error.errors.map(reasonOf).join("; ") : error.message;
  const cause = error.cause instanceof Error ? reasonOf(error.cause) : undefined;
  const text = cause === undefined || cause === "" || own.includes(cause) ? own : `${own}: ${cause}`;
  return text.replace(/\s+/g, " ").trim() || error.name;
}
