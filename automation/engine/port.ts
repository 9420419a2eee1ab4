/** What the executor needs of an engine. The Pulumi adapter implements it; tests use a fake one. */
import type { Changes, FaultReport, FleetEventBody, Operation } from "../events";
import type { StackNode } from "../topology/types";

/** One output of a stack as a preview hands it downstream. */
export interface HandedOutput { readonly known: boolean; readonly secret: boolean; readonly value?: unknown }
export type HandedOutputs = Readonly<Record<string, HandedOutput>>;

export interface UpdateRequest {
  readonly stack: StackNode;
  readonly operation: Operation;
  /** Previews only: outputs of upstream previews, by stack name. */
  readonly upstream?: Readonly<Record<string, HandedOutputs>>;
  readonly policyPacks: readonly string[];
  /** URN globs that the update is limited to. */
  readonly targets?: readonly string[];
  /** Where the CLI's stdout and stderr go. */
  readonly logFile: string;
}

/** A create that failed without the provider's answer: whether the resource exists is not known. */
export interface UnansweredCreate {
  readonly urn: string;
  readonly type: string;
  /** As the engine tells them in its events: secrets are masked. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly parent?: string;
  /** `<urn>::<id>` of the provider. */
  readonly provider?: string;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
}

export interface UpdateOutcome {
  /** `cancelled`: interrupted before it was complete; all that was done is saved. */
  readonly status: "succeeded" | "unchanged" | "failed" | "cancelled";
  readonly changes: Changes;
  readonly error?: FaultReport;
  /** Outputs that this preview hands downstream. */
  readonly outputs?: HandedOutputs;
  /** Creates whose reply was lost. The engine forgets them; recovery must not. */
  readonly unanswered?: readonly UnansweredCreate[];
  /** URNs whose deletion was sent and has not been told to be over: the user stopped the wait for it, or its reply was lost. The engine keeps them as they were. */
  readonly undeleted?: readonly string[];
}

export type EngineEventBody = Extract<FleetEventBody, { stack: string }>;

export interface Engine {
  /** Runs one update. Never rejects for a failed update; rejects only for a defect of the driver. */
  run(request: UpdateRequest, emit: (event: EngineEventBody) => void): Promise<UpdateOutcome>;
  /** One interrupt to every running update: in-flight operations finish, everything is saved. */
  interrupt(): void;
  /** The second interrupt: terminate. */
  cancel(): void;
  /** Waits for children to end and frees what it holds. */
  close(): Promise<void>;
  /** CPU seconds and peak resident bytes of the engine's processes so far. */
  usage(): { readonly cpuSeconds: number; readonly maxRssBytes: number };
}
