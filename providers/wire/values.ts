/** Property values as plain data, once they have come over Pulumi's wire. */

/** A JSON-like property value as it crosses the provider protocol. Secrets are unwrapped before anyone sees them. */
export type PropertyValue = null | boolean | number | string | Asset | Archive | PropertyValue[] | { [key: string]: PropertyValue };

/** A property map: what Pulumi calls inputs or outputs. Keys are Pulumi's camelCase names. */
export type Properties = { [key: string]: PropertyValue };

/** A file as it crosses the protocol; exactly one of `text` and `path` is set. */
export interface Asset { readonly kind: "asset"; readonly hash: string; readonly text?: string; readonly path?: string }

/** A folder as it crosses the protocol: a path to a folder or an archive file, or named members. */
export interface Archive {
  readonly kind: "archive";
  readonly hash: string;
  readonly path?: string;
  readonly assets?: { readonly [name: string]: Asset | Archive };
}
