/** Forms the URN of a resource while it is constructed, exactly as the engine will. */
import * as pulumi from "@pulumi/pulumi";

/**
 * Follows the resources of one stack as a transformation sees them and knows each one's URN at once.
 *
 * Neither `pulumi.createUrn` nor an input made from `parent.urn` would do: the first cuts a parent's name at `::`, and the
 * second makes the child depend on its parent component, that is, on all of the component's children, itself included.
 */
export class UrnTracker {
  /** `<parent types>$<own type>` of each resource seen. */
  private readonly qualifiedTypes = new WeakMap<pulumi.Resource, string | Promise<string>>();

  constructor(private readonly owner: { readonly project: string; readonly stack: string }) {}

  /** @returns the URN; a promise when the parent is known to the engine only */
  track({ resource, type, name, opts }: pulumi.ResourceTransformationArgs): string | Promise<string> {
    const parentTypes = opts.parent === undefined ? "" : this.qualifiedTypeOf(opts.parent);
    if (typeof parentTypes === "string") return this.remember(resource, name, joinTypes(parentTypes, type));
    const qualified = parentTypes.then((types) => joinTypes(types, type));
    this.qualifiedTypes.set(resource, qualified);
    return qualified.then((known) => this.urn(known, name));
  }

  private remember(resource: pulumi.Resource, name: string, qualified: string): string {
    this.qualifiedTypes.set(resource, qualified);
    return this.urn(qualified, name);
  }

  private urn(qualifiedType: string, name: string): string {
    return `urn:pulumi:${this.owner.stack}::${this.owner.project}::${qualifiedType}::${name}`;
  }

  private qualifiedTypeOf(parent: pulumi.Resource): string | Promise<string> {
    const seen = this.qualifiedTypes.get(parent);
    if (seen !== undefined) return seen;
    // The stack itself, or a resource from before the registration or from another place (`Foo.get`).
    const fromEngine = new Promise<string>((resolve) => { parent.urn.apply((urn) => resolve(qualifiedTypeOfUrn(urn))); });
    this.qualifiedTypes.set(parent, fromEngine);
    return fromEngine;
  }
}

/** The engine leaves the stack's own type out of its children's chain. */
function joinTypes(parentTypes: string, type: string): string {
  return parentTypes === "" || parentTypes === pulumi.runtime.rootPulumiStackTypeName ? type : `${parentTypes}$${type}`;
}

/** Third part of `urn:pulumi:<stack>::<project>::<qualified type>::<name>`; only the name may contain `::`. */
function qualifiedTypeOfUrn(urn: string): string {
  const type = urn.split("::")[2];
  if (type === undefined) throw new Error(`not a URN: ${urn}`);
  return type;
}
