/** Stack program: one region that generates load for a multi-region load test. */
import * as pulumi from "@pulumi/pulumi";
import { RegionalLoadGenerator } from "../components/regional-load-generator";
import { regionConfig } from "./config";
import { homeOutputs } from "./home-outputs";
import { stackOutputs } from "./references";
import { readConfig } from "./values";

export const program = async (): Promise<Record<string, unknown>> => {
  const config = readConfig(regionConfig);
  const region = new pulumi.Config("aws").require("region");
  const { outputs: home, known } = await stackOutputs(config.homeStack, homeOutputs);
  requireServed(config.homeStack, known.remoteRegions, region);
  const load = new RegionalLoadGenerator("load", {
    region,
    virtualUsers: config.virtualUsers,
    homeRegion: config.homeRegion,
    orchestratorArn: home.orchestratorArn,
    executionRoleArn: home.executionRoleArn,
    aggregatorRoleArn: home.aggregatorRoleArn,
    generatorRoleArn: home.generatorRoleArn,
    logGroupPrefix: home.logGroupPrefix,
    ...(config.image !== undefined && { image: config.image }),
  });
  return {
    region, virtualUsers: config.virtualUsers, taskGroups: load.taskGroups,
    vpcId: load.vpcId, clusterArn: load.clusterArn, aggregatorServiceArn: load.aggregatorServiceArn, generatorServiceArns: load.generatorServiceArns,
  };
};

/** The home's roles reach into the regions that it knows of: tasks of another one could neither log nor be scaled down. */
function requireServed(homeStack: string, regions: readonly string[] | undefined, region: string): void {
  if (regions === undefined || regions.includes(region)) return;
  throw new pulumi.RunError(`stack "${homeStack}" doesn't serve this region; got ${region}; expected one of ${regions.join(", ")}; add it to remoteRegions and bring "${homeStack}" up first`);
}
