/** Containers as requests name them. */
import { closest, distance } from "fastest-levenshtein";
import { LocalCloudError } from "../errors";
import type { ContainerRuntime } from "../runtime/port";

/** More ids than this are no help in an error. */
const NAMED_IDS = 10;

/** The id of an existing container. @throws LocalCloudError `container-unknown`, with the nearest id */
export function knownContainer(runtime: ContainerRuntime, id: string): string {
  if (runtime.get(id)) return id;
  const ids = runtime.list().map((container) => container.spec.id);
  const more = ids.length > NAMED_IDS ? ` and ${ids.length - NAMED_IDS} more` : "";
  const near = ids.length === 0 ? undefined : closest(id, ids);
  throw new LocalCloudError("container-unknown", `no such container; got "${id}"; expected ${ids.length > 0 ? `one of ${ids.slice(0, NAMED_IDS).join(", ")}${more}` : "none: nothing runs"}`,
    near !== undefined && distance(id, near) <= Math.max(2, id.length / 3) ? `did you mean ${near}?` : "list them with: stackfleet local status");
}
