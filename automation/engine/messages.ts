/** What the driver and its program host say to each other over the IPC channel. */
import type { Operation } from "../events";
import type { EngineEventBody, HandedOutputs, UpdateOutcome } from "./port";

/** Everything the host needs to know once, before its first update. */
export interface HostSettings {
  /** Absolute path of the Pulumi CLI, and its version without the `v`. */
  readonly pulumi: string;
  readonly pulumiVersion: string;
  /** Environment of every CLI process, complete. */
  readonly env: Readonly<Record<string, string>>;
  /** Pulumi project folder that the CLI runs in. */
  readonly workDir: string;
  /** The fleet config to load programs from, and the module that runs a stack's program. */
  readonly configFile: string;
  readonly programRunner: string;
  /** True when stacks of this backend are initialised by the driver, so that `select` and `init` need no process. */
  readonly stacksExist: boolean;
}

export interface UpdateOrder {
  readonly stack: string;
  readonly operation: Operation;
  readonly upstream?: Readonly<Record<string, HandedOutputs>>;
  readonly policyPacks: readonly string[];
  readonly logFile: string;
  /** Only these URNs; for the refresh of adopted resources. */
  readonly targets?: readonly string[];
}

export type ToHost =
  | { readonly kind: "settings"; readonly settings: HostSettings }
  | { readonly kind: "run"; readonly id: number; readonly order: UpdateOrder }
  | { readonly kind: "interrupt" }
  | { readonly kind: "cancel" }
  | { readonly kind: "close" };

export type FromHost =
  | { readonly kind: "event"; readonly id: number; readonly event: EngineEventBody }
  /** A CLI process of this update started; the driver keeps the id to end it should the host die. */
  | { readonly kind: "cli"; readonly id: number; readonly pid: number }
  | { readonly kind: "done"; readonly id: number; readonly outcome: UpdateOutcome }
  /** Confirms an interrupt or a cancel: the host is not blocked. */
  | { readonly kind: "stopping" };
