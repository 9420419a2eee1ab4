/** Edits of a checkpoint's list of resources, pure: adopting what a create left behind, and marks for what is still to be done. */
import type { CheckpointResource } from "../backend/checkpoint";
import type { Found } from "./lookup";

/**
 * What recovery has still to do with a record; kept in its outputs, so that a kill in the middle is made good by the next run.
 * `read`: it was adopted, its outputs are not known. `delete`: its deletion was sent and not answered.
 */
export type Mark = "read" | "delete";
const KEYS = { read: "__stackfleetAwaitingRead", delete: "__stackfleetAwaitingDelete" } as const satisfies Record<Mark, string>;

export function isMarked(resource: CheckpointResource, mark: Mark): boolean {
  return resource.outputs !== undefined && KEYS[mark] in resource.outputs;
}

export function marked(resource: CheckpointResource, mark: Mark): CheckpointResource {
  return { ...resource, outputs: { ...resource.outputs, [KEYS[mark]]: true } };
}

export function unmarked(resource: CheckpointResource): CheckpointResource {
  if (!isMarked(resource, "read") && !isMarked(resource, "delete")) return resource;
  const { [KEYS.read]: _read, [KEYS.delete]: _delete, ...outputs } = resource.outputs ?? {};
  return { ...resource, outputs };
}

/** The resources with one more, which `pending` is the unfinished record of. */
export function adopt(resources: readonly CheckpointResource[], pending: CheckpointResource, found: Found): CheckpointResource[] {
  const { delete: _delete, pendingReplacement: _pending, ...record } = pending;
  const adopted = marked({ ...record, id: found.id, outputs: { ...pending.inputs, ...(found.arn && { arn: found.arn }) } }, "read");
  const others = resources
    // A replacement that deletes first keeps the record of what is gone until the new side is there, often under the same ID.
    .filter((resource) => resource.urn !== pending.urn || !isDeleted(resource))
    // The old side of a replacement that creates first is deleted by the next update, as the engine would have it.
    .map((resource) => (resource.urn === pending.urn ? { ...resource, delete: true } : resource));
  const position = 1 + Math.max(-1, ...referencesOf(pending).map((urn) => positionOf(others, urn)));
  return others.toSpliced(position, 0, adopted);
}

/** True for the record of a resource that the engine has deleted and not replaced yet. */
export function isDeleted(resource: CheckpointResource): boolean {
  return resource["pendingReplacement"] === true;
}

/**
 * Takes the mark of deletion from a provider that live resources still have, when nothing has taken its place: a kill in the middle
 * of its replacement leaves that, and the engine ends in a failed assertion (3.220: and never ends) on such a state. The next
 * update replaces it again. @returns the very list when there is none
 */
export function restoreProviders(resources: readonly CheckpointResource[]): readonly CheckpointResource[] {
  const live = resources.filter((resource) => resource.delete !== true);
  const isLost = ({ type, urn, id, delete: gone }: CheckpointResource): boolean => gone === true && type.startsWith("pulumi:providers:")
    && live.some(({ provider }) => provider === `${urn}::${id}`) && !live.some((other) => other.urn === urn);
  // Of several of one URN, the last to be live comes first.
  const lost = resources.filter(isLost).filter((resource, index, all) => all.findIndex(({ urn }) => urn === resource.urn) === index);
  if (lost.length === 0) return resources;
  return resources.map((resource) => (lost.includes(resource) ? { ...resource, delete: false } : resource));
}

/** True when a live record of the list needs this URN. */
export function hasDependents(resources: readonly CheckpointResource[], urn: string): boolean {
  return resources.some((resource) => resource.delete !== true && resource.urn !== urn && referencesOf(resource).includes(urn));
}

/** URNs that must come before a record: Pulumi refuses a checkpoint in which a reference points forward. */
function referencesOf(resource: CheckpointResource): string[] {
  const { parent, provider, dependencies, propertyDependencies, deletedWith } = resource;
  const lists = Object.values((propertyDependencies ?? {}) as Readonly<Record<string, readonly string[] | null>>);
  return [
    ...((dependencies ?? []) as readonly string[]), ...lists.flatMap((list) => list ?? []),
    ...[parent, deletedWith].filter((urn): urn is string => typeof urn === "string" && urn !== ""),
    ...(provider === undefined ? [] : [providerUrn(provider)]),
  ];
}

/** A provider reference is `<urn>::<id>`. */
export function providerUrn(reference: string): string {
  return reference.slice(0, reference.lastIndexOf("::"));
}

/** Where the live record of a URN is, else one that is to be deleted; −1 for none. */
function positionOf(resources: readonly CheckpointResource[], urn: string): number {
  const live = resources.findIndex((resource) => resource.urn === urn && resource.delete !== true);
  return live >= 0 ? live : resources.findIndex((resource) => resource.urn === urn);
}
