/** Runs of a fleet, as the command line and scripts start them. */
import type { FleetEvent, RunReport } from "../events";
import { describeCloud } from "../target/cloud";
import { execute } from "./execute";
import { planRun } from "./prepare";
import { slots } from "./parallel";
import type { PreparedRun, RunOptions } from "./types";

export type { PreparedRun, RunHandle, RunOptions } from "./types";

/**
 * Validates everything that can be validated without touching a cloud.
 * @throws FleetError with every fault of the input
 */
export async function prepareRun(options: RunOptions): Promise<PreparedRun> {
  slots(options.parallel ?? "auto", 1);
  const plan = await planRun(options);
  const { id, layout, target, topology, selected } = plan;
  return {
    id, layout, target, topology, selected, operation: options.operation,
    describeTarget: () => describeCloud(topology, selected),
    execute: (listener) => execute(plan, options, listener),
  };
}

/**
 * Runs one operation over a fleet and resolves to the payload of `run.finished`, also when stacks failed: look at `status`.
 *
 * @example
 * const report = await runFleet({ config: "fleet.config.ts", operation: "up", select: ["region-*"] });
 * if (report.status !== "succeeded") process.exitCode = 1;
 *
 * @throws FleetError when the run could not start (bad config, another run in progress, no toolchain)
 */
export async function runFleet(options: RunOptions & { readonly onEvent?: (event: FleetEvent) => void }): Promise<RunReport> {
  const prepared = await prepareRun(options);
  // Regions that the account has not enabled fail here, before anything is created.
  if (prepared.target === "cloud") await prepared.describeTarget();
  const handle = prepared.execute(options.onEvent ?? (() => undefined));
  const abort = (): void => handle.stop("graceful", "AbortSignal");
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    return await handle.done;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}
