/**
 * What happens to a resource: create, read, update, delete, each with its ledger entry, latency and faults. A job that the
 * cloud has accepted goes on whatever becomes of its caller, as in the real service. It also outlives the engine's `Cancel`,
 * which the real provider ignores: one interrupt lets what is in flight finish.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { CallScope, CloudContext, Properties, ResourceModel, ResourceRecord } from "../model";
import { ServiceError } from "../model";
import { messageOf } from "../errors";
import type { Fault } from "../protocol";
import type { FaultPlan } from "./faults";
import { failed, OK, PENDING, type Ledger, type OpenEntry } from "./ledger";
import { Serial } from "./serial";
import type { RecordStore } from "./store";

export type AnyModel = ResourceModel<never>;

/** One provider call, as the core sees it: plain values, no protocol. */
export interface ResourceCall {
  readonly model: AnyModel;
  readonly scope: CallScope;
  /** Takes secrets out of a text before it goes into the ledger. */
  readonly redact?: (text: string) => string;
}

/** The resource exists but its start failed. */
export class PartialFailure extends Error {
  constructor(readonly record: ResourceRecord, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "PartialFailure";
  }
}

/** The work was done and the answer was lost on the way (fault plan). */
export class ReplyDropped extends Error {
  constructor() {
    super("error reading from server: EOF");
    this.name = "ReplyDropped";
  }
}

/** First wait of a throttled caller. Source: AWS SDKs, standard retry mode, exponential backoff from 1 s. */
const THROTTLE_BACKOFF_SECONDS = 1;
const DEFAULT_READ_SECONDS = 0.2;
/** Source: https://www.sqlite.org/rescode.html#full */
const SQLITE_FULL = 13;
const DISK_FULL_RETRY_MS = 250;

export interface LifecycleParts {
  readonly store: RecordStore;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly cloud: CloudContext;
  /** Aborted when the daemon ends: jobs stop where they are and go on in the next daemon. */
  readonly shutdown: AbortSignal;
}

export class Lifecycle {
  readonly #serial = new Serial();
  readonly #deleting = new Map<string, Promise<void>>();

  constructor(private readonly parts: LifecycleParts) {}

