/**
 * The aggregator task, one a region. In this stage no load is generated, so there is nothing to aggregate: it starts, records
 * its region with the orchestrator, and is healthy once that has succeeded.
 */
import { LambdaClient } from "@aws-sdk/client-lambda";
import { keepRecorded } from "../aggregator";
import { lambdaOrchestrator } from "../client";
import { readSettings } from "../settings";
import { runTask, TASK_SETTINGS } from "../task";

void runTask(() => {
  const settings = readSettings(process.env, TASK_SETTINGS);
  const ask = lambdaOrchestrator(new LambdaClient({ region: settings.homeRegion }), settings.orchestrator);
  let recorded = false;
  return {
    name: "aggregator",
    port: settings.port,
    health: () => ({ healthy: recorded, task: "aggregator", region: settings.region, recorded }),
    work: (log, signal) => keepRecorded({
      ask, region: settings.region, log, signal,
      recorded: (answer) => {
        if (!recorded) log.info({ region: settings.region, answer }, "region recorded");
        recorded = true;
      },
    }),
  };
});
