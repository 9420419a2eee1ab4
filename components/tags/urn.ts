/** Forms the URN of a resource while it is constructed, exactly as the engine will. */
import * as pulumi from "@pulumi/pulumi";

/**
 * Follows the resources of one stack as a stack transformation sees them: parents before their children, each once.
 *
 * Neither `pulumi.createUrn` nor an input made from `parent.urn` would do: the first cuts a parent's name at `::`, and the
 * second makes the child depend on its parent component, that is, on all of the component's children, itself included.
 */
export class UrnTracker {
  /** `<parent types>$<own type>` of each resource seen. */
  private readonly qualifiedTypes = new WeakMap<pulumi.Resource, string>();

  constructor(private readonly owner: { readonly project: string; readonly stack: string }) {}

  /** Takes note of the resource under construction and returns its URN. */
  track({ resource, type, name, opts }: pulumi.ResourceTransformationArgs): string {
    const qualified = opts.urn === undefined ? this.qualify(type, opts.parent) : qualifiedTypeOfUrn(opts.urn);
    this.qualifiedTypes.set(resource, qualified);
    return `urn:pulumi:${this.owner.stack}::${this.owner.project}::${qualified}::${name}`;
  }

  /** A parent that was never seen is the stack, whose type the engine leaves out: it alone has the transformation and didn't pass through it. */
  private qualify(type: string, parent: pulumi.Resource | undefined): string {
    const above = parent && this.qualifiedTypes.get(parent);
    return above === undefined ? type : `${above}$${type}`;
  }
}

/** Third part of `urn:pulumi:<stack>::<project>::<qualified type>::<name>`; only the name may contain `::`. */
function qualifiedTypeOfUrn(urn: string): string {
  const type = urn.split("::")[2];
  if (type === undefined) throw new Error(`not a URN: ${urn}`);
  return type;
}
