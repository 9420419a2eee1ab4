/**
 * Settles what an update that died left pending in its checkpoint, before the next update of the stack: a create whose
 * resource exists is adopted into the state, one that never came to be is dropped, so that the update makes it; a deletion is
 * finished, because the state may no longer count on the resource; all else is repeated by the update itself.
 */
import { copyFileSync } from "node:fs";
import { pendingOf, readCheckpoint, resourcesOf, type CheckpointFile, type CheckpointResource, type PendingOperation } from "../backend/checkpoint";
import { FleetError } from "../errors";
import type { EngineEventBody } from "../engine/port";
import { adopt, hasDependents, isDeleted, isMarked, marked, restoreProviders, unmarked } from "./edit";
import { CantTell, type Found, type Lookup, type Sought } from "./lookup";
import { savedFile, saveCheckpoint } from "./save";

export interface SettleOptions {
  readonly stateDir: string;
  readonly project: string;
  readonly stack: string;
  /** Region of default providers. */
  readonly region: string | undefined;
  /** Loaded only when there is something to look up. */
  readonly lookup: () => Promise<Lookup>;
  /** How long a create that was sent may take to become visible. */
  readonly windowMs: number;
  readonly emit: (event: EngineEventBody) => void;
  /** Reads resources through their provider, so that the state has all their outputs; what is gone leaves the state. */
  readonly refresh: (urns: readonly string[]) => Promise<void>;
  /** Sends interrupted deletions again and waits for their end. Undefined when the update that follows deletes everything anyway. */
  readonly finishDeletes: ((urns: readonly string[]) => Promise<void>) | undefined;
  readonly clock?: { now(): number; wait(ms: number): Promise<void> };
}

const REAL_CLOCK = { now: () => Date.now(), wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) };
const FIRST_POLL_MS = 100;

type Settled = { readonly operation: PendingOperation; readonly found?: Found };

/**
 * @returns true when something was settled
 * @throws FleetError `pending-unsettled` when a pending create is of a type that can't be looked up, or is ambiguous
 */
export async function settlePending(options: SettleOptions): Promise<boolean> {
  const checkpoint = readCheckpoint(options.stateDir, options.project, options.stack);
  const pending = pendingOf(checkpoint);
  const resources = resourcesOf(checkpoint);
  const unfinished = resources.some((resource) => isMarked(resource, "read") || isMarked(resource, "delete"));
  const halfReplaced = restoreProviders(resources) !== resources;
  if (checkpoint === undefined || (pending.length === 0 && !unfinished && !halfReplaced)) return false;
  const settled = await Promise.all(pending.map((operation) => settleOne(operation, checkpoint, options)));
  if (pending.length > 0 || halfReplaced) rewrite(checkpoint, settled, options);
  for (const one of settled) options.emit(eventOf(one, options.stack));
  await makeGood(options);
  return true;
}

/** Does what the marks in the state ask for. */
async function makeGood(options: SettleOptions): Promise<void> {
  const resources = resourcesOf(readCheckpoint(options.stateDir, options.project, options.stack));
  const deleted = resources.filter((resource) => isMarked(resource, "delete")).map(({ urn }) => urn);
  if (deleted.length > 0) await options.finishDeletes?.(deleted);
  const adopted = resources.filter((resource) => isMarked(resource, "read")).map(({ urn }) => urn);
  if (adopted.length > 0) await options.refresh(adopted);
  clearMarks(options);
}

/**
 * Packages whose providers look for what a create would make before they make it: the create is simply sent again, and finds what the
 * first one left. `aerospikecloud`: by name and by VPC; its waits make nothing. Docker's images and tags: a build or a pull gives
 * the image again, under the name that the program gave.
 */
const CREATE_OR_DETECT = /^aerospikecloud:|^docker:index\/(remoteImage|image|tag):/;

async function settleOne(operation: PendingOperation, checkpoint: CheckpointFile, options: SettleOptions): Promise<Settled> {
  // The engine writes a component's create down as pending, too, for the moment that it takes; there is nothing of it outside the state.
  if (operation.type !== "creating" || operation.resource.custom === false) return { operation };
  if (operation.resource.type.startsWith("pulumi:") || CREATE_OR_DETECT.test(operation.resource.type)) return { operation };
  const sought = soughtOf(operation.resource, checkpoint, options);
  const lookup = await options.lookup();
  if (!lookup.handles(sought)) throw unsettled(options.stack, sought, "it carries no tag to search for, and resources of its type can't be looked up by name");
  const found = await poll(lookup, sought, options);
  if (found.length > 1) throw unsettled(options.stack, sought, `${found.length} resources carry its tag: ${found.map(({ id }) => id).join(", ")}`);
  const [only] = found;
  if (only === undefined) return { operation };
  // What is to be deleted need not be usable first: the provider's deletion waits as long as it has to.
  if (options.finishDeletes !== undefined) await asked(lookup.settled(sought, only), sought, options);
  return { operation, found: only };
}

/** Asks until something is found or the window is over; the pauses double. */
async function poll(lookup: Lookup, sought: Sought, options: SettleOptions): Promise<readonly Found[]> {
  const clock = options.clock ?? REAL_CLOCK;
  const deadline = clock.now() + options.windowMs;
  for (let pause = FIRST_POLL_MS; ; pause *= 2) {
    const found = (await asked(lookup.find(sought), sought, options)).filter((candidate) => !sought.known.some((known) => isSame(known, candidate)));
    const left = deadline - clock.now();
    if (found.length > 0 || left <= 0) return found;
    await clock.wait(Math.min(pause, left));
  }
}

