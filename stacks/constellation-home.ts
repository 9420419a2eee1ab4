/** Stack program: the home region of a multi-region load test. */
import { LoadTestHome } from "../components/load-test-home";
import { homeConfig } from "./config";
import type { homeOutputs } from "./home-outputs";
import { readConfig } from "./values";

export const program = async (): Promise<Record<string, unknown>> => {
  const config = readConfig(homeConfig);
  // The bucket holds what a test produced, no more; whoever destroys the home has been told that its results go with it.
  const home = new LoadTestHome("home", {
    region: config.homeRegion, remoteRegions: config.remoteRegions, deleteResults: true,
    ...(config.startBufferSeconds !== undefined && { startBufferSeconds: config.startBufferSeconds }),
  });
  const contract = {
    region: config.homeRegion,
    remoteRegions: config.remoteRegions,
    orchestratorArn: home.orchestratorArn,
    executionRoleArn: home.executionRoleArn,
    aggregatorRoleArn: home.aggregatorRoleArn,
    generatorRoleArn: home.generatorRoleArn,
    logGroupPrefix: home.logGroupPrefix,
  } satisfies Record<keyof typeof homeOutputs, unknown>;
  return {
    ...contract,
    tableName: home.tableName, bucketName: home.bucketName, metricsWorkspaceId: home.metricsWorkspaceId, metricsEndpoint: home.metricsEndpoint,
    ...(config.durationMs !== undefined && { durationMs: config.durationMs }),
  };
};
