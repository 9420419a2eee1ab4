/**
 * Keeps creates whose reply was lost. When a provider's answer does not come (its process or connection died), the engine fails the
 * resource and forgets it, though it may exist; the next update would make a second one. Written down as pending, they are settled
 * like any other interrupted create.
 */
import { checkpointFile, readCheckpoint, type CheckpointResource } from "../backend/checkpoint";
import { writeAtomic } from "../backend/files";
import type { UnansweredCreate } from "../engine/port";

/** Adds pending creates to a stack's checkpoint. Call it when no update of the stack runs. */
export function keepUnanswered(stateDir: string, project: string, stack: string, creates: readonly UnansweredCreate[]): void {
  const checkpoint = readCheckpoint(stateDir, project, stack);
  const latest = checkpoint?.checkpoint.latest;
  if (!checkpoint || !latest) return; // nothing was ever saved, so no provider was there to ask
  // What it really depends on is not in the events. All that was there before is a safe answer: it is deleted before any of it,
  // and the next update writes the true list.
  const dependencies = (latest.resources ?? []).filter((resource) => resource.custom === true && !resource.type.startsWith("pulumi:")).map(({ urn }) => urn);
  const pending = creates.map(({ urn, type, inputs, parent, provider }) => ({
    type: "creating",
    resource: { urn, type, custom: true, inputs: { ...inputs }, dependencies: [...new Set(dependencies)], ...(parent && { parent }), ...(provider && { provider }) } satisfies CheckpointResource,
  }));
  const all = [...(latest.pending_operations ?? []), ...pending];
  writeAtomic(checkpointFile(stateDir, project, stack), `${JSON.stringify({ ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, pending_operations: all } } }, undefined, 4)}\n`);
}
