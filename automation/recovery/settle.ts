/**
 * Settles what an update that died left pending in its checkpoint, before the next update of the stack: a create whose
 * resource exists is adopted into the state, one that never came to be is dropped, so that the update makes it.
 */
import { copyFileSync } from "node:fs";
import { checkpointFile, pendingOf, readCheckpoint, resourcesOf, type CheckpointFile, type CheckpointResource, type PendingOperation } from "../backend/checkpoint";
import { writeAtomic } from "../backend/files";
import { FleetError } from "../errors";
import type { EngineEventBody } from "../engine/port";
import type { Found, Lookup, Sought } from "./lookup";

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
  /** Reads the adopted resources through their provider, so that the state has all their outputs. */
  readonly refresh: (urns: readonly string[]) => Promise<void>;
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
  const adoptedBefore = resourcesOf(checkpoint).filter(isAwaitingRead);
  if (checkpoint === undefined || (pending.length === 0 && adoptedBefore.length === 0)) return false;
  const settled = await Promise.all(pending.map((operation) => settleOne(operation, checkpoint, options)));
  if (pending.length > 0) rewrite(checkpoint, settled, options);
  for (const one of settled) options.emit(eventOf(one, options.stack));
  const adopted = [...adoptedBefore.map((resource) => resource.urn), ...settled.flatMap(({ found, operation }) => (found ? [operation.resource.urn] : []))];
  if (adopted.length > 0) {
    await options.refresh(adopted);
    clearMarks(options);
  }
  return true;
}

async function settleOne(operation: PendingOperation, checkpoint: CheckpointFile, options: SettleOptions): Promise<Settled> {
  // An update, a delete or a read that was under way is simply repeated: the state still has the resource.
  if (operation.type !== "creating" || operation.resource.type.startsWith("pulumi:")) return { operation };
  const sought = soughtOf(operation.resource, checkpoint, options);
  const lookup = await options.lookup();
  if (!lookup.handles(sought)) throw unsettled(options.stack, sought, "it carries no tag to search for, and resources of its type can't be looked up by name");
  const found = await poll(lookup, sought, options);
  if (found.length > 1) throw unsettled(options.stack, sought, `${found.length} resources carry its tag: ${found.map(({ id }) => id).join(", ")}`);
  const [only] = found;
  if (only === undefined) return { operation };
  await lookup.settled(sought, only);
  return { operation, found: only };
}

/** Asks until something is found or the window is over; the pauses double. */
async function poll(lookup: Lookup, sought: Sought, options: SettleOptions): Promise<readonly Found[]> {
  const clock = options.clock ?? REAL_CLOCK;
  const deadline = clock.now() + options.windowMs;
  for (let pause = FIRST_POLL_MS; ; pause *= 2) {
    const found = (await lookup.find(sought)).filter((candidate) => !sought.known.some((known) => isSame(known, candidate)));
    const left = deadline - clock.now();
    if (found.length > 0 || left <= 0) return found;
    await clock.wait(Math.min(pause, left));
  }
}

function soughtOf(resource: CheckpointResource, checkpoint: CheckpointFile, options: SettleOptions): Sought {
  const same = resourcesOf(checkpoint).filter(({ urn }) => urn === resource.urn);
  const known = same.flatMap(({ id, outputs }): Found[] => {
    const arn = outputs?.["arn"];
    return id === undefined ? [] : [{ id, ...(typeof arn === "string" && { arn }) }];
  });
  const region = providerRegion(resource, checkpoint) ?? options.region;
  if (region === undefined) {
    throw new FleetError("pending-unsettled", `stack ${options.stack}: the region of ${resource.urn} is not known`, { source: "engine", fix: "give the stack a region in the fleet config" });
  }
  return { type: resource.type, urn: resource.urn, inputs: resource.inputs ?? {}, region, known };
}

