/** The driver's errors: a stable code, whose fault it is, and what to do. */

export type ErrorSource = "user" | "tool" | "engine";

/** Base of every error that the driver reports. `message` is one line and carries no stack trace and no secret. */
export class FleetError extends Error {
  constructor(
    /** Stable, kebab-case: `config-invalid`, `run-in-progress`… */
    readonly code: string,
    message: string,
    readonly options: {
      readonly source: ErrorSource;
      /** 2: wrong usage or config; 1: anything else that failed. @default 2 for source "user", else 1 */
      readonly exitCode?: 1 | 2;
      /** One line that says what to do. */
      readonly fix?: string;
      /** Further lines, e.g. every fault of an input. */
      readonly details?: readonly string[];
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.name = "FleetError";
  }

  get exitCode(): 1 | 2 {
    return this.options.exitCode ?? (this.options.source === "user" ? 2 : 1);
  }
}

/** One fault of an input, in the one form all faults are reported in. */
export interface InputFault {
  /** `stacks.eu-west-1.dependsOn[0]` */
  readonly path: string;
  /** `unknown stack` */
  readonly problem: string;
  /** What was given; never a secret. */
  readonly got: unknown;
  /** What is allowed. */
  readonly expected: string;
  readonly fix: string;
}

/** `<path>: <what is wrong>; got <value>; expected <allowed>; <fix>` */
export function formatFault(fault: InputFault): string {
  const got = fault.got === undefined ? "nothing" : JSON.stringify(fault.got);
  return `${fault.path}: ${fault.problem}; got ${got}; expected ${fault.expected}; ${fault.fix}`;
}

/** All faults of one input as one error, exit code 2. */
export function inputError(what: string, faults: readonly InputFault[]): FleetError {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return new FleetError("config-invalid", `${what}: ${count}`, { source: "user", details: faults.map(formatFault) });
}
