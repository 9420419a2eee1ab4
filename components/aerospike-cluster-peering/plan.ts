/** Checks and plans the set-up without creating anything: blocks that must not overlap, subnets, sizes. Pure. */
import { type ArgumentFault, integerFaults, regionFaults } from "../arguments";
import { contains, overlap, parseCidr, planSubnets, RESERVED_ADDRESSES, VPC_PREFIX } from "../cidr";
import { DEFAULTS, type CompleteArgs } from "./args";

/** The service keeps this block for itself. Source: the vendor's documentation of VPC peering. */
export const RESERVED_CIDR = "10.129.0.0/24";
/** The service takes no other size for the database's VPC. Source: the vendor's OpenAPI 1.0.0. */
export const CLUSTER_PREFIX = 19;
/** Blocks of private addresses. Source: RFC 1918, section 3. */
const PRIVATE_CIDRS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] as const;
/** Most clients; beyond it a fleet of its own is the better tool. */
const MAX_CLIENTS = 200;

/** What data may be kept on beside where it lives. Source: the vendor's OpenAPI 1.0.0. */
const RESILIENCY = { memory: ["local-disk", "network-storage"], "local-disk": ["network-storage"], "network-storage": [] } as const;

/** One client's subnet, by its index. */
export interface ClientPlan { readonly subnets: readonly string[]; readonly subnetOfClient: readonly number[] }

/** Everything that is wrong with the arguments; empty when nothing is. */
export function faultsOf(args: CompleteArgs): readonly ArgumentFault[] {
  const counts = [
    ...integerFaults("clusterSize", args.clusterSize, { min: 1, max: 256 }, `leave it out for ${DEFAULTS.clusterSize}`),
    ...integerFaults("availabilityZoneCount", args.availabilityZoneCount, { min: 1, max: 3 }, `leave it out for ${DEFAULTS.availabilityZoneCount}`),
    ...integerFaults("clientCount", args.clientCount, { min: 0, max: MAX_CLIENTS }, `leave it out for ${DEFAULTS.clientCount}`),
    ...integerFaults("clientZoneCount", args.clientZoneCount, { min: 1, max: 6 }, `leave it out for ${DEFAULTS.clientZoneCount}`),
    ...integerFaults("clientDiskSizeGiB", args.clientDiskSizeGiB, { min: 8, max: 16_384 }, `leave it out for ${DEFAULTS.clientDiskSizeGiB}`),
  ];
  return [
    ...regionFaults("region", args.region),
    ...regionFaults("clientRegion", args.clientRegion),
    ...counts,
    ...nameFaults(args),
    ...zoneFaults(args),
    ...instanceTypeFaults("instanceType", args.instanceType),
    ...instanceTypeFaults("clientInstanceType", args.clientInstanceType),
    ...storageFaults(args),
    ...clusterCidrFaults(args.clusterCidrBlock),
    ...clientCidrFaults(args),
    ...toolsFaults(args),
    ...(counts.length === 0 && isVpcBlock(args.clientCidrBlock) ? capacityFaults(args) : []),
  ];
}

/** Subnets of the clients' VPC, and which of them each client is in: dealt out in turn, so that zones are used evenly. */
export function planClients(args: Pick<CompleteArgs, "clientCidrBlock" | "clientZoneCount" | "clientCount">): ClientPlan {
  return {
    subnets: planSubnets(args.clientCidrBlock, args.clientZoneCount),
    subnetOfClient: Array.from({ length: args.clientCount }, (_, index) => index % args.clientZoneCount),
  };
}

/** Ports that clients use: the service's for TLS or in the clear, and its metrics. Source: the vendor's documentation. */
export function clusterPorts(isSecureConnection: boolean): readonly { readonly port: number; readonly use: string }[] {
  return [isSecureConnection ? { port: 4000, use: "Aerospike over TLS" } : { port: 3000, use: "Aerospike" }, { port: 9145, use: "Aerospike metrics" }];
}

function nameFaults({ clusterName, namespaces }: CompleteArgs): ArgumentFault[] {
  const names = namespaces.filter((name) => !/^[a-zA-Z0-9\-_$ ]{1,31}$/.test(name) || name === "null");
  return [
    ...(clusterName.trim() === "" || clusterName.length > 100 ? [{ path: "clusterName", problem: "not a name of a cluster", got: clusterName, expected: "1 to 100 characters, not all of them blank", fix: "leave it out for the component's name" }] : []),
    ...(namespaces.length === 0 ? [{ path: "namespaces", problem: "none", got: [], expected: "at least one name", fix: `leave it out for ${DEFAULTS.namespaces.join(", ")}` }] : []),
    ...names.map((name) => ({ path: `namespaces[${namespaces.indexOf(name)}]`, problem: "not a name of a namespace", got: name, expected: "1 to 31 letters, digits, -, _, $ and spaces, not null", fix: "choose another name" })),
    ...(new Set(namespaces).size < namespaces.length ? [{ path: "namespaces", problem: "a name twice", got: [...namespaces], expected: "different names", fix: "take one out" }] : []),
  ];
}

function zoneFaults({ zoneIds, availabilityZoneCount }: CompleteArgs): ArgumentFault[] {
  if (zoneIds === undefined || (zoneIds.length === availabilityZoneCount && new Set(zoneIds).size === zoneIds.length)) return [];
  return [{ path: "zoneIds", problem: "don't fit availabilityZoneCount", got: [...zoneIds], expected: `${availabilityZoneCount} different zone IDs`, fix: "change one of the two, or leave zoneIds out" }];
}

