/**
 * The contract between the local cloud's core (protocol, ledger, latency, faults) and the models of resource types.
 * A model says what one Pulumi type token means in this cloud: what it accepts, what it refuses, what it hands back.
 */
import type { z } from "zod";
import type { Properties } from "../providers/wire/values";

export type { Archive, Asset, Properties, PropertyValue } from "../providers/wire/values";

/** Simulated seconds an operation takes, with the source of the figure. */
export interface Latency { readonly seconds: number; readonly source: string }

/** What the provider instance behind a call was configured with. */
export interface CallScope {
  /** Region code, e.g. `eu-west-1`; `aws-global` never appears: global types ignore it. */
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  readonly stack: string;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Aborted when the engine cancels. A create that was sent goes on all the same; only waits that are pure waiting may stop. */
  readonly signal: AbortSignal;
}

/** A live record in the cloud's store. `id` is unique per (type, region, account) unless the type is global. */
export interface ResourceRecord {
  readonly key: string;
  readonly type: string;
  readonly id: string;
  readonly arn?: string;
  readonly region: string;
  readonly account: string;
  readonly stack: string;
  readonly urn: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: "creating" | "available" | "updating" | "deleting";
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Read access to the cloud's store, for referential checks, and the few writes that a model may do to others. */
export interface Store {
  /** All live records of a type (any status but gone), in creation order; `where` filters on region and account too. */
  list(type: string, where?: { region?: string; account?: string; id?: string; name?: string }): ResourceRecord[];
  get(type: string, id: string, where?: { region?: string; account?: string }): ResourceRecord | undefined;
  byArn(arn: string): ResourceRecord | undefined;
  /** Every live record, whatever its type. */
  all(): ResourceRecord[];
  /** Merges into the record's outputs; for changes that the service makes by itself. */
  patch(key: string, outputs: Properties): void;
}

/** Random but realistic identifiers, from one seeded source a daemon. */
export interface Identifiers {
  /** `hex(17)` → 17 lower-case hex digits, as in `vpc-0a1b…`. */
  hex(length: number): string;
  uuid(): string;
  /** `[A-Za-z0-9]`, as in `AROA…` ids (upper-case with `upper`). */
  alphanumeric(length: number, upper?: boolean): string;
}

/** What a model may use. */
export interface CloudContext {
  readonly store: Store;
  readonly ids: Identifiers;
  readonly clock: SimulatedClock;
  readonly runtime: import("./runtime/port").ContainerRuntime;
  /** Executes the functions that stacks deploy (Lambda). */
  readonly functions: import("./runtime/port").FunctionRuntime;
  /** Base address of the AWS APIs of this cloud, e.g. `http://127.0.0.1:4566`. */
  readonly endpointUrl: string;
  /** Forgets a resource that was deleted past its provider, by the service's own API; the ledger gets a deletion. */
  discard(record: ResourceRecord): void;
  /** Registers what a service makes by itself: it belongs to no stack, and is in no ledger. Its URN is made from type and id. */
  register(part: Pick<ResourceRecord, "type" | "id" | "region" | "account" | "outputs">): ResourceRecord;
  /** The daemon's folder; a model keeps files in `path.join(dataDir, "<service>")` only. */
  readonly dataDir: string;
  readonly log: { info(message: string, fields?: Record<string, unknown>): void; warn(message: string, fields?: Record<string, unknown>): void };
}

/** Simulated time: `timeScale` simulated seconds pass a real second. */
export interface SimulatedClock {
  readonly timeScale: number;
  /** Waits simulated seconds. Rejects with the signal's reason when aborted. */
  sleep(simulatedSeconds: number, signal?: AbortSignal): Promise<void>;
  /** Real milliseconds of so many simulated seconds. */
  toRealMs(simulatedSeconds: number): number;
  /** Now, in real time. */
  now(): Date;
}

/** A fault of one input, in Pulumi's check form. `property` is a path such as `ingress[0].cidrBlocks`. */
export interface CheckFault { readonly property: string; readonly reason: string }

/** A refusal by the service, with the code the real service uses (`InvalidSubnet.Conflict`, `EntityAlreadyExists`…). */
export class ServiceError extends Error {
  constructor(readonly code: string, message: string, readonly httpStatus = 400) {
    super(`${code}: ${message}`);
    this.name = "ServiceError";
  }
}

/** What a create registers at its very start; visible to reads and to the tagging API from that moment. */
export interface Begun { readonly id: string; readonly arn?: string; readonly outputs: Properties }

/** One Pulumi type token in this cloud. `I` is the validated inputs. */
export interface ResourceModel<I = Properties> {
  /** Pulumi token, e.g. `aws:ec2/vpc:Vpc`. */
  readonly type: string;
  /** The file to extend when an argument is not modelled, e.g. `local/aws/ec2/vpc.ts`. */
  readonly file: string;
  /**
   * Strict object schema of the arguments that are modelled. An argument that is in the SDK but not here is refused with an
   * error that names `file`. Unknown values (previews) have been taken out of the input before this runs in check.
   */
  readonly args: z.ZodType<I>;
  /** Paths of inputs whose change replaces the resource; all others update in place. */
  readonly replaceOn: readonly string[];
  /** Physical name made from the logical one (as the real provider does) when the program gives none. */
  readonly autoname?: { readonly property: string; readonly maxLength: number; readonly lowercase?: boolean; readonly separator?: string };
  /** The real provider always deletes the old one before it creates its replacement. @default only when the program gave the name */
  readonly deleteBeforeReplace?: boolean;
  /** True for types whose ids are unique world-wide or account-wide (IAM, S3 names), so that region is ignored. */
  readonly global?: boolean;
  readonly latency: { readonly create: Latency; readonly update: Latency; readonly delete: Latency; readonly read?: Latency };
  /** Checks beyond the schema. Inputs may lack values that are not known yet. */
  check?(inputs: Properties, scope: Pick<CallScope, "region" | "account">): CheckFault[];
  /**
   * Registers the resource: referential and name checks (throw {@link ServiceError}), identifiers, first outputs.
   * Synchronous, runs in one transaction, before the latency. Sending it twice makes two resources or a conflict.
   */
  begin(inputs: I, scope: CallScope, cloud: CloudContext): Begun;
  /** After the latency: what the service does in the background (start tasks, wait until steady). Returns outputs to merge. */
  settle?(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<Properties | void>;
  /** Simulated seconds that `settle` had to wait by the model, beyond the latency; asked after it, only for the ledger's account. @default 0 */
  settleSeconds?(record: ResourceRecord, cloud: CloudContext): number;
  /** Called when the daemon restarts, for what must run again (containers, tables). */
  restore?(record: ResourceRecord, cloud: CloudContext): Promise<void>;
  /** Live outputs; default: the stored ones. `undefined`: gone. */
  read?(record: ResourceRecord, cloud: CloudContext): Promise<Properties | undefined>;
  /** Inputs that the state of the last read contradicts, though the program's are the same (a container that stopped); they are updated. */
  drifted?(outputs: Properties, news: Properties): readonly string[];
  /** Other ids under which an import finds the record, in the real provider's import syntax (`<role>/<policy ARN>`). */
  importIds?(record: ResourceRecord): readonly string[];
  /** Applies new inputs; returns outputs to merge. */
  update?(record: ResourceRecord, inputs: I, scope: CallScope, cloud: CloudContext): Promise<Properties>;
  /** Referential checks before a delete (throw {@link ServiceError} `DependencyViolation`…). */
  beforeDelete?(record: ResourceRecord, cloud: CloudContext): void;
  /** Stops what runs, removes data; runs after `beforeDelete` and beside the latency. */
  destroy?(record: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<void>;
}

/** A Pulumi function (invoke), e.g. `aws:index/getCallerIdentity:getCallerIdentity`. */
export interface FunctionModel {
  readonly token: string;
  readonly file: string;
  invoke(args: Properties, scope: Pick<CallScope, "region" | "account" | "signal">, cloud: CloudContext): Promise<Properties>;
}

/** What a provider instance was configured with. */
export interface ProviderConfiguration {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** Tags that the instance adds to everything taggable. */
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** How a package reads the settings of its provider instances. */
export interface ProviderSettings {
  /** Settings whose change replaces the provider and what it made. */
  readonly replaceOn: readonly string[];
  /** Faults of a configuration; values that are not known yet are missing from it. */
  faults(config: Properties, isUnknown: (key: string) => boolean): CheckFault[];
  /** @throws {Error} when a setting that is needed is missing */
  read(config: Properties): ProviderConfiguration;
}

/** Everything that serves one Pulumi package (`aws`, `docker`, later `kubernetes`). */
export interface PackageModel {
  readonly name: string;
  readonly version: string;
  /** @default AWS's: a region is required */
  readonly settings?: ProviderSettings;
  readonly resources: readonly ResourceModel<never>[];
  readonly functions: readonly FunctionModel[];
}
