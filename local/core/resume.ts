/** What a new daemon does with what an earlier one left: creates and deletions go on, what must run again is started. */
import { messageOf } from "../errors";
import type { CallScope, CloudContext, ResourceRecord } from "../model";
import { parseUrn } from "./urn";
import { failed, type Ledger, type OpenEntry } from "./ledger";
import type { AnyModel, Lifecycle } from "./lifecycle";
import type { RecordStore } from "./store";

export interface ResumeParts {
  readonly store: RecordStore;
  readonly ledger: Ledger;
  readonly lifecycle: Lifecycle;
  readonly cloud: CloudContext;
  readonly modelOf: (type: string) => AnyModel | undefined;
  readonly shutdown: AbortSignal;
}

/** Resolves when everything that was available runs again; interrupted jobs go on in the background. */
export async function resume(parts: ResumeParts): Promise<void> {
  const open = new Map<string, OpenEntry>();
  for (const { entry, call } of parts.ledger.interrupted()) {
    const goesOn = (entry.operation === "create" || entry.operation === "delete") && entry.id !== "";
    const key = `${entry.operation} ${entry.urn} ${entry.id}`;
    if (goesOn && isUnderWay(parts, entry.type, entry.id, entry.operation) && !open.has(key)) open.set(key, call);
    else call.close(failed("the local cloud ended before the call did"));
  }
  await Promise.all(parts.store.all().map((record) => resumeRecord(parts, record, open)));
}

function isUnderWay({ store }: ResumeParts, type: string, id: string, operation: string): boolean {
  const status = operation === "create" ? "creating" : "deleting";
  return store.list(type, { id }).some((record) => record.status === status);
}

async function resumeRecord(parts: ResumeParts, record: ResourceRecord, open: ReadonlyMap<string, OpenEntry>): Promise<void> {
  const model = parts.modelOf(record.type);
  const fields = { type: record.type, id: record.id };
  if (!model) return parts.cloud.log.warn("no model for a stored resource", fields);
  const warn = (what: string) => (error: unknown) => {
    if (!parts.shutdown.aborted) parts.cloud.log.warn(what, { ...fields, reason: messageOf(error) });
  };
  const call = { model, scope: scopeOf(record, parts.shutdown) };
  const entry = (operation: string) => open.get(`${operation} ${record.urn} ${record.id}`);
  if (record.status === "creating") {
    parts.lifecycle.resumeCreate(call, record, entry("create")).catch(warn("a resumed create failed"));
  } else if (record.status === "deleting") {
    parts.lifecycle.resumeDelete(call, record, entry("delete")).catch(warn("a resumed deletion failed"));
  } else {
    // The service never applied an update whose call was cut short: `update` stores its result last.
    if (record.status === "updating") parts.store.update(record.key, { status: "available" });
    await model.restore?.(record, parts.cloud).catch(warn("a resource could not be restored"));
  }
}

function scopeOf(record: ResourceRecord, signal: AbortSignal): CallScope {
  return { region: record.region, account: record.account, stack: record.stack, urn: record.urn, type: record.type, name: parseUrn(record.urn).name, signal };
}