/** A call of a look-up; what it fails with names the create that it is about. */
async function asked<T>(call: Promise<T>, sought: Sought, options: SettleOptions): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CantTell) throw unsettled(options.stack, sought, error.message);
    if (error instanceof FleetError) throw error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new FleetError("recovery-failed", `stack ${options.stack}: an interrupted create of ${sought.urn} can't be looked up: ${reason}`, {
      source: "engine", cause: error, fix: "run the command again when the service answers; it needs the permission to read such resources",
    });
  }
}

function soughtOf(resource: CheckpointResource, checkpoint: CheckpointFile, options: SettleOptions): Sought {
  const same = resourcesOf(checkpoint).filter((other) => other.urn === resource.urn && !isDeleted(other));
  const known = same.flatMap(({ id, outputs }): Found[] => {
    const arn = outputs?.["arn"];
    return id === undefined ? [] : [{ id, ...(typeof arn === "string" && { arn }) }];
  });
  const provider = providerInputs(resource, checkpoint);
  const region = ownRegion(resource) ?? regionOf(provider) ?? options.region;
  if (region === undefined && resource.type.startsWith("aws:")) {
    throw new FleetError("pending-unsettled", `stack ${options.stack}: the region of ${resource.urn} is not known`, { source: "engine", fix: "give the stack a region in the fleet config" });
  }
  return { type: resource.type, urn: resource.urn, inputs: resource.inputs ?? {}, region: region ?? "", known, ...(provider && { provider }) };
}

/** By ARN where both have one: the revisions of an ECS task definition share their ID. */
function isSame(a: Found, b: Found): boolean {
  return a.arn !== undefined && b.arn !== undefined ? a.arn === b.arn : a.id === b.id;
}

/** Every AWS resource can name a region other than its provider's. */
function ownRegion(resource: CheckpointResource): string | undefined {
  const region = resource.inputs?.["region"];
  return typeof region === "string" && resource.type.startsWith("aws:") ? region : undefined;
}

/** While a provider is replaced, as by a change of region, two of one URN are in the state. */
function providerInputs({ provider }: CheckpointResource, checkpoint: CheckpointFile): CheckpointResource["inputs"] {
  return resourcesOf(checkpoint).find(({ urn, id }) => provider === `${urn}::${id}`)?.inputs;
}

function regionOf(provider: CheckpointResource["inputs"]): string | undefined {
  const region = provider?.["region"];
  return typeof region === "string" ? region : undefined;
}

function rewrite(checkpoint: CheckpointFile, settled: readonly Settled[], options: SettleOptions): void {
  const latest = checkpoint.checkpoint.latest;
  if (!latest) return;
  const before = restoreProviders(latest.resources ?? []).map((resource, _index, all) => (isHalfDeleted(resource, all, settled) ? marked(resource, "delete") : resource));
  const resources = settled.reduce<readonly CheckpointResource[]>((all, { operation, found }) => (found ? adopt(all, operation.resource, found) : all), before);
  save({ ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, resources: [...resources], pending_operations: [] } } }, options);
}

/**
 * The deletion of a resource was sent, and the state still counts on it. What is marked for deletion already, or is deleted to be
 * replaced while others depend on it, the next update deletes again by itself.
 */
function isHalfDeleted(resource: CheckpointResource, all: readonly CheckpointResource[], settled: readonly Settled[]): boolean {
  if (resource.delete === true || isDeleted(resource) || hasDependents(all, resource.urn)) return false;
  return settled.some(({ operation }) => operation.type === "deleting" && operation.resource.urn === resource.urn && operation.resource.id === resource.id);
}

/** A read replaces a record's outputs; what still carries the mark was read by a provider that keeps what it doesn't know. */
function clearMarks(options: SettleOptions): void {
  const checkpoint = readCheckpoint(options.stateDir, options.project, options.stack);
  const latest = checkpoint?.checkpoint.latest;
  if (!checkpoint || !latest?.resources) return;
  // With the deletions still to come, their marks stay for the case that they don't.
  const resources = latest.resources.map((resource) => (options.finishDeletes === undefined && isMarked(resource, "delete") ? resource : unmarked(resource)));
  if (resources.every((resource, index) => resource === latest.resources?.[index])) return;
  save({ ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, resources } } }, options);
}

function save(checkpoint: CheckpointFile, options: SettleOptions): void {
  const { stateDir, project, stack } = options;
  const file = savedFile(stateDir, project, stack);
  copyFileSync(file, `${file}.before-recovery`);
  saveCheckpoint(stateDir, project, stack, checkpoint);
}

function eventOf({ operation, found }: Settled, stack: string): EngineEventBody {
  const { urn, type } = operation.resource;
  if (found) return { type: "stack.recovered", stack, action: "adopted", urn, id: found.id, message: `${type} ${found.id} was created by the interrupted run; it is now in the state` };
  if (operation.type === "creating" && CREATE_OR_DETECT.test(type)) return { type: "stack.recovered", stack, action: "dropped", urn, message: `${type}: the interrupted create is sent again; its provider takes over what the first one made` };
  if (operation.type === "creating") return { type: "stack.recovered", stack, action: "absent", urn, message: `${type}: the interrupted create left nothing behind; it is created anew` };
  if (operation.type === "deleting") return { type: "stack.recovered", stack, action: "dropped", urn, message: `${type}: the interrupted deletion is finished first` };
  return { type: "stack.recovered", stack, action: "dropped", urn, message: `${type}: the interrupted ${operation.type} is repeated` };
}

function unsettled(stack: string, sought: Sought, why: string): FleetError {
  return new FleetError("pending-unsettled", `stack ${stack}: an interrupted create of ${sought.urn} can't be settled: ${why}`, {
    source: "engine",
    fix: "look whether it exists; then `pulumi import` it, or delete it, and run `pulumi refresh --clear-pending-creates` on the stack",
  });
}
