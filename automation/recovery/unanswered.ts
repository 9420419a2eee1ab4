/**
 * Keeps creates and deletions whose reply was lost. When a provider's answer does not come (its process or connection died), the engine fails the
 * resource and forgets it, though it may exist; the next update would make a second one. Written down as pending, they are settled
 * like any other interrupted create.
 */
import { readCheckpoint, type CheckpointResource, type Deployment } from "../backend/checkpoint";
import type { UnansweredCreate } from "../engine/port";
import { saveCheckpoint } from "./save";
import { holdsSecret, unmask, type Seal } from "./secret";

/**
 * Adds pending creates to a stack's checkpoint. Call it when no update of the stack runs.
 * @param sealer makes what encrypts for a checkpoint, from the state of its secrets provider; undefined when it can't
 */
export function keepUnanswered(
  stateDir: string, project: string, stack: string, creates: readonly UnansweredCreate[],
  sealer: (latest: Deployment) => Seal | undefined = () => undefined,
): void {
  addPending(stateDir, project, stack, (latest) => {
    const seal = creates.some(({ inputs }) => holdsSecret(inputs)) ? sealer(latest) : undefined;
    return creates.map(({ inputs, parent, provider, protect, retainOnDelete, ...create }) => ({
      type: "creating",
      resource: {
        ...create, custom: true, inputs: unmask(inputs, seal), dependencies: dependenciesOf(create.urn, latest.resources ?? []),
        ...(parent && { parent }), ...(provider && { provider }), ...(protect && { protect }), ...(retainOnDelete && { retainOnDelete }),
      } satisfies CheckpointResource,
    }));
  });
}

/**
 * Adds pending deletions to a stack's checkpoint: the engine keeps a resource whose deletion failed as it was, and the next update
 * would count on it. Call it when no update of the stack runs.
 */
export function keepUndeleted(stateDir: string, project: string, stack: string, urns: readonly string[]): void {
  addPending(stateDir, project, stack, ({ resources }) => (resources ?? [])
    // An old side that waits for its deletion is deleted by the next update anyway.
    .filter(({ urn, delete: old }) => urns.includes(urn) && old !== true)
    .map((resource) => ({ type: "deleting", resource })));
}

/** What is pending already stays as it is. */
function addPending(stateDir: string, project: string, stack: string, operations: (latest: Deployment) => NonNullable<Deployment["pending_operations"]>): void {
  const checkpoint = readCheckpoint(stateDir, project, stack);
  const latest = checkpoint?.checkpoint.latest;
  if (!checkpoint || !latest) return; // nothing was ever saved, so no provider was there to ask
  const before = latest.pending_operations ?? [];
  const known = new Set(before.map(({ resource }) => resource.urn));
  const added = operations(latest).filter(({ resource }) => !known.has(resource.urn));
  if (added.length === 0) return;
  saveCheckpoint(stateDir, project, stack, { ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, pending_operations: [...before, ...added] } } });
}

/**
 * What a resource really depends on is not in the events. All that was there before it is a safe answer: it is deleted before any of
 * that, and the next update writes the true list. What the state has from its old side on may depend on it in turn.
 */
function dependenciesOf(urn: string, resources: readonly CheckpointResource[]): string[] {
  const old = resources.findIndex((resource) => resource.urn === urn);
  const before = (old < 0 ? resources : resources.slice(0, old)).filter((resource) => resource.custom === true && resource.delete !== true && !resource.type.startsWith("pulumi:"));
  return [...new Set(before.map((resource) => resource.urn))];
}