function instanceTypeFaults(path: string, value: string): ArgumentFault[] {
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)?$/.test(value)) return [];
  return [{ path, problem: "not an instance type", got: value, expected: "a type such as i4i.large", fix: "see `getOfferings`, or the cloud provider's list" }];
}

function storageFaults({ dataStorage, dataResiliency, networkAttachedStorage }: CompleteArgs): ArgumentFault[] {
  const allowed: readonly string[] = RESILIENCY[dataStorage];
  const usesVolumes = dataStorage === "network-storage" || dataResiliency === "network-storage";
  return [
    ...(dataResiliency !== undefined && !allowed.includes(dataResiliency)
      ? [{ path: "dataResiliency", problem: `not possible with ${dataStorage}`, got: dataResiliency, expected: allowed.join(" or ") || "nothing", fix: "leave it out, or change dataStorage" }] : []),
    ...(usesVolumes && networkAttachedStorage === undefined
      ? [{ path: "networkAttachedStorage", problem: "missing", got: undefined, expected: "type and sizeInGB, as network storage is used", fix: "add { type: \"gp3\", sizeInGB: 100, iops: 3000 }" }] : []),
    ...(!usesVolumes && networkAttachedStorage !== undefined
      ? [{ path: "networkAttachedStorage", problem: "not used", got: networkAttachedStorage, expected: "nothing without network-storage in dataStorage or dataResiliency", fix: "take it out" }] : []),
  ];
}

function clusterCidrFaults(block: string): ArgumentFault[] {
  const path = "clusterCidrBlock";
  if (parseCidr(block)?.prefix !== CLUSTER_PREFIX) return [{ path, problem: "not a /19", got: block, expected: "an IPv4 /19 without host bits", fix: `leave it out for ${DEFAULTS.clusterCidrBlock}` }];
  if (overlap(block, RESERVED_CIDR)) return [{ path, problem: `overlaps with ${RESERVED_CIDR}, which the service keeps for itself`, got: block, expected: "another block", fix: `leave it out for ${DEFAULTS.clusterCidrBlock}` }];
  return privateFaults(path, block);
}

function clientCidrFaults({ clientCidrBlock: block, clusterCidrBlock, peering }: CompleteArgs): ArgumentFault[] {
  const path = "clientCidrBlock";
  if (!isVpcBlock(block)) {
    return [{ path, problem: "not the block of a VPC", got: block, expected: `an IPv4 block from /${VPC_PREFIX.min} to /${VPC_PREFIX.max} without host bits`, fix: `leave it out for ${DEFAULTS.clientCidrBlock}` }];
  }
  // Without a peering nothing routes between the two, so that they may be alike.
  const clash = peering ? [clusterCidrBlock, RESERVED_CIDR].find((other) => overlap(block, other)) : undefined;
  if (clash !== undefined) return [{ path, problem: `overlaps with ${clash === RESERVED_CIDR ? "the service's reserved block" : "the cluster's block"} ${clash}: the peering would fail`, got: block, expected: "a block apart from it", fix: `use ${DEFAULTS.clientCidrBlock}, or another clusterCidrBlock` }];
  return privateFaults(path, block);
}

function isVpcBlock(block: string): boolean {
  const parsed = parseCidr(block);
  return parsed !== undefined && parsed.prefix >= VPC_PREFIX.min && parsed.prefix <= VPC_PREFIX.max;
}

function privateFaults(path: string, block: string): ArgumentFault[] {
  if (PRIVATE_CIDRS.some((around) => contains(around, block))) return [];
  return [{ path, problem: "not private", got: block, expected: `a block of ${PRIVATE_CIDRS.join(", ")}`, fix: "addresses of others would not be reachable any more" }];
}

function toolsFaults({ toolsVersion, toolsSha256 }: CompleteArgs): ArgumentFault[] {
  return [
    // Becomes part of a command on the clients.
    ...(/^\d+\.\d+\.\d+$/.test(toolsVersion) ? [] : [{ path: "toolsVersion", problem: "not a version", got: toolsVersion, expected: "three numbers, as 11.2.2", fix: `leave it out for ${DEFAULTS.toolsVersion}` }]),
    ...(toolsSha256 === undefined || /^[0-9a-f]{64}$/.test(toolsSha256) ? [] : [{ path: "toolsSha256", problem: "not a SHA-256", got: toolsSha256, expected: "64 lower-case hex digits", fix: "copy it from the download page" }]),
  ];
}

function capacityFaults({ clientCidrBlock, clientZoneCount, clientCount }: CompleteArgs): ArgumentFault[] {
  const prefix = (parseCidr(clientCidrBlock)?.prefix ?? 0) + Math.ceil(Math.log2(clientZoneCount));
  const room = prefix > VPC_PREFIX.max ? 0 : 2 ** (32 - prefix) - RESERVED_ADDRESSES;
  const needed = Math.max(1, Math.ceil(clientCount / clientZoneCount));
  if (needed <= room) return [];
  return [{ path: "clientCidrBlock", problem: `too small for ${clientCount} clients in ${clientZoneCount} subnets`, got: clientCidrBlock, expected: `${needed} free addresses a subnet`, fix: "use a larger block or fewer zones" }];
}
