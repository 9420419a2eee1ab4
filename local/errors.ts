/** The one error that the local cloud's client and daemon report to people. */

/** `message` is one line: what is wrong, what was found, what is allowed. */
export class LocalCloudError extends Error {
  constructor(
    /** Stable, kebab-case: `port-taken`, `daemon-unreachable`… */
    readonly code: string,
    message: string,
    /** One line that says what to do. */
    readonly fix?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "LocalCloudError";
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error, if it is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