/** By ARN where both have one: the revisions of an ECS task definition share their ID. */
function isSame(a: Found, b: Found): boolean {
  return a.arn !== undefined && b.arn !== undefined ? a.arn === b.arn : a.id === b.id;
}

/** `provider` is `<urn>::<id>` of a provider resource of the same state. */
function providerRegion(resource: CheckpointResource, checkpoint: CheckpointFile): string | undefined {
  const urn = resource.provider?.slice(0, resource.provider.lastIndexOf("::"));
  const region = resourcesOf(checkpoint).find((candidate) => candidate.urn === urn)?.inputs?.["region"];
  return typeof region === "string" ? region : undefined;
}

/** Marks a record whose outputs are still to be read, so that a kill between adoption and read is made good by the next run. */
const AWAITING_READ = "__stackfleetAwaitingRead";

function isAwaitingRead(resource: CheckpointResource): boolean {
  return resource.outputs !== undefined && AWAITING_READ in resource.outputs;
}

function rewrite(checkpoint: CheckpointFile, settled: readonly Settled[], options: SettleOptions): void {
  const latest = checkpoint.checkpoint.latest;
  if (!latest) return;
  const adopted = settled.flatMap(({ operation, found }) => (found ? [adoptedRecord(operation.resource, found)] : []));
  const replaced = new Set(adopted.map(({ urn }) => urn));
  // The old side of a replacement whose new side is now in the state is deleted by the next update, as the engine would have it.
  const before = (latest.resources ?? []).map((resource) => (replaced.has(resource.urn) ? { ...resource, delete: true } : resource));
  // Appended last: whatever a resource depends on was complete before its create was sent.
  save({ ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, resources: [...before, ...adopted], pending_operations: [] } } }, options);
}

function adoptedRecord(resource: CheckpointResource, found: Found): CheckpointResource {
  const inputs = resource.inputs ?? {};
  return { ...resource, id: found.id, outputs: { ...inputs, ...(found.arn && { arn: found.arn }), [AWAITING_READ]: true } };
}

/** The read replaces a record's outputs; what still carries the mark was read by a provider that keeps what it doesn't know. */
function clearMarks(options: SettleOptions): void {
  const checkpoint = readCheckpoint(options.stateDir, options.project, options.stack);
  const latest = checkpoint?.checkpoint.latest;
  if (!checkpoint || !latest?.resources?.some(isAwaitingRead)) return;
  const resources = latest.resources.map((resource) => {
    if (!isAwaitingRead(resource)) return resource;
    const { [AWAITING_READ]: _mark, ...outputs } = resource.outputs ?? {};
    return { ...resource, outputs };
  });
  save({ ...checkpoint, checkpoint: { ...checkpoint.checkpoint, latest: { ...latest, resources } } }, options);
}

function save(checkpoint: CheckpointFile, options: SettleOptions): void {
  const file = checkpointFile(options.stateDir, options.project, options.stack);
  copyFileSync(file, `${file}.before-recovery`);
  writeAtomic(file, `${JSON.stringify(checkpoint, undefined, 4)}\n`);
}

function eventOf({ operation, found }: Settled, stack: string): EngineEventBody {
  const { urn, type } = operation.resource;
  if (found) return { type: "stack.recovered", stack, action: "adopted", urn, id: found.id, message: `${type} ${found.id} was created by the interrupted run; it is now in the state` };
  if (operation.type === "creating") return { type: "stack.recovered", stack, action: "absent", urn, message: `${type}: the interrupted create left nothing behind; it is created anew` };
  return { type: "stack.recovered", stack, action: "dropped", urn, message: `${type}: the interrupted ${operation.type} is repeated` };
}

function unsettled(stack: string, sought: Sought, why: string): FleetError {
  return new FleetError("pending-unsettled", `stack ${stack}: an interrupted create of ${sought.urn} can't be settled: ${why}`, {
    source: "engine",
    fix: "look whether it exists; then `pulumi import` it, or delete it, and run `pulumi refresh --clear-pending-creates` on the stack",
  });
}
