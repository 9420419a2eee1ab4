/** A cloud in memory, with the chain package and a clock that tests move by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { openDatabase } from "../../../local/core/database";
import { FaultPlan } from "../../../local/core/faults";
import { createIdentifiers } from "../../../local/core/identifiers";
import { Ledger } from "../../../local/core/ledger";
import { Lifecycle, type AnyModel, type ResourceCall } from "../../../local/core/lifecycle";
import { resume } from "../../../local/core/resume";
import { RecordStore } from "../../../local/core/store";
import type { CallScope, CloudContext, SimulatedClock } from "../../../local/model";
import { CHAIN_TYPES, chainPackage, noContainers, noFunctions } from "../../support/chain";

/** Time stands still until `advance`; the real second is the simulated one. */
export class ManualClock implements SimulatedClock {
  readonly timeScale = 1;
  #now = Date.parse("2026-01-01T00:00:00Z");
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (seconds <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#sleepers.push({ until: this.#now + seconds * 1000, wake: resolve });
    });
  }

  toRealMs(seconds: number): number {
    return seconds * 1000;
  }

  now(): Date {
    return new Date(this.#now);
  }

  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves time and lets everything that it wakes run. */
  async advance(seconds: number): Promise<void> {
    await settled();
    this.#now += seconds * 1000;
    const due = this.#sleepers.filter((sleeper) => sleeper.until <= this.#now);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.until > this.#now);
    for (const sleeper of due) sleeper.wake();
    await settled();
  }
}

/** Every promise that can go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface World {
  readonly store: RecordStore;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly lifecycle: Lifecycle;
  readonly clock: ManualClock;
  readonly warnings: string[];
  /** A call of the nth link's type. */
  call(link: number, name: string, overrides?: Partial<CallScope>): ResourceCall;
  /** The daemon dies: nothing of it runs on. */
  die(): void;
  resume(): Promise<void>;
}

/** @param dir keeps the database, for worlds that follow each other @default in memory */
export function openWorld(dir?: string, clock = new ManualClock()): World {
  const database = openDatabase(dir);
  const models = new Map<string, AnyModel>(chainPackage().resources.map((model) => [model.type, model]));
  const stop = new AbortController();
  const warnings: string[] = [];
  const store = new RecordStore(database, (type) => models.get(type)?.global ?? false);
  const cloud: CloudContext = {
    store, clock, ids: createIdentifiers("test"), runtime: noContainers(), functions: noFunctions(), endpointUrl: "http://127.0.0.1:1", dataDir: dir ?? "/nowhere",
    discard: ({ key }) => store.remove(key),
    register: (part) => store.insert({ ...part, stack: "", urn: `urn:pulumi:service::service::${part.type}::${part.id}`, inputs: {}, status: "available", createdAt: clock.now().toISOString() }),
    log: { info: () => undefined, warn: (message) => void warnings.push(message) },
  };
  const parts = { store, ledger: new Ledger(database, () => clock.now()), faults: new FaultPlan(database), cloud, shutdown: stop.signal };
  const lifecycle = new Lifecycle(parts);
  return {
    ...parts, lifecycle, clock, warnings,
    call: (link, name, overrides = {}) => {
      const type = CHAIN_TYPES[link - 1] ?? "";
      const model = models.get(type);
      if (!model) throw new Error(`no link ${link}`);
      const scope = { region: "eu-west-1", account: "000000000000", stack: "s", urn: `urn:pulumi:s::p::${type}::${name}`, type, name, signal: new AbortController().signal };
      return { model, scope: { ...scope, ...overrides } };
    },
    die: () => {
      stop.abort(new Error("the local cloud is stopping"));
      database.close();
    },
    resume: () => resume({ ...parts, lifecycle, modelOf: (type) => models.get(type) }),
  };
}

/** A folder for one test; removed by the returned function. */
export function scratch(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(path.join(tmpdir(), "stackfleet-core-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
