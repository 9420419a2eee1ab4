/** What all of EC2's describe calls share: ids, filters, tags and pages. */
import { ServiceError } from "../../model";
import { page } from "./protocol";
import type { QueryParameters, Xml } from "./xml";

/** One resource, ready to be filtered and written. */
export interface Described {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Values by the name of the filter that asks for them. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly xml: { readonly [name: string]: Xml };
}

interface Naming {
  readonly ids: string;
  readonly notFound: string;
}

/** @throws {ServiceError} the type's not-found code for an unknown id, `InvalidParameterValue` for a filter that isn't modelled */
export function describe(
  parameters: QueryParameters,
  set: string,
  all: readonly Described[],
  naming: Naming,
): { readonly [name: string]: Xml } {
  const ids = parameters.list(naming.ids);
  const missing = ids.filter((id) => !all.some((item) => item.id === id));
  if (missing.length > 0) throw new ServiceError(naming.notFound, `The ID '${missing.join(", ")}' does not exist`);
  const filters = parameters.filters();
  const found = all.filter((item) => (ids.length === 0 || ids.includes(item.id)) && filters.every((filter) => matches(item, filter)));
  // Source of the page size: EC2 API, MaxResults.
  const { items, next } = page(found, Number(parameters.get("MaxResults") ?? 1000), parameters.get("NextToken"));
  return { [set]: { item: items.map((item) => item.xml) }, nextToken: next };
}

function matches(item: Described, filter: { readonly name: string; readonly values: readonly string[] }): boolean {
  const values = attribute(item, filter.name);
  return filter.values.some((pattern) => values.some((value) => wildcard(pattern).test(value)));
}

function attribute(item: Described, name: string): readonly string[] {
  if (name.startsWith("tag:")) {
    const value = item.tags[name.slice(4)];
    return value === undefined ? [] : [value];
  }
  if (name === "tag-key") return Object.keys(item.tags);
  const values = Object.hasOwn(item.attributes, name) ? item.attributes[name] : undefined;
  if (!values)
    throw new ServiceError(
      "InvalidParameterValue",
      `The filter '${name}' is invalid or not modelled by the local cloud; extend local/aws/api/ec2.ts`,
    );
  return values;
}

/** EC2's filters know `*` and `?`. */
function wildcard(pattern: string): RegExp {
  const body = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${body}$`, "s");
}

export function tagSet(tags: Readonly<Record<string, string>>): { readonly [name: string]: Xml } {
  return { item: Object.entries(tags).map(([key, value]) => ({ key, value })) };
}
