/** The live resources: held in memory for look-ups, written through to the database. */
import { randomUUID } from "node:crypto";
import type { Properties, PropertyValue, ResourceRecord, Store } from "../model";
import type { CloudDatabase } from "./database";

/** What a create registers. */
export type NewRecord = Omit<ResourceRecord, "key" | "tags">;
type Where = NonNullable<Parameters<Store["list"]>[1]>;
type Changes = Partial<Pick<ResourceRecord, "inputs" | "status">> & { readonly outputs?: Properties };

export class RecordStore implements Store {
  /** In creation order. */
  readonly #records = new Map<string, ResourceRecord>();
  readonly #byType = new Map<string, Map<string, ResourceRecord>>();
  readonly #byId = new Map<string, Set<string>>();
  readonly #byArn = new Map<string, string>();
  /** What to put back in memory when the open transaction fails. */
  #undo: (() => void)[] | undefined;
  #position = 0;
  readonly #save;
  readonly #erase;

  /** @param isGlobal true for types whose ids are unique whatever the region */
  constructor(private readonly database: CloudDatabase, private readonly isGlobal: (type: string) => boolean) {
    const { db } = database;
    this.#save = db.prepare("INSERT INTO records (key, position, body) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body");
    this.#erase = db.prepare("DELETE FROM records WHERE key = ?");
    for (const row of db.prepare("SELECT position, body FROM records ORDER BY position").all()) {
      // The rows are this class's own writing, so their form is known.
      this.#remember(JSON.parse(String(row["body"])) as ResourceRecord);
      this.#position = Number(row["position"]);
    }
  }

  get size(): number {
    return this.#records.size;
  }

  /** Memory and database change together, or neither does. */
  transaction<T>(work: () => T): T {
    if (this.#undo) return work();
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      return this.database.transaction(work);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.#undo = undefined;
    }
  }

  /**
   * Adds a record. When the service answered a create with a resource that exists already (same type, id and place), the one
   * record stays and takes over the new caller's URN and inputs: there is still one resource.
   */
  insert(created: NewRecord): ResourceRecord {
    const twin = this.get(created.type, created.id, created);
    const record = twin
      ? { ...created, key: twin.key, createdAt: twin.createdAt, outputs: merge(twin.outputs, created.outputs), tags: tagsOf(created) }
      : { ...created, key: randomUUID(), tags: tagsOf(created) };
    this.#write(record, twin);
    return record;
  }

  /** Replaces inputs and status, merges outputs. @returns the new record, or undefined when it is gone */
  update(key: string, changes: Changes): ResourceRecord | undefined {
    const old = this.#records.get(key);
    if (!old) return undefined;
    const merged = { ...old, ...changes, outputs: changes.outputs ? merge(old.outputs, changes.outputs) : old.outputs };
    const record = { ...merged, tags: tagsOf(merged) };
    this.#write(record, old);
    return record;
  }

  remove(key: string): void {
    const old = this.#records.get(key);
    if (!old) return;
    this.#erase.run(key);
    this.#forget(old);
    this.#undo?.push(() => this.#remember(old));
  }

  byKey(key: string): ResourceRecord | undefined {
    return this.#records.get(key);
  }

  list(type: string, where: Where = {}): ResourceRecord[] {
    return [...(this.#byType.get(type)?.values() ?? [])].filter((record) => this.#matches(record, where));
  }

  get(type: string, id: string, where: { region?: string; account?: string } = {}): ResourceRecord | undefined {
    for (const key of this.#byId.get(idKey(type, id)) ?? []) {
      const record = this.#records.get(key);
      if (record && this.#inPlace(record, where)) return record;
    }
    return undefined;
  }

  byArn(arn: string): ResourceRecord | undefined {
    const key = this.#byArn.get(arn);
    return key === undefined ? undefined : this.#records.get(key);
  }

  all(): ResourceRecord[] {
    return [...this.#records.values()];
  }

  patch(key: string, outputs: Properties): void {
    this.update(key, { outputs });
  }

  #matches(record: ResourceRecord, where: Where): boolean {
    return this.#inPlace(record, where)
      && (where.id === undefined || where.id === record.id)
      && (where.name === undefined || where.name === (record.outputs["name"] ?? record.inputs["name"]));
  }

  #inPlace(record: ResourceRecord, where: Where): boolean {
    return (where.region === undefined || where.region === record.region || this.isGlobal(record.type))
      && (where.account === undefined || where.account === record.account);
  }

  #write(record: ResourceRecord, old: ResourceRecord | undefined): void {
    this.#save.run(record.key, ++this.#position, JSON.stringify(record));
    this.#remember(record);
    this.#undo?.push(() => (old ? this.#remember(old) : this.#forget(record)));
  }

  #remember(record: ResourceRecord): void {
    this.#records.set(record.key, record);
    const peers = this.#byType.get(record.type) ?? new Map<string, ResourceRecord>();
    this.#byType.set(record.type, peers.set(record.key, record));
    const id = idKey(record.type, record.id);
    this.#byId.set(id, (this.#byId.get(id) ?? new Set<string>()).add(record.key));
    if (record.arn !== undefined) this.#byArn.set(record.arn, record.key);
  }

  #forget(record: ResourceRecord): void {
    this.#records.delete(record.key);
    this.#byType.get(record.type)?.delete(record.key);
    this.#byId.get(idKey(record.type, record.id))?.delete(record.key);
    if (record.arn !== undefined && this.#byArn.get(record.arn) === record.key) this.#byArn.delete(record.arn);
  }
}

function idKey(type: string, id: string): string {
  return `${type}\0${id}`;
}

/** Shallow merge; null takes a property away. */
export function merge(old: Properties, changes: Properties): Properties {
  const merged = { ...old, ...changes };
  for (const [key, value] of Object.entries(changes)) if (value === null || value === undefined) delete merged[key];
  return merged;
}

function tagsOf(record: Pick<ResourceRecord, "inputs" | "outputs">): Record<string, string> {
  const tags: PropertyValue = record.outputs["tagsAll"] ?? record.inputs["tagsAll"] ?? record.outputs["tags"] ?? record.inputs["tags"] ?? null;
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) return {};
  return Object.fromEntries(Object.entries(tags).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
