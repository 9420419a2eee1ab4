/** What the ledger says about the two faults that matter: resources made twice, and resources left behind. */
import type { LedgerEntry } from "./protocol";

/** A resource as the ledger knows it. */
export interface MadeResource { readonly urn: string; readonly type: string; readonly id: string; readonly region?: string; readonly seq: number }

/** Several live resources of one URN, or several creates that were answered with one resource. */
export interface CreatedTwice { readonly urn: string; readonly resources: readonly MadeResource[] }

export interface Balance {
  /** Of what lives now: empty when no URN owns more than one resource, and no resource answered the creates of two URNs. */
  readonly createdTwice: readonly CreatedTwice[];
  /** Resources that were made, never deleted, and that no state knows. */
  readonly leftBehind: readonly MadeResource[];
}

/**
 * @param entries the whole ledger, or that of whole stacks
 * @param inState the ids that the stacks' state holds; without it, everything that lives is left behind, as after a destroy
 */
export function balance(entries: readonly LedgerEntry[], inState: ReadonlySet<string> = new Set()): Balance {
  let live: MadeResource[] = [];
  for (const entry of entries) {
    // An id means that the service made it, whatever became of the call.
    if (entry.operation === "create" && entry.id !== "") live.push(made(entry));
    if (entry.operation === "delete" && entry.result === "ok") live = without(live, entry);
  }
  const twice = [...Map.groupBy(live, (resource) => resource.urn)].filter(([, resources]) => separate(resources) > 1);
  const shared = [...Map.groupBy(live.filter(({ type }) => !SHARED.test(type)), (resource) => `${resource.type} ${resource.id} ${resource.region ?? ""}`).values()]
    .filter((resources) => new Set(resources.map((resource) => resource.urn)).size > 1);
  return {
    createdTwice: [
      ...twice.map(([urn, resources]) => ({ urn, resources })),
      ...shared.map((resources) => ({ urn: resources.map((resource) => resource.urn).join(", "), resources })),
    ],
    leftBehind: live.filter((resource) => !inState.has(resource.id)),
  };
}

/** Docker's creates that hand back what is there already: sent again for the same URN, they make nothing. */
const HANDS_BACK = /^docker:index\/(volume|remoteImage|image|tag):/;

/** What any number of stacks may name: an image is the same for all. */
const SHARED = /^docker:index\/(remoteImage|image|tag):/;

/** How many resources these are. */
function separate(resources: readonly MadeResource[]): number {
  return new Set(resources.map(({ type, id, seq }) => (HANDS_BACK.test(type) ? `${type} ${id}` : seq))).size;
}

/** One deletion ends every create that was answered with this resource. */
function without(live: readonly MadeResource[], entry: LedgerEntry): MadeResource[] {
  const same = live.filter((resource) => resource.type === entry.type && resource.id === entry.id);
  const here = same.filter((resource) => resource.region === entry.region);
  // Names repeat in other regions. But a global type may be deleted through a provider of another region than it was made by.
  const elsewhere = same.every((resource) => resource.region === same[0]?.region) ? same : same.filter((resource) => resource.urn === entry.urn);
  const gone = new Set(here.length > 0 ? here : elsewhere);
  return live.filter((resource) => !gone.has(resource));
}

function made({ urn, type, id, region, seq }: LedgerEntry): MadeResource {
  return { urn, type, id, seq, ...(region !== undefined && { region }) };
}
