/** How components take arguments: all faults of an input at once, and the escape hatch for their children. */
import * as pulumi from "@pulumi/pulumi";

/** One fault of an argument. */
export interface ArgumentFault {
  /** `remoteRegions[0]` */
  readonly path: string;
  /** `unknown region` */
  readonly problem: string;
  /** What was given; never a secret. */
  readonly got: unknown;
  readonly expected: string;
  readonly fix: string;
}

/** `<path>: <what is wrong>; got <value>; expected <allowed>; <fix>` */
export function formatFault({ path, problem, got, expected, fix }: ArgumentFault): string {
  return `${path}: ${problem}; got ${got === undefined ? "nothing" : JSON.stringify(got)}; expected ${expected}; ${fix}`;
}

/**
 * Reports every fault of a component's arguments.
 * @throws {pulumi.RunError} when there is any; shown without a stack trace
 */
export function refuseFaults(component: string, name: string, faults: readonly ArgumentFault[]): void {
  if (faults.length === 0) return;
  throw new pulumi.RunError(faults.map((fault) => `${component} "${name}": ${formatFault(fault)}`).join("\n"));
}

/** Faults of a whole number outside its range. */
export function integerFaults(path: string, value: number, range: { readonly min: number; readonly max: number }, fix: string): ArgumentFault[] {
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return [];
  const problem = Number.isInteger(value) ? "out of range" : "not a whole number";
  // JSON has no form for NaN and infinities.
  return [{ path, problem, got: Number.isFinite(value) ? value : String(value), expected: `a whole number from ${range.min} to ${range.max}`, fix }];
}

/** Region codes of all partitions: `eu-west-1`, `us-gov-east-1`. */
const REGION_FORM = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** Faults of a region's code. Whether it exists and is enabled is for the account to say. */
export function regionFaults(path: string, value: string): ArgumentFault[] {
  if (REGION_FORM.test(value)) return [];
  return [{ path, problem: "not a region code", got: value, expected: "a code such as eu-west-1", fix: "use a code of the AWS region table" }];
}

/** Changes a child's arguments and options in place, after all defaults. */
export type Transform<A> = (args: A, opts: pulumi.CustomResourceOptions) => void;

/** The arguments of a child's constructor after its name. */
export function child<A>(transform: Transform<A> | undefined, args: A, opts: pulumi.CustomResourceOptions): [A, pulumi.CustomResourceOptions] {
  transform?.(args, opts);
  return [args, opts];
}
