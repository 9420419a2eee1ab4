/** Typed references to another stack's outputs: from its checkpoint, or, in a preview of the whole fleet, from its own preview. */
import * as pulumi from "@pulumi/pulumi";
import type { AsyncLocalStorage } from "node:async_hooks";
import { z } from "zod";
import { describeIssues } from "./values";

/** An output as a preview of another stack hands it on. */
interface HandedOutput { readonly known: boolean; readonly secret: boolean; readonly value?: unknown }
type Upstream = Readonly<Record<string, Readonly<Record<string, HandedOutput>>>>;

/** Where a fleet's preview puts the outputs of the stacks it has previewed already. A symbol, as neither side imports the other. */
const UPSTREAM = Symbol.for("stackfleet.upstream");

/** Outputs of another stack that passed their schemas. */
export interface StackOutputs<S extends z.ZodRawShape> {
  readonly outputs: { readonly [K in keyof S]: pulumi.Output<z.output<S[K]>> };
  /** The values that are known and not secret, for what decides whether the program can run at all. */
  readonly known: { readonly [K in keyof S]?: z.output<S[K]> };
}

/**
 * Reads and checks outputs of another stack of the same project. Await it before the first resource: a check inside an output would
 * fail once for every resource that uses it.
 *
 * @param stack name of the stack
 * @param shape schema of each output that is needed
 * @throws {pulumi.RunError} naming every output that is missing or of another form; values are never shown
 */
export async function stackOutputs<S extends z.ZodRawShape>(stack: string, shape: S): Promise<StackOutputs<S>> {
  const read = handedOutputs(stack) ?? deployedOutputs(stack);
  const faults: string[] = [];
  const outputs: Record<string, pulumi.Output<unknown>> = {};
  const known: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const handed = await read(name);
    const checked = handed.known ? check(name, schema, handed.value) : { faults: unknownFaults(name) };
    faults.push(...checked.faults);
    const output = handed.known ? pulumi.output(checked.value) : pulumi.output<unknown>(pulumi.unknown);
    outputs[name] = handed.secret ? pulumi.secret(output) : output;
    if (handed.known && !handed.secret) known[name] = checked.value;
  }
  if (faults.length === Object.keys(shape).length && faults.every(isMissing)) throw new pulumi.RunError(`stack "${stack}" has none of the outputs that are needed; got nothing; expected ${Object.keys(shape).join(", ")}; bring "${stack}" up first`);
  if (faults.length > 0) throw new pulumi.RunError([`outputs of stack "${stack}" don't fit; bring "${stack}" up with this version first:`, ...faults].join("\n  "));
  return { outputs, known } as StackOutputs<S>;
}

const MISSING = "no such output";
const isMissing = (fault: string): boolean => fault.endsWith(MISSING);

type Read = (name: string) => Promise<HandedOutput>;

function deployedOutputs(stack: string): Read {
  const reference = new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`);
  return async (name) => {
    const { value, secretValue } = await reference.getOutputDetails(name) as { value?: unknown; secretValue?: unknown };
    return { known: true, secret: secretValue !== undefined, value: secretValue ?? value };
  };
}

function handedOutputs(stack: string): Read | undefined {
  const outputs = upstream()?.[stack];
  if (outputs === undefined) return undefined;
  return (name) => Promise.resolve(outputs[name] ?? NO_OUTPUT);
}

function upstream(): Upstream | undefined {
  return (globalThis as { [UPSTREAM]?: AsyncLocalStorage<Upstream> })[UPSTREAM]?.getStore();
}

const NO_OUTPUT: HandedOutput = { known: true, secret: false };
const served = new WeakSet<object>();

/**
 * Lets a program's own `new pulumi.StackReference(…)` see, in a preview of the whole fleet, what the previews before it gave. Without it
 * the preview of a fleet that was never deployed would fail at its first `requireOutput`. All else of a reference reads through these two.
 */
export function serveReferences(): void {
  const prototype = pulumi.StackReference.prototype;
  if (served.has(prototype)) return;
  served.add(prototype);
  for (const method of ["getOutput", "requireOutput"] as const) {
    const original = prototype[method];
    prototype[method] = function (this: pulumi.StackReference, name: pulumi.Input<string>): pulumi.Output<unknown> {
      const given = upstream();
      if (given === undefined || Object.keys(given).length === 0) return original.call(this, name);
      return pulumi.all([this.name, name]).apply(([reference, key]) => {
        const output = given[stackOfFleet(reference) ?? ""]?.[key];
        return output === undefined ? original.call(this, name) : valueOf(output);
      });
    };
  }
}

/** Of `organization/project/stack` or `stack`; undefined for a stack of another project. */
function stackOfFleet(reference: string): string | undefined {
  const [stack, project] = reference.split("/").reverse();
  return project === undefined || project === pulumi.getProject() ? stack : undefined;
}

function valueOf({ known, secret, value }: HandedOutput): pulumi.Output<unknown> {
  const output = known ? pulumi.output(value) : pulumi.output<unknown>(pulumi.unknown);
  return secret ? pulumi.secret(output) : output;
}

function check(name: string, schema: z.core.$ZodType, value: unknown): { readonly faults: readonly string[]; readonly value?: unknown } {
  if (value === undefined) return { faults: [`${name}: ${MISSING}`] };
  const result = z.safeParse(schema, value);
  return result.success ? { faults: [], value: result.data } : { faults: describeIssues(name, result.error) };
}

/** In a real deployment the engine would silently leave out an input that is not known. */
function unknownFaults(name: string): readonly string[] {
  return pulumi.runtime.isDryRun() ? [] : [`${name}: not known; only a preview can go on without it`];
}
