/** Containers as requests name them. */
import { closest, distance } from "fastest-levenshtein";
import { LocalCloudError } from "../errors";
import type { ContainerRuntime } from "../runtime/port";

/** More ids than this are no help in an error. */
const NAMED_IDS = 10;

/**
 * The id of the container that is meant: by its id, by a name that it alone answers to on its networks, or by the start of its id.
 * @throws LocalCloudError `container-unknown`, with the nearest id; `container-ambiguous`
 */
export function knownContainer(runtime: ContainerRuntime, name: string): string {
  if (runtime.get(name)) return name;
  const ids = runtime.list().map((container) => container.spec.id);
  const named = ids.filter((id) => runtime.networksOf(id).some(({ aliases }) => aliases.includes(name)));
  const meant = named.length > 0 ? named : name === "" ? [] : ids.filter((id) => id.startsWith(name));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  if (meant.length > 1) throw new LocalCloudError("container-ambiguous", `several containers are meant; got "${name}"; expected one of ${listed(meant)}`, "name one by its id");
  const near = ids.length === 0 ? undefined : closest(name, ids);
  throw new LocalCloudError("container-unknown", `no such container; got "${name}"; expected ${ids.length > 0 ? `one of ${listed(ids)}` : "none: nothing runs"}`,
    near !== undefined && distance(name, near) <= Math.max(2, name.length / 3) ? `did you mean ${near}?` : "list them with: stackfleet local status");
}

function listed(ids: readonly string[]): string {
  return ids.slice(0, NAMED_IDS).join(", ") + (ids.length > NAMED_IDS ? ` and ${ids.length - NAMED_IDS} more` : "");
}
