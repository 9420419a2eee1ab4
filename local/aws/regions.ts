/** The regions of AWS: names, availability zones and whether an account has to enable them. */
import { ServiceError } from "../model";
import { partitionOf } from "./arn";

/** One region. */
export interface Region {
  readonly name: string;
  /** As the console and `getRegion` name it. */
  readonly description: string;
  /** Prefix of zone ids, `euw1` in `euw1-az1`. */
  readonly zonePrefix: string;
  /** Letters of the zones that a new account sees. */
  readonly zones: string;
  /** Off until the account enables it. */
  readonly optIn: boolean;
}

// Source: AWS documentation, "AWS Regions" and "Availability Zones" (read November 2026); letters as a new account sees them.
const TABLE: readonly (readonly [name: string, description: string, zonePrefix: string, zones?: string, optIn?: "opt-in"])[] = [
  ["us-east-1", "US East (N. Virginia)", "use1", "abcdef"],
  ["us-east-2", "US East (Ohio)", "use2"],
  ["us-west-1", "US West (N. California)", "usw1", "ac"],
  ["us-west-2", "US West (Oregon)", "usw2", "abcd"],
  ["af-south-1", "Africa (Cape Town)", "afs1", "abc", "opt-in"],
  ["ap-east-1", "Asia Pacific (Hong Kong)", "ape1", "abc", "opt-in"],
  ["ap-east-2", "Asia Pacific (Taipei)", "ape2", "abc", "opt-in"],
  ["ap-northeast-1", "Asia Pacific (Tokyo)", "apne1", "acd"],
  ["ap-northeast-2", "Asia Pacific (Seoul)", "apne2", "abcd"],
  ["ap-northeast-3", "Asia Pacific (Osaka)", "apne3"],
  ["ap-south-1", "Asia Pacific (Mumbai)", "aps1"],
  ["ap-south-2", "Asia Pacific (Hyderabad)", "aps2", "abc", "opt-in"],
  ["ap-southeast-1", "Asia Pacific (Singapore)", "apse1"],
  ["ap-southeast-2", "Asia Pacific (Sydney)", "apse2"],
  ["ap-southeast-3", "Asia Pacific (Jakarta)", "apse3", "abc", "opt-in"],
  ["ap-southeast-4", "Asia Pacific (Melbourne)", "apse4", "abc", "opt-in"],
  ["ap-southeast-5", "Asia Pacific (Malaysia)", "apse5", "abc", "opt-in"],
  ["ap-southeast-6", "Asia Pacific (New Zealand)", "apse6", "abc", "opt-in"],
  ["ap-southeast-7", "Asia Pacific (Thailand)", "apse7", "abc", "opt-in"],
  ["ca-central-1", "Canada (Central)", "cac1", "abd"],
  ["ca-west-1", "Canada West (Calgary)", "caw1", "abc", "opt-in"],
  ["eu-central-1", "Europe (Frankfurt)", "euc1"],
  ["eu-central-2", "Europe (Zurich)", "euc2", "abc", "opt-in"],
  ["eu-north-1", "Europe (Stockholm)", "eun1"],
  ["eu-south-1", "Europe (Milan)", "eus1", "abc", "opt-in"],
  ["eu-south-2", "Europe (Spain)", "eus2", "abc", "opt-in"],
  ["eu-west-1", "Europe (Ireland)", "euw1"],
  ["eu-west-2", "Europe (London)", "euw2"],
  ["eu-west-3", "Europe (Paris)", "euw3"],
  ["il-central-1", "Israel (Tel Aviv)", "ilc1", "abc", "opt-in"],
  ["me-central-1", "Middle East (UAE)", "mec1", "abc", "opt-in"],
  ["me-south-1", "Middle East (Bahrain)", "mes1", "abc", "opt-in"],
  ["mx-central-1", "Mexico (Central)", "mxc1", "abc", "opt-in"],
  ["sa-east-1", "South America (Sao Paulo)", "sae1"],
  ["cn-north-1", "China (Beijing)", "cnn1"],
  ["cn-northwest-1", "China (Ningxia)", "cnnw1"],
  ["us-gov-east-1", "AWS GovCloud (US-East)", "usge1"],
  ["us-gov-west-1", "AWS GovCloud (US-West)", "usgw1"],
];

export const REGIONS: readonly Region[] = TABLE.map(([name, description, zonePrefix, zones = "abc", optIn]) => ({
  name,
  description,
  zonePrefix,
  zones,
  optIn: optIn === "opt-in",
}));

const byName = new Map(REGIONS.map((region) => [region.name, region]));

/** The region, or nothing when AWS has none of that name. */
export function findRegion(name: string): Region | undefined {
  return byName.get(name);
}

/** Name of the environment variable that lists the opt-in regions of this account, by comma, or `all`. @default none */
export const OPT_IN_VARIABLE = "STACKFLEET_LOCAL_OPT_IN_REGIONS";

/** Whether this account may use the region: all that need no opt-in, and those that the environment enables. */
export function isEnabled(region: Region): boolean {
  const enabled = (process.env[OPT_IN_VARIABLE] ?? "").split(",").map((name) => name.trim());
  return !region.optIn || enabled.includes("all") || enabled.includes(region.name);
}

/** @throws {ServiceError} `InvalidEndpoint` for an unknown region, `OptInRequired` for one that is not enabled */
export function requireEnabledRegion(name: string): Region {
  const region = findRegion(name);
  if (!region)
    throw new ServiceError(
      "InvalidEndpoint",
      `there is no region "${name}"; use one of ${REGIONS.map((known) => known.name)
        .slice(0, 4)
        .join(", ")}…`,
    );
  if (!isEnabled(region)) {
    throw new ServiceError(
      "OptInRequired",
      `region "${name}" is not enabled for this account; enable it with ${OPT_IN_VARIABLE}=${name} in the daemon's environment`,
      403,
    );
  }
  return region;
}

/** Regions of the same partition, as `DescribeRegions` and `getRegions` list them. */
export function regionsOfPartition(region: string, all: boolean): Region[] {
  return REGIONS.filter((other) => partitionOf(other.name) === partitionOf(region) && (all || isEnabled(other)));
}

/** One availability zone. */
export interface Zone {
  readonly name: string;
  readonly id: string;
}

/** Zones of a region. Real accounts see ids shuffled; here zone a is az1. */
export function zonesOf(region: string): Zone[] {
  const found = findRegion(region);
  return found ? [...found.zones].map((letter, index) => ({ name: `${region}${letter}`, id: `${found.zonePrefix}-az${index + 1}` })) : [];
}