  /**
   * @throws {ServiceError} when nothing was made
   * @throws {PartialFailure} when the resource exists but did not settle
   * @throws {ReplyDropped} by the fault plan
   */
  async create(call: ResourceCall, inputs: Properties): Promise<ResourceRecord> {
    const { model, scope } = call;
    const fault = this.parts.faults.next(model.type, scope.stack);
    if (fault === "throttle") await this.#throttled(call);
    const entry = this.#open(call, "create", "", model.latency.create.seconds);
    const record = this.#begin(call, inputs, entry, fault === "fail");
    const held = fault === "hang" ? this.parts.faults.hold(AbortSignal.any([scope.signal, this.parts.shutdown])) : undefined;
    const job = this.#serial.run(record.key, async () => {
      await held;
      return this.#settle(call, record, entry, model.latency.create.seconds);
    });
    const settled = await job;
    if (fault === "drop-reply") throw new ReplyDropped();
    return settled;
  }

  /**
   * A create of a service that answers before the work is done. What the fault plan wants of the answer is the caller's to do, but for
   * `fail` and `hang`; `settled` never rejects.
   * @throws {ServiceError} when nothing was made
   */
  accept(call: ResourceCall, inputs: Properties, fault: Fault["kind"] | undefined): { readonly record: ResourceRecord; readonly settled: Promise<void> } {
    const { model } = call;
    const entry = this.#open(call, "create", "", model.latency.create.seconds);
    const record = this.#begin(call, inputs, entry, fault === "fail");
    const held = fault === "hang" ? this.parts.faults.hold(this.parts.shutdown) : undefined;
    const job = this.#serial.run(record.key, async () => {
      await held;
      await this.#settle(call, record, entry, model.latency.create.seconds);
    });
    // The ledger has the reason; nobody waits for the answer any more.
    return { record, settled: job.catch(() => undefined) };
  }

  /** Live state by id or by an id of the import syntax; undefined when there is no such resource. */
  async read(call: ResourceCall, id: string): Promise<ResourceRecord | undefined> {
    const { model } = call;
    const seconds = model.latency.read?.seconds ?? DEFAULT_READ_SECONDS;
    const entry = this.#open(call, "read", id, seconds);
    return this.#closing(call, entry, async () => {
      await this.parts.cloud.clock.sleep(seconds, this.parts.shutdown);
      const record = this.find(call, id);
      const live = record && model.read ? await model.read(record, this.parts.cloud) : record?.outputs;
      if (!record || !live) {
        entry.close(failed("not found"));
        return undefined;
      }
      return { ...record, outputs: live };
    });
  }

  /** @throws {ServiceError} when the resource is gone or the service refuses */
  async update(call: ResourceCall, id: string, inputs: Properties): Promise<ResourceRecord> {
    const { model } = call;
    const entry = this.#open(call, "update", id, model.latency.update.seconds);
    const key = this.find(call, id)?.key;
    return this.#serial.run(key ?? `${model.type} ${id}`, () => this.#closing(call, entry, () => this.#apply(call, key, id, inputs)));
  }

  /** A resource that is gone already is no error; a second deletion of the same resource waits for the first. */
  async delete(call: ResourceCall, id: string): Promise<void> {
    const entry = this.#open(call, "delete", id, call.model.latency.delete.seconds);
    const record = this.find(call, id);
    if (!record) return entry.close(failed("not found"));
    const running = this.#deleting.get(record.key);
    if (running) entry.close(failed("deletion is in progress already"));
    return running ?? this.#startDeletion(call, record.key, entry);
  }

  /** Goes on with a job that an earlier daemon left; see `resume.ts`. */
  resumeCreate(call: ResourceCall, record: ResourceRecord, entry: OpenEntry | undefined): Promise<ResourceRecord> {
    const elapsed = ((this.parts.cloud.clock.now().getTime() - Date.parse(record.createdAt)) / 1000) * this.parts.cloud.clock.timeScale;
    const left = Math.max(0, call.model.latency.create.seconds - elapsed);
    return this.#serial.run(record.key, () => this.#settle(call, record, entry, left));
  }

  resumeDelete(call: ResourceCall, record: ResourceRecord, entry: OpenEntry | undefined): Promise<void> {
    return this.#startDeletion(call, record.key, entry);
  }

  find({ model, scope }: ResourceCall, id: string): ResourceRecord | undefined {
    const place = { region: scope.region, account: scope.account };
    return this.parts.store.get(model.type, id, place)
      ?? this.parts.store.list(model.type, place).find((record) => model.importIds?.(record).includes(id));
  }

  #open({ model, scope }: ResourceCall, operation: "create" | "read" | "update" | "delete", id: string, modelledSeconds: number): OpenEntry {
    return this.parts.ledger.open({ stack: scope.stack, urn: scope.urn, type: model.type, operation, id, region: scope.region, modelledSeconds });
  }

  /** The provider retries throttles itself; the first attempt is in the ledger all the same. */
  async #throttled(call: ResourceCall): Promise<void> {
    this.#open(call, "create", "", 0).close(failed("throttled"));
    await this.parts.cloud.clock.sleep(THROTTLE_BACKOFF_SECONDS, this.parts.shutdown);
  }

  #begin(call: ResourceCall, inputs: Properties, entry: OpenEntry, refuse: boolean): ResourceRecord {
    const { model, scope } = call;
    try {
      if (refuse) throw new ServiceError("InternalFailure", "the request was refused by the fault plan", 500);
      const parsed = model.args.parse(inputs);
      return this.parts.store.transaction(() => {
        const begun = model.begin(parsed, this.#detached(scope), this.parts.cloud);
        entry.assign(begun.id);
        return this.parts.store.insert({
          type: model.type, id: begun.id, ...(begun.arn !== undefined && { arn: begun.arn }), region: scope.region, account: scope.account,
          stack: scope.stack, urn: scope.urn, inputs, outputs: begun.outputs, status: "creating", createdAt: this.parts.cloud.clock.now().toISOString(),
        });
      });
    } catch (error) {
      entry.close(failed(this.#reason(call, error)));
      throw error;
    }
  }

  async #settle(call: ResourceCall, record: ResourceRecord, entry: OpenEntry | undefined, seconds: number): Promise<ResourceRecord> {
    const { store, cloud } = this.parts;
    try {
      await cloud.clock.sleep(seconds, this.parts.shutdown);
      const settled = await call.model.settle?.(this.#current(record), this.#detached(call.scope), cloud);
      return store.transaction(() => {
        const done = store.update(record.key, { status: "available", ...(settled && { outputs: settled }) });
        entry?.close(OK, call.model.settleSeconds?.(record, cloud));
        return done ?? record;
      });
    } catch (error) {
      if (this.parts.shutdown.aborted) throw error; // Still `creating`: the next daemon goes on.
      if ((error as { errcode?: unknown }).errcode === SQLITE_FULL) {
        // What a service has made doesn't depend on this machine's disk: the answer waits until it can be recorded.
        await delay(DISK_FULL_RETRY_MS, undefined, { signal: this.parts.shutdown });
        return this.#settle(call, record, entry, 0);
      }
      store.update(record.key, { status: "available" });
      entry?.close(failed(this.#reason(call, error)));
      throw new PartialFailure(this.#current(record), messageOf(error), { cause: error });
    }
  }

  async #apply(call: ResourceCall, key: string | undefined, id: string, inputs: Properties): Promise<ResourceRecord> {
    const { store, cloud } = this.parts;
    const { model, scope } = call;
    const record = key === undefined ? undefined : store.update(key, { status: "updating" });
    if (!record) throw new ServiceError("ResourceNotFoundException", `${model.type} "${id}" does not exist in ${scope.region}`, 404);
    try {
      const parsed = model.args.parse(inputs);
      const outputs = model.update ? await model.update(record, parsed, this.#detached(scope), cloud) : replaceEcho(record.inputs, inputs);
      await cloud.clock.sleep(model.latency.update.seconds, this.parts.shutdown);
      return store.update(record.key, { inputs, outputs, status: "available" }) ?? record;
    } catch (error) {
      if (!this.parts.shutdown.aborted) store.update(record.key, { status: "available" });
      throw error;
    }
  }

  #startDeletion(call: ResourceCall, key: string, entry: OpenEntry | undefined): Promise<void> {
    const job = this.#serial.run(key, () => this.#closing(call, entry, () => this.#destroy(call, key)));
    this.#deleting.set(key, job);
    const tidy = () => void this.#deleting.delete(key);
    job.then(tidy, tidy);
    return job;
  }

  async #destroy(call: ResourceCall, key: string): Promise<void> {
    const { store, cloud } = this.parts;
    const { model, scope } = call;
    const before = store.byKey(key);
    if (!before) return;
    store.transaction(() => {
      model.beforeDelete?.(before, cloud);
      store.update(key, { status: "deleting" });
    });
    try {
      await Promise.all([model.destroy?.(before, this.#detached(scope), cloud), cloud.clock.sleep(model.latency.delete.seconds, this.parts.shutdown)]);
      store.remove(key);
    } catch (error) {
      if (!this.parts.shutdown.aborted) store.update(key, { status: "available" });
      throw error;
    }
  }

  /** Closes the entry by how the work ended; leaves it pending when the daemon ends first. */
  async #closing<T>(call: ResourceCall, entry: OpenEntry | undefined, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      entry?.close(OK);
      return result;
    } catch (error) {
      if (!this.parts.shutdown.aborted) entry?.close(failed(this.#reason(call, error)));
      throw error;
    }
  }

  #current(record: ResourceRecord): ResourceRecord {
    return this.parts.store.byKey(record.key) ?? record;
  }

  /** What the service does is stopped by the daemon's end only, never by the caller's. */
  #detached(scope: CallScope): CallScope {
    return { ...scope, signal: this.parts.shutdown };
  }

  #reason(call: ResourceCall, error: unknown): string {
    const text = messageOf(error).replaceAll(/\s+/g, " ");
    const shown = call.redact?.(text) ?? text;
    return shown === PENDING ? `${shown} call` : shown;
  }
}

/** New inputs over old ones as outputs: what an update of a type without own behaviour returns. */
function replaceEcho(before: Properties, after: Properties): Properties {
  const dropped = Object.keys(before).filter((key) => !(key in after)).map((key) => [key, null]);
  return { ...Object.fromEntries(dropped), ...after };
}
