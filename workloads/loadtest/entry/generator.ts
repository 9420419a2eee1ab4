/**
 * A load generator task. In this stage no load is generated: it starts, reports its share of the virtual users on `/health`, and
 * asks the orchestrator for the start of the test.
 */
import { LambdaClient } from "@aws-sdk/client-lambda";
import { lambdaOrchestrator } from "../client";
import type { StartState } from "../events";
import { pollStart } from "../generator";
import { readSettings, wholeNumber } from "../settings";
import { runTask, TASK_SETTINGS } from "../task";

void runTask(() => {
  const settings = readSettings(process.env, { ...TASK_SETTINGS, virtualUsers: wholeNumber("VIRTUAL_USERS", { min: 1 }) });
  const ask = lambdaOrchestrator(new LambdaClient({ region: settings.homeRegion }), settings.orchestrator);
  let start: StartState | undefined;
  return {
    name: "generator",
    port: settings.port,
    health: () => ({ healthy: true, task: "generator", region: settings.region, virtualUsers: settings.virtualUsers, start: start ?? "unknown" }),
    work: (log, signal) => pollStart({
      ask, log, signal,
      changed: (state) => {
        start = state;
        log.info({ region: settings.region, ...state }, state.state ? "test starts" : "waiting for the start");
      },
    }),
  };
});
