/** What the look-ups by type share: settings of a call, errors that mean "not there", and whose a found resource is. */
import { clientSettings } from "./aws-access";
import type { Found, Sought } from "./lookup";
import { URN_HASH_TAG, urnHash } from "./urn";

export type Settings = ReturnType<typeof clientSettings>;
/** A look-up of one type. */
export type Find = (settings: Settings, sought: Sought) => Promise<readonly Found[]>;
type Tags = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;

export const NOTHING: readonly Found[] = [];

/** A name that is taken by somebody else's resource is not what we left behind. */
export function ours(tags: Tags, sought: Sought): boolean {
  return tags?.some(({ Key, Value }) => Key === URN_HASH_TAG && Value === urnHash(sought.urn)) ?? false;
}

/** `undefined` when the call fails with one of these error names. */
export async function unless<T>(names: readonly string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
}
