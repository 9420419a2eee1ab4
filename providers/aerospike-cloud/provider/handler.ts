/** What a resource type of this provider does; the protocol around it is `service.ts`. */
import type { AerospikeCloudClient } from "../api/client";
import type { Path } from "../../wire/properties";
import type { Properties } from "../../wire/values";

/** A fault of one input. `property` is a path such as `infrastructure.cidrBlock`. */
export interface CheckFault { readonly property: string; readonly reason: string }

/** What every call may use. */
export interface CallContext {
  readonly client: AerospikeCloudClient;
  readonly urn: string;
  /** Aborted when the engine cancels: waits end at once, what was sent is not taken back. */
  readonly signal: AbortSignal;
  /** Simulated seconds a second. */
  readonly timeScale: number;
  /** Limit that the program set for this operation (`customTimeouts`), in seconds; 0: none. */
  readonly timeoutSeconds: number;
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Shown while the operation runs, and kept in the run's journal. Resolves when the engine has it, or won't get it. */
  progress(message: string): Promise<void>;
  info(message: string): void;
  /** Shown, and kept in the run's summary. */
  warn(message: string): void;
}

/** What a check may use. */
export type CheckContext = Pick<CallContext, "client" | "signal" | "warn">;

/** A resource as the service has it. */
export interface Found { readonly id: string; readonly inputs: Properties; readonly outputs: Properties }

/** The resource exists under this ID but is not as it should be: the engine keeps it, and the next update goes on with it. */
export class NotReady extends Error {
  constructor(readonly id: string, readonly outputs: Properties, reason: string) {
    super(reason);
    this.name = "NotReady";
  }
}

export interface ResourceHandler {
  /** Token, for example `aerospikecloud:index:Cluster`. */
  readonly type: string;
  /** Paths of inputs whose change replaces the resource; list indices are left out. */
  readonly replaceOn: readonly string[];
  /** True when the service can't have two of the same at once, so that the old one must go first. */
  readonly deleteBeforeReplace: boolean;
  /** The old inputs, as a change is to be seen against them. @default as they are */
  effective?(olds: Properties, state: Properties, news: Properties): Properties;
  /** All faults. `inputs` lacks what is not known yet, `unknowns` says where. Asks the service only when `changed`. */
  check(inputs: Properties, unknowns: readonly Path[], context: CheckContext, changed: boolean): Promise<CheckFault[]>;
  create(inputs: Properties, context: CallContext): Promise<{ readonly id: string; readonly outputs: Properties }>;
  /** undefined: it is gone. */
  read(id: string, inputs: Properties, state: Properties, context: CallContext): Promise<Found | undefined>;
  /** Also called without a change, after a create or an update that ended with {@link NotReady}. Returns all outputs. */
  update(id: string, state: Properties, olds: Properties, news: Properties, context: CallContext): Promise<Properties>;
  delete(id: string, state: Properties, context: CallContext): Promise<void>;
}
