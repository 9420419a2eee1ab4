/** Assembles the core: database, records, ledger, faults, clock, lifecycle, and the context that models work in. */
import { randomBytes } from "node:crypto";
import type { CloudContext, PackageModel } from "../model";
import type { Fault } from "../protocol";
import type { ContainerRuntime, FunctionRuntime } from "../runtime/port";
import { DEFAULT_TIME_SCALE, ScaledClock } from "./clock";
import { openDatabase, type CloudDatabase } from "./database";
import { FaultPlan } from "./faults";
import { createIdentifiers } from "./identifiers";
import { Ledger, OK } from "./ledger";
import { Lifecycle, type AnyModel } from "./lifecycle";
import { resume } from "./resume";
import { RecordStore } from "./store";

/** Kinds of faults beside those of every type, by the type that they are planned for. */
export type ServiceFaults = Readonly<Record<string, readonly Fault["kind"][]>>;

const TIME_SCALE = "time-scale";
const SECRET = "secret";

export interface CloudOptions {
  /** The daemon's folder. */
  readonly dir: string;
  readonly packages: readonly PackageModel[];
  /** Services that are reached over HTTP and not by a provider. */
  readonly services?: readonly { readonly resources: PackageModel["resources"]; readonly faults?: ServiceFaults }[];
  readonly runtime: ContainerRuntime;
  readonly functions: FunctionRuntime;
  readonly endpointUrl: string;
  readonly log: CloudContext["log"];
  /** Kept over restarts. @default the kept one, else 60 */
  readonly timeScale?: number;
  /** Seed of identifiers. @default random */
  readonly seed?: string;
}

export interface Cloud {
  readonly context: CloudContext;
  readonly store: RecordStore;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly lifecycle: Lifecycle;
  /** Random, kept over restarts: what services make keys of. */
  readonly secret: string;
  /** The types that a fault can be planned for, and the kinds that each takes. */
  readonly faultKinds: ReadonlyMap<string, readonly Fault["kind"][]>;
  /** Changes the scale, for running waits too, and keeps it over restarts. */
  setTimeScale(timeScale: number): void;
  /** Called after every change of the scale. */
  onTimeScale(listener: (timeScale: number) => void): void;
  /** Goes on with what an earlier daemon left. */
  resume(): Promise<void>;
  /** Interrupts every job; `close` comes after all who use the cloud have ended. */
  shutdown(): void;
  close(): void;
}

/** What can go wrong with a create of any type. */
const FAULTS_OF_ALL = ["fail", "throttle", "hang", "drop-reply"] as const satisfies readonly Fault["kind"][];

export function openCloud(options: CloudOptions): Cloud {
  const database = openDatabase(options.dir);
  const models = new Map<string, AnyModel>([...options.packages, ...(options.services ?? [])].flatMap((model) => model.resources).map((model) => [model.type, model]));
  const store = new RecordStore(database, (type) => models.get(type)?.global ?? false);
  const clock = new ScaledClock(keptTimeScale(database, options.timeScale));
  const ledger = new Ledger(database, () => clock.now());
  const context: CloudContext = {
    store, clock, ids: createIdentifiers(options.seed), runtime: options.runtime, functions: options.functions,
    endpointUrl: options.endpointUrl, dataDir: options.dir, log: options.log,
    register: (part) => store.insert({ ...part, stack: "", urn: `urn:pulumi:service::service::${part.type}::${part.id}`, inputs: {}, status: "available", createdAt: clock.now().toISOString() }),
    discard: ({ key, stack, urn, type, id, region }) => store.transaction(() => {
      ledger.open({ stack, urn, type, operation: "delete", id, region, modelledSeconds: 0 }).close(OK);
      store.remove(key);
    }),
  };
  const stop = new AbortController();
  const parts = { store, ledger, faults: new FaultPlan(database), cloud: context, shutdown: stop.signal };
  const lifecycle = new Lifecycle(parts);
  const scaleListeners: ((timeScale: number) => void)[] = [];
  return {
    context, store, lifecycle, ledger: parts.ledger, faults: parts.faults, faultKinds: kindsByType(models.keys(), options), secret: keptSecret(database),
    setTimeScale: (timeScale) => {
      clock.setTimeScale(timeScale);
      database.setSetting(TIME_SCALE, String(timeScale));
      for (const listener of scaleListeners) listener(timeScale);
    },
    onTimeScale: (listener) => void scaleListeners.push(listener),
    resume: () => resume({ ...parts, lifecycle, modelOf: (type) => models.get(type) }),
    shutdown: () => stop.abort(new Error("the local cloud is stopping")),
    close: () => database.close(),
  };
}

function kindsByType(types: Iterable<string>, { services = [] }: Pick<CloudOptions, "services">): ReadonlyMap<string, readonly Fault["kind"][]> {
  const kinds = new Map([...types].map((type): [string, readonly Fault["kind"][]] => [type, FAULTS_OF_ALL]));
  for (const [type, own] of services.flatMap(({ faults = {} }) => Object.entries(faults))) kinds.set(type, [...FAULTS_OF_ALL, ...own]);
  return kinds;
}

function keptTimeScale(database: CloudDatabase, asked: number | undefined): number {
  const timeScale = asked ?? Number(database.setting(TIME_SCALE) ?? DEFAULT_TIME_SCALE);
  database.setSetting(TIME_SCALE, String(timeScale));
  return timeScale;
}

function keptSecret(database: CloudDatabase): string {
  const kept = database.setting(SECRET);
  if (kept !== undefined) return kept;
  const made = randomBytes(32).toString("base64url");
  database.setSetting(SECRET, made);
  return made;
}
