/** Captures the outputs of a previewed program with what is known and what is secret, to hand them to dependent previews. */
import * as pulumi from "@pulumi/pulumi";
import type { HandedOutputs } from "./port";

interface KnowledgeOfOutput { readonly isKnown: Promise<boolean>; promise(withUnknowns?: boolean): Promise<unknown> }

/** Resolves every output. A value that is not known before the deployment is marked so and carries no value. */
export async function captureOutputs(outputs: Record<string, unknown>): Promise<HandedOutputs> {
  const entries = Object.entries(outputs).map(async ([name, value]) => {
    const output = pulumi.output(value);
    // `isKnown` and `promise` are internal members of Output; the public `apply` never runs for an unknown value.
    const inner = output as unknown as KnowledgeOfOutput;
    const [known, secret] = await Promise.all([inner.isKnown, pulumi.isSecret(output)]);
    return [name, known ? { known, secret, value: await inner.promise() } : { known, secret }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
