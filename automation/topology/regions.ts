/** Regions that a fleet may name, and those where the metrics store of a load test exists. */
import type { InputFault } from "../errors";
import { describe } from "./faults";
import { suggestion } from "./nearest";

/**
 * Regions by AWS partition. A partition has accounts of its own: nothing is shared between two.
 *
 * Source: partition metadata of the AWS SDK for JavaScript 3.981 (`@aws-sdk/core`), November 2026, without the isolated
 * partitions (`aws-iso*`), which no public endpoint reaches. A test compares the list with the installed SDK.
 */
export const REGIONS_BY_PARTITION = {
  "aws": [
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "me-west-1", "mx-central-1", "sa-east-1", "sa-west-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
  ],
  "aws-cn": ["cn-north-1", "cn-northwest-1"],
  "aws-eusc": ["eusc-de-east-1"],
  "aws-us-gov": ["us-gov-east-1", "us-gov-west-1"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Every region, sorted. */
export const REGIONS: readonly string[] = Object.values(REGIONS_BY_PARTITION).flat().sort();

/**
 * Regions with Amazon Managed Service for Prometheus, the metrics store of a load test's home.
 *
 * Source: Amazon Managed Service for Prometheus User Guide, "Supported Regions"
 * (https://docs.aws.amazon.com/prometheus/latest/userguide/what-is-Amazon-Managed-Service-Prometheus.html), read November 2026.
 */
export const METRICS_STORE_REGIONS: readonly string[] = [
  "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
  "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1",
  "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
  "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1",
  "us-gov-west-1", "us-west-1", "us-west-2",
];

/** The partition of a region; `undefined` for an unknown region. */
export function partitionOf(region: string): string | undefined {
  return Object.entries(REGIONS_BY_PARTITION).find(([, regions]) => (regions as readonly string[]).includes(region))?.[0];
}

/** The fault of a region that AWS does not have; `undefined` for a known one. */
export function regionFault(path: string, region: unknown): InputFault | undefined {
  if (typeof region === "string" && REGIONS.includes(region)) return undefined;
  const fix = typeof region === "string" ? suggestion(region, REGIONS, "use a region code, not its display name") : "give a region code";
  return { path, problem: "unknown region", got: describe(region), expected: "an AWS region code such as eu-west-1", fix };
}

/** The fault of a home region without the metrics store; `undefined` for one that has it. */
export function metricsStoreFault(path: string, region: string): InputFault | undefined {
  if (METRICS_STORE_REGIONS.includes(region)) return undefined;
  const sameContinent = METRICS_STORE_REGIONS.filter((other) => other.split("-")[0] === region.split("-")[0]);
  const offered = sameContinent.length > 0 ? sameContinent : METRICS_STORE_REGIONS;
  return {
    path, problem: "home region without the metrics store", got: region,
    expected: "a region with Amazon Managed Service for Prometheus", fix: `use ${oneOfFew(offered)}`,
  };
}

function oneOfFew(regions: readonly string[]): string {
  return regions.slice(0, 4).join(", ").replace(/, ([^,]+)$/, " or $1");
}
