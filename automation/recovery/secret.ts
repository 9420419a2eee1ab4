/** Secrets as Pulumi writes them into a checkpoint, and the masked ones of its events. */

// Source of both: Pulumi SDK, sdk/go/common/resource/sig/sig.go.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
/** What stands in the engine's events for every secret (pkg/engine/events.go and the blinding crypter of sdk/go/common/resource/config). */
const MASK = "[secret]";

/** Encrypts a text as the checkpoint's secrets provider would. */
export type Seal = (text: string) => string;

export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as Record<string, unknown>)[SIGNATURE] === SECRET;
}

/** True when a secret is anywhere in the value. */
export function holdsSecret(value: unknown): boolean {
  return isSecret(value) || (typeof value === "object" && value !== null && Object.values(value).some(holdsSecret));
}

/**
 * Inputs of an event made fit for a checkpoint, in which a masked secret would be one that can't be decrypted, so that Pulumi could
 * not read any of it: it becomes a real secret with the mask as its value, or is left out where nothing can be encrypted.
 */
export function unmask(inputs: Readonly<Record<string, unknown>>, seal: Seal | undefined): Record<string, unknown> {
  const value = (given: unknown): unknown => {
    if (isSecret(given)) return seal && { [SIGNATURE]: SECRET, ciphertext: seal(JSON.stringify(MASK)) };
    if (Array.isArray(given)) return given.map(value).filter((item) => item !== undefined);
    return typeof given === "object" && given !== null ? object(given) : given;
  };
  const object = (given: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(given).map(([key, item]) => [key, value(item)]).filter(([, item]) => item !== undefined));
  return object(inputs);
}
