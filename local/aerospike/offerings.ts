/** What an account may order here: a part of the vendor's real offer, enough to choose from and to be refused. */
import type { CloudProviders } from "../../providers/aerospike-cloud/api/schemas";

// Sizes. Source: the cloud providers' public instance specifications.
const AWS_TYPES: readonly [name: string, vcpus: number, memoryGib: number, disks: number, diskGib: number, arch: "x86_64" | "arm64"][] = [
  ["i4i.large", 2, 16, 1, 468, "x86_64"], ["i4i.xlarge", 4, 32, 1, 937, "x86_64"], ["i4i.2xlarge", 8, 64, 1, 1875, "x86_64"], ["i4i.4xlarge", 16, 128, 1, 3750, "x86_64"],
  ["i4i.8xlarge", 32, 256, 2, 3750, "x86_64"], ["i4g.large", 2, 16, 1, 468, "arm64"], ["i4g.xlarge", 4, 32, 1, 937, "arm64"], ["m5d.large", 2, 8, 1, 75, "x86_64"],
  ["m5d.xlarge", 4, 16, 1, 150, "x86_64"], ["m5d.2xlarge", 8, 32, 1, 300, "x86_64"], ["m6i.large", 2, 8, 0, 0, "x86_64"], ["m6i.xlarge", 4, 16, 0, 0, "x86_64"],
  ["r6i.large", 2, 16, 0, 0, "x86_64"], ["r6i.xlarge", 4, 32, 0, 0, "x86_64"], ["c6id.large", 2, 4, 1, 118, "x86_64"],
];
const AWS_REGIONS = ["us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1"] as const;
const GCP_TYPES: typeof AWS_TYPES = [["n2-standard-4", 4, 16, 0, 0, "x86_64"], ["n2-highmem-4", 4, 32, 0, 0, "x86_64"], ["z3-highmem-14-standardlssd", 14, 112, 1, 2793, "x86_64"]];
const GCP_REGIONS = ["us-central1", "europe-west1", "asia-southeast1"] as const;

export interface OfferingFilter { readonly cloudProvider?: string; readonly region?: string; readonly minDisks?: number; readonly minStorageGiB?: number; readonly minMemoryGiB?: number }

export function offerings(filter: OfferingFilter = {}): CloudProviders {
  const providers = [
    { id: "aws" as const, name: "Amazon Web Services (AWS)", regions: AWS_REGIONS, types: AWS_TYPES },
    { id: "gcp" as const, name: "Google Cloud Platform (GCP)", regions: GCP_REGIONS, types: GCP_TYPES },
  ];
  const results = providers.filter(({ id }) => filter.cloudProvider === undefined || filter.cloudProvider === id).map(({ id, name, regions, types }) => ({
    id, name,
    regions: regions.filter((region) => filter.region === undefined || filter.region === region).map((region) => ({
      name: region, instanceTypes: types.map(specs).filter((type) => fits(type, filter)),
    })),
  }));
  return { count: results.length, results };
}

/** Specifications of one type, or undefined. */
export function instanceType(provider: string, name: string): ReturnType<typeof specs> | undefined {
  return (provider === "aws" ? AWS_TYPES : provider === "gcp" ? GCP_TYPES : []).map(specs).find((type) => type.instanceType === name);
}

function specs([name, vcpus, memoryGib, numberOfDisks, diskSizeGib, arch]: (typeof AWS_TYPES)[number]) {
  return {
    instanceType: name, vcpus, memoryGib, supportedArchitectures: [arch],
    localStorage: { numberOfDisks, diskSizeGib, totalSizeGib: numberOfDisks * diskSizeGib },
  };
}

function fits(type: ReturnType<typeof specs>, { minDisks = 0, minStorageGiB = 0, minMemoryGiB = 0 }: OfferingFilter): boolean {
  return type.localStorage.numberOfDisks >= minDisks && type.localStorage.totalSizeGib >= minStorageGiB && type.memoryGib >= minMemoryGiB;
}
