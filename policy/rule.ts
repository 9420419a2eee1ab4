/** What a policy of this pack is: a pure function from one resource to what is wrong with it. */
import type { PolicyConfigSchema } from "@pulumi/policy";

/** A resource as a policy sees it: inputs with secrets unwrapped. */
export interface CheckedResource {
  /** Pulumi type token. */
  readonly type: string;
  readonly urn: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** Settings of one policy, from `--policy-pack-config`. */
export type RuleConfig = Readonly<Record<string, unknown>>;

/** Type of Docker containers. */
export const CONTAINER = "docker:index/container:Container";

export interface Rule {
  /** Kebab-case; unique in the pack. */
  readonly name: string;
  /** One sentence that says what must hold. */
  readonly description: string;
  /** JSON schema of its settings. @default it has none */
  readonly configSchema?: PolicyConfigSchema;
  /** `<path>: <what is wrong>; got <value>; expected <allowed>; <fix>` for each violation; empty when all is well. */
  readonly check: (resource: CheckedResource, config?: RuleConfig) => readonly string[];
}

/** A violation in the one form of the project. */
export function violation(path: string, problem: string, got: unknown, expected: string, fix: string): string {
  return `${path}: ${problem}; got ${got === undefined ? "nothing" : JSON.stringify(got)}; expected ${expected}; ${fix}`;
}

/** The values of what may be one value or several. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
