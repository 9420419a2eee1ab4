/** Encrypts for a checkpoint as its own secrets provider would, where that is the passphrase provider. */
import { z } from "zod";
import type { Deployment } from "../backend/checkpoint";
import { readPassphrase, sealerFor } from "../backend/secrets";
import type { Seal } from "./secret";

const providerSchema = z.object({ type: z.literal("passphrase"), state: z.object({ salt: z.string() }) });

/**
 * @param env the CLI's own variables, which name the passphrase
 * @returns what makes a seal for a deployment; undefined where the key is with a service, which only the CLI asks
 */
export function sealerOf(env: Readonly<Record<string, string | undefined>>): (latest: Deployment) => Seal | undefined {
  return (latest) => {
    const provider = providerSchema.safeParse(latest["secrets_providers"]);
    const { PULUMI_CONFIG_PASSPHRASE: given, PULUMI_CONFIG_PASSPHRASE_FILE: file } = env;
    const passphrase = given ?? (file ? readPassphrase(file) : undefined);
    return provider.success && passphrase !== undefined ? sealerFor(provider.data.state.salt, passphrase) : undefined;
  };
}
