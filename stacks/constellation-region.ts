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
  const home = stackOutputs(config.homeStack, homeOutputs);
  const load = new RegionalLoadGenerator("load", {
    region,
    virtualUsers: config.virtualUsers,
    homeRegion: config.homeRegion,
    orchestratorArn: home.orchestratorArn,
    executionRoleArn: home.executionRoleArn,
    aggregatorRoleArn: home.aggregatorRoleArn,
    generatorRoleArn: home.generatorRoleArn,
    // The home's roles reach into the regions that it knows of: without this check, tasks of a new one could neither log nor be stopped.
    logGroupPrefix: pulumi.all([home.logGroupPrefix, home.remoteRegions]).apply(([prefix, regions]) => servedBy(config.homeStack, regions, region, prefix)),
    ...(config.image !== undefined && { image: config.image }),
  });
  return {
    region, virtualUsers: config.virtualUsers, taskGroups: load.taskGroups,
    vpcId: load.vpcId, clusterArn: load.clusterArn, aggregatorServiceArn: load.aggregatorServiceArn, generatorServiceArns: load.generatorServiceArns,
  };
};

function servedBy(homeStack: string, regions: readonly string[], region: string, prefix: string): string {
  if (regions.includes(region)) return prefix;
  throw new pulumi.RunError(`stack "${homeStack}" doesn't serve this region; got ${region}; expected one of ${regions.join(", ")}; add it to remoteRegions and bring "${homeStack}" up first`);
}
