/** Reads text and values that come from outside the program (stack configuration, outputs of other stacks) with all faults at once. */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/** A value that is kept as JSON text, as Pulumi keeps every configuration value but strings. */
export function json<T extends z.ZodType>(schema: T): z.ZodPipe<z.ZodTransform<unknown, string>, T> {
  return z.transform((text: string, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.issues.push({ code: "custom", message: "not JSON", input: text });
      return z.NEVER;
    }
  }).pipe(schema);
}

/** Text that stays secret wherever it goes. */
export function secret(schema: z.ZodString): z.ZodPipe<z.ZodString, z.ZodTransform<pulumi.Output<string>, string>> {
  return schema.transform((text) => pulumi.secret(text));
}

/** `<path>: <what is wrong>` for each issue. Carries no value: what is read may be secret. */
export function describeIssues(path: string, error: z.ZodError): string[] {
  return error.issues.map((issue) => `${[path, ...issue.path.map(String)].join(".")}: ${issue.message.replace(/^Invalid input: /, "")}`);
}

/** The configuration of this stack in its project's namespace. @throws {pulumi.RunError} with every fault */
export function readConfig<S extends z.ZodRawShape>(shape: S): z.output<z.ZodObject<S>> {
  const config = new pulumi.Config();
  // Not by `config.get`, which warns of each secret that is read as text: those in the shape come out as secrets again.
  const all = pulumi.runtime.allConfig();
  const given = Object.keys(shape).flatMap((key) => {
    const text = all[`${config.name}:${key}`];
    return text === undefined ? [] : [[key, text] as const];
  });
  const result = z.object(shape).safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  const faults = describeIssues(config.name, result.error).map((fault) => fault.replace(".", ":").replace("received undefined", "got nothing"));
  throw new pulumi.RunError([
    `configuration of stack "${pulumi.getStack()}" is wrong; set it in the fleet config, or with \`pulumi config set\`:`, ...faults,
  ].join("\n  "));
}

/** Without the keys whose value is undefined, as optional arguments are given. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
