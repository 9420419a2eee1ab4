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

/**
 * Outputs of another stack of the same project, each checked against its schema once it is known.
 *
 * @param stack name of the stack
 * @param shape schema of each output that is needed
 * @throws {pulumi.RunError} inside an output: when the stack has no such output, or one of another form
 */
export function stackOutputs<S extends z.ZodRawShape>(stack: string, shape: S): { readonly [K in keyof S]: pulumi.Output<z.output<S[K]>> } {
  const read = handedOutputs(stack) ?? deployedOutputs(stack);
  const outputs = Object.entries(shape).map(([name, schema]) => [name, read(name).apply((value) => checked(stack, name, schema, value))]);
  return Object.fromEntries(outputs) as { readonly [K in keyof S]: pulumi.Output<z.output<S[K]>> };
}

type Read = (name: string) => pulumi.Output<unknown>;

function deployedOutputs(stack: string): Read {
  const reference = new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`);
  return (name) => reference.getOutput(name);
}

function handedOutputs(stack: string): Read | undefined {
  const store = (globalThis as { [UPSTREAM]?: AsyncLocalStorage<Upstream> })[UPSTREAM]?.getStore();
  const outputs = store?.[stack];
  if (outputs === undefined) return undefined;
  return (name) => {
    const handed = outputs[name];
    if (handed === undefined) return pulumi.output<unknown>(undefined);
    const output = handed.known ? pulumi.output(handed.value) : unknownOutput(stack, name);
    return handed.secret ? pulumi.secret(output) : output;
  };
}

/** In a real deployment an input made of this would silently be left out. */
function unknownOutput(stack: string, name: string): pulumi.Output<unknown> {
  if (!pulumi.runtime.isDryRun()) throw new pulumi.RunError(`output "${name}" of stack "${stack}" is not known; only a preview can go on without it; bring "${stack}" up first`);
  return pulumi.output<unknown>(pulumi.unknown);
}

function checked<T extends z.core.$ZodType>(stack: string, name: string, schema: T, value: unknown): z.output<T> {
  if (value === undefined) throw new pulumi.RunError(`stack "${stack}" has no output "${name}"; got nothing; expected the outputs of a stack that is up; bring "${stack}" up first`);
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  throw new pulumi.RunError([`output of stack "${stack}" has another form than "${pulumi.getStack()}" expects; bring "${stack}" up again with this version:`, ...describeIssues(name, result.error as z.ZodError)].join("\n  "));
}
