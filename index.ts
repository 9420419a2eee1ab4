/**
 * What a config file or a script imports from `stackfleet`. Light on purpose: config files import it, so the driver itself is
 * loaded only when a run starts, and no Pulumi SDK ever is.
 */
import type { FleetEvent, RunReport } from "./automation/events";
import type { RunOptions } from "./automation/run";

export { constellation, type Constellation, type ConstellationOptions } from "./automation/topology/constellation";
export { defineFleet } from "./automation/topology/define";
export { FleetError, type ErrorSource } from "./automation/errors";
export type { FleetEvent, Operation, RunReport, StackResult, StackStatus } from "./automation/events";
export type { Target } from "./automation/layout";
export type { RunOptions } from "./automation/run";
export type { ConfigValue, FleetDeclaration, InlineProgram, SecretFromEnvironment, StackDeclaration } from "./automation/topology/types";

/**
 * Runs one operation over a fleet and resolves to the payload of `run.finished`, also when stacks failed: look at `status`.
 * @param options `onEvent` gets every event of the run as it happens
 * @example
 * const report = await runFleet({ config: "fleet.config.ts", operation: "up", select: ["region-*"] });
 * if (report.status !== "succeeded") process.exitCode = 1;
 * @throws FleetError when the run could not start: bad config, another run in progress, no toolchain
 */
export async function runFleet(options: RunOptions & { readonly onEvent?: (event: FleetEvent) => void }): Promise<RunReport> {
  const run = await import("./automation/run/index.js");
  return run.runFleet(options);
}
