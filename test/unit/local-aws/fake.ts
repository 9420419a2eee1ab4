/** A cloud in memory: the core's part of a create, update and delete, a clock that only moves when told, containers without processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { awsPackage } from "../../../local/aws/index";
import { closeEcs } from "../../../local/aws/ecs/schedulers";
import { dynamoEngines } from "../../../local/aws/dynamodb/engine";
import { ServiceError } from "../../../local/model";
import type { CallScope, CloudContext, Properties, ResourceModel, ResourceRecord, Store } from "../../../local/model";
import { FakeFunctions, FakeRuntime } from "./fake-runtime";

export const HOME = { region: "eu-central-1", account: "123456789012" };
const START = Date.parse("2026-11-21T09:00:00.000Z");

type MutableRecord = { -readonly [K in keyof ResourceRecord]: ResourceRecord[K] };

class MemoryStore implements Store {
  readonly records = new Map<string, MutableRecord>();
  list(type: string, where: { region?: string; account?: string; id?: string; name?: string } = {}): ResourceRecord[] {
    return this.all().filter(
      (record) =>
        record.type === type &&
        (where.region === undefined || record.region === where.region) &&
        (where.account === undefined || record.account === where.account) &&
        (where.id === undefined || record.id === where.id),
    );
  }
  get(type: string, id: string, where?: { region?: string; account?: string }): ResourceRecord | undefined {
    return this.list(type, { ...where, id })[0];
  }
  byArn(arn: string): ResourceRecord | undefined {
    return this.all().find((record) => record.arn === arn);
  }
  all(): ResourceRecord[] {
    return [...this.records.values()];
  }
  patch(key: string, outputs: Properties): void {
    const record = this.records.get(key);
    if (record) record.outputs = { ...record.outputs, ...outputs };
  }
}

/** Time that moves only by {@link advance}. */
export class ManualClock {
  readonly timeScale = 60;
  #seconds = 0;
  #sleepers: { due: number; wake: () => void }[] = [];
  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { due: this.#seconds + seconds, wake: resolve };
      this.#sleepers.push(sleeper);
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }
  toRealMs(seconds: number): number {
    return (seconds * 1000) / this.timeScale;
  }
  now(): Date {
    return new Date(START + (this.#seconds * 1000) / this.timeScale);
  }
  /** Moves simulated time, waking sleepers in order and letting what they start happen. */
  async advance(seconds: number): Promise<void> {
    const until = this.#seconds + seconds;
    for (;;) {
      await turns();
      const [next] = this.#sleepers.filter((sleeper) => sleeper.due <= until).sort((a, b) => a.due - b.due);
      if (!next) break;
      this.#seconds = Math.max(this.#seconds, next.due);
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      next.wake();
    }
    this.#seconds = until;
    await turns();
  }
}

/** Lets every promise that can settle now settle. */
export async function turns(): Promise<void> {
  for (let n = 0; n < 5; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

export interface CreateOptions {
  readonly region?: string;
  readonly account?: string;
  readonly stack?: string;
  readonly name?: string;
  readonly settle?: boolean;
  readonly signal?: AbortSignal;
}

/** The core's part, in memory. */
export class FakeCloud {
  readonly store = new MemoryStore();
  readonly runtime = new FakeRuntime();
  readonly functions = new FakeFunctions();
  readonly clock = new ManualClock();
  readonly dataDir = mkdtempSync(path.join(tmpdir(), "local-aws-"));
  readonly endpointUrl = "http://127.0.0.1:4566";
  readonly warnings: string[] = [];
  #count = 0;
  readonly log = {
    info: () => undefined,
    warn: (message: string, fields?: Record<string, unknown>) => void this.warnings.push(`${message} ${JSON.stringify(fields ?? {})}`),
  };
  readonly ids = {
    hex: (length: number) => (++this.#count).toString(16).padStart(length, "0"),
    uuid: () => `00000000-0000-4000-8000-${(++this.#count).toString(16).padStart(12, "0")}`,
    alphanumeric: (length: number, upper?: boolean) =>
      (++this.#count).toString(36).padStart(length, "0")[upper ? "toUpperCase" : "toLowerCase"](),
  };

  register(part: Pick<ResourceRecord, "type" | "id" | "region" | "account" | "outputs">): ResourceRecord {
    const record = {
      ...part, key: this.ids.uuid(), stack: "", urn: `urn:pulumi:service::service::${part.type}::${part.id}`, inputs: {}, tags: {}, status: "available" as const,
      createdAt: new Date(0).toISOString(),
    };
    this.store.records.set(record.key, record);
    return record;
  }

  discard(record: ResourceRecord): void {
    this.store.records.delete(record.key);
  }

  get context(): CloudContext {
    return this;
  }

  model(type: string): ResourceModel<Properties> {
    const found = awsPackage.resources.find((model) => model.type === type);
    if (!found) throw new Error(`no model of ${type}`);
    return found as unknown as ResourceModel<Properties>;
  }

  scope(type: string, options: CreateOptions = {}): CallScope {
    const { region = HOME.region, account = HOME.account, stack = "home", name = `r${++this.#count}` } = options;
    return {
      region,
      account,
      stack,
      name,
      type,
      urn: `urn:pulumi:${stack}::stackfleet::${type}::${name}`,
      signal: options.signal ?? new AbortController().signal,
    };
  }

  /** Check, begin, record; the settle's promise beside the record. */
  begin(type: string, inputs: Properties, options: CreateOptions = {}): { record: ResourceRecord; settled: Promise<ResourceRecord> } {
    const model = this.model(type);
    const scope = this.scope(type, options);
    const faults = model.check?.(inputs, scope) ?? [];
    if (faults.length > 0) throw new Error(faults.map((fault) => `${fault.property}: ${fault.reason}`).join("; "));
    const parsed = model.args.parse(inputs);
    const begun = model.begin(parsed, scope, this);
    const key = `k${++this.#count}`;
    const record: MutableRecord = {
      key,
      type,
      id: begun.id,
      ...(begun.arn === undefined ? {} : { arn: begun.arn }),
      region: scope.region,
      account: scope.account,
      stack: scope.stack,
      urn: scope.urn,
      inputs: parsed,
      outputs: begun.outputs,
      tags: (parsed["tagsAll"] ?? parsed["tags"] ?? {}) as Record<string, string>,
      status: "creating",
      createdAt: this.clock.now().toISOString(),
    };
    this.store.records.set(key, record);
    const settled = (async () => {
      const outputs = options.settle === false ? undefined : await model.settle?.(record, scope, this);
      record.outputs = { ...record.outputs, ...outputs };
      record.status = "available";
      return record;
    })();
    return { record, settled };
  }

  async create(type: string, inputs: Properties, options: CreateOptions = {}): Promise<ResourceRecord> {
    return this.begin(type, inputs, options).settled;
  }

  async update(record: ResourceRecord, inputs: Properties): Promise<ResourceRecord> {
    const model = this.model(record.type);
    const parsed = model.args.parse(inputs);
    const outputs = await model.update?.(record, parsed, this.scope(record.type, record), this);
    const stored = this.store.records.get(record.key);
    if (!stored) throw new Error("no such record");
    stored.inputs = parsed;
    stored.outputs = { ...stored.outputs, ...outputs };
    return stored;
  }

  async delete(record: ResourceRecord): Promise<void> {
    const model = this.model(record.type);
    model.beforeDelete?.(record, this);
    const stored = this.store.records.get(record.key);
    if (stored) stored.status = "deleting";
    await model.destroy?.(record, this.scope(record.type, record), this);
    this.store.records.delete(record.key);
  }

  /** Ends what the cloud runs and removes its folder. */
  async close(): Promise<void> {
    closeEcs(this);
    await dynamoEngines(this).close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** The code of the refusal that a call ends with. */
export async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return error instanceof ServiceError ? error.code : String(error);
  }
  return "no error";
}
