/** Resource options that every class of the package sets. */
import type { CustomResourceOptions, InvokeOptions } from "@pulumi/pulumi";
import { VERSION } from "../version";

/** The provider of this version; the program's options win. */
export function withDefaults(opts: CustomResourceOptions | undefined): CustomResourceOptions {
  return { version: VERSION, ...opts };
}

/** As {@link withDefaults}, for functions. */
export function withInvokeDefaults(opts: InvokeOptions | undefined): InvokeOptions {
  return { version: VERSION, ...opts };
}
