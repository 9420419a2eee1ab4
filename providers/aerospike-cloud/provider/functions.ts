/** The package's functions: look a cluster up by its name, list what the account may order. */
import { status } from "@grpc/grpc-js";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { z } from "zod";
import { marshal, structOf, unmarshal, wireOf } from "../../wire/properties";
import { RpcError } from "../../wire/rpc";
import type { Properties } from "../../wire/values";
import type { AerospikeCloudClient } from "../api/client";

const getClusterArgs = z.strictObject({ name: z.string().min(1) });
const getOfferingsArgs = z.strictObject({
  cloudProvider: z.enum(["aws", "gcp", "azure"]).optional(), region: z.string().optional(),
  minMemoryGib: z.int().min(0).optional(), minLocalDisks: z.int().min(0).optional(), minLocalStorageGib: z.int().min(0).optional(),
});

/** @throws {RpcError} */
export async function invokeFunction(request: rpc.InvokeRequest, client: AerospikeCloudClient, signal: AbortSignal): Promise<rpc.InvokeResponse> {
  const { properties } = unmarshal(wireOf(request.getArgs()));
  try {
    return new rpc.InvokeResponse().setReturn(structOf(marshal(await run(request.getTok(), properties, client, signal))));
  } catch (error) {
    if (error instanceof z.ZodError) {
      const faults = error.issues.map((issue) => new rpc.CheckFailure().setProperty(issue.path.join(".")).setReason(issue.message));
      return new rpc.InvokeResponse().setFailuresList(faults);
    }
    throw error instanceof RpcError ? error : new RpcError(status.UNKNOWN, error instanceof Error ? error.message : String(error));
  }
}

async function run(token: string, args: Properties, client: AerospikeCloudClient, signal: AbortSignal): Promise<Properties> {
  switch (token) {
    case "aerospikecloud:index:getCluster": return getCluster(getClusterArgs.parse(args).name, client, signal);
    case "aerospikecloud:index:getOfferings": return getOfferings(getOfferingsArgs.parse(args), client, signal);
    default: throw new RpcError(status.UNIMPLEMENTED, `the provider aerospikecloud has no function ${token}; expected getCluster or getOfferings`);
  }
}

async function getCluster(name: string, client: AerospikeCloudClient, signal: AbortSignal): Promise<Properties> {
  const [cluster, ...others] = await client.clustersNamed(name, signal);
  if (cluster === undefined) throw new Error(`no living cluster is named "${name}"; create it, or check the name and the account`);
  if (others.length > 0) throw new Error(`${others.length + 1} living clusters are named "${name}"; expected one; delete or rename the others`);
  const { provider, instanceType, region, availabilityZoneCount, zoneIds, cidrBlock } = cluster.infrastructure;
  const { host, tlsCertificate } = cluster.connectionDetails;
  return {
    id: cluster.id, name: cluster.name, status: cluster.health?.status ?? "unknown", clusterSize: cluster.aerospikeCloud.clusterSize,
    infrastructure: { provider, instanceType, region, availabilityZoneCount, ...(zoneIds && { zoneIds }), ...(cidrBlock !== undefined && { cidrBlock }) },
    ...(host !== undefined && { host }), ...(tlsCertificate !== undefined && { tlsCertificate }),
  };
}

async function getOfferings(filter: z.infer<typeof getOfferingsArgs>, client: AerospikeCloudClient, signal: AbortSignal): Promise<Properties> {
  const { cloudProvider, region, minMemoryGib: minMemoryGiB, minLocalDisks: minDisks, minLocalStorageGib: minStorageGiB } = filter;
  const { results } = await client.offerings({ cloudProvider, region, minDisks, minStorageGiB, minMemoryGiB }, signal);
  return {
    providers: results.map(({ id, name, regions }) => ({
      id, name,
      regions: regions.map((place) => ({
        name: place.name,
        instanceTypes: place.instanceTypes.map((type) => ({
          instanceType: type.instanceType, vcpus: type.vcpus, memoryGib: type.memoryGib, architectures: type.supportedArchitectures,
          localDisks: type.localStorage.numberOfDisks, localStorageGib: type.localStorage.totalSizeGib,
        })),
      })),
    })),
  };
}
