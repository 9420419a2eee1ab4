/** Finds, in the real API or the local cloud's, what a create left behind whose caller died before it could record the ID. */
/** A resource that exists. */
export interface Found { readonly id: string; readonly arn?: string }

/** What is known of the resource that was being created. */
export interface Sought {
  /** Pulumi type token. */
  readonly type: string;
  readonly urn: string;
  /** Inputs as they were sent, auto-names included. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Region of the provider instance; empty where the package has none. */
  readonly region: string;
  /** Settings of the provider instance, as the state has them. */
  readonly provider?: Readonly<Record<string, unknown>>;
  /** What the state already has under this URN: the old side of a replacement carries the same tag. */
  readonly known: readonly Found[];
}

export interface Lookup {
  /** True when this look-up can find such a resource. */
  handles(sought: Sought): boolean;
  /** All candidates; empty: not found (yet). */
  find(sought: Sought): Promise<readonly Found[]>;
  /** Waits, bounded, until a found resource is past its creation. Types that are usable at once resolve at once. */
  settled(sought: Sought, found: Found): Promise<void>;
}

/** A look-up can't decide whether a resource is what the create left behind; the message says why. */
export class CantTell extends Error {
  override readonly name = "CantTell";
}

/** Text input that the look-up needs. @throws CantTell when it is missing or secret */
export function stringInput(sought: Sought, key: string): string {
  const value = sought.inputs[key];
  if (typeof value === "string") return value;
  throw new CantTell(value === undefined ? `it has no input "${key}" to look it up by` : `its input "${key}", by which it would be looked up, is a secret`);
}
