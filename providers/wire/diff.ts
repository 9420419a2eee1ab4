/** What changed between two sets of inputs, and whether a change replaces the resource. Pure. */
import type { Properties, PropertyValue } from "./values";
import { isArchive, isAsset, pathText, UNKNOWN, type Path } from "./properties";

export interface PropertyChange {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  readonly replaces: boolean;
}

/**
 * @param news may hold {@link UNKNOWN}, which differs from every value
 * @param replaceOn paths whose change, or a change below them, replaces the resource; list indices are left out of them
 */
export function diffInputs(olds: Properties, news: Properties, replaceOn: readonly string[]): PropertyChange[] {
  const changes: PropertyChange[] = [];
  const note = (path: Path, kind: PropertyChange["kind"]) => changes.push({ path: pathText(path), kind, replaces: replacing(path, replaceOn) });

  const compare = (before: PropertyValue | undefined, after: PropertyValue | undefined, path: Path): void => {
    if (before === undefined && after === undefined) return;
    if (before === undefined) note(path, "add");
    else if (after === undefined) note(path, "delete");
    else if (Array.isArray(before) && Array.isArray(after)) {
      for (let index = 0; index < Math.max(before.length, after.length); index++) compare(before[index], after[index], [...path, index]);
    } else if (isMap(before) && isMap(after)) {
      for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) compare(before[key], after[key], [...path, key]);
    } else if (!sameLeaf(before, after)) note(path, "update");
  };
  compare(olds, news, []);
  return changes;
}

function replacing(path: Path, replaceOn: readonly string[]): boolean {
  const plain = path.filter((step) => typeof step === "string").join(".");
  return replaceOn.map((pattern) => pattern.replaceAll(/\[[^\]]*\]/g, ""))
    // A change above a path counts too: the whole object that holds it came or went.
    .some((pattern) => plain === pattern || plain.startsWith(`${pattern}.`) || pattern.startsWith(`${plain}.`));
}

function isMap(value: PropertyValue): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isAsset(value) && !isArchive(value);
}

/** Assets are the same when their contents are, which the engine tells by their hash. */
function sameLeaf(before: PropertyValue, after: PropertyValue): boolean {
  if (after === UNKNOWN) return false;
  if (isAsset(before) && isAsset(after)) return before.hash === after.hash;
  if (isArchive(before) && isArchive(after)) return before.hash === after.hash;
  return before === after;
}
