/** Inputs of the resources as schemas, and their faults in Pulumi's form. */
import { z } from "zod";
import { aerospikeCloudSchema, CLUSTER_CIDR, clusterCreateSchema, networkStorageSchema, peeringCreateSchema, type ClusterCreate, type NetworkStorage } from "../../api/schemas";
import { pathText, type Path } from "../../../wire/properties";
import type { Properties } from "../../../wire/values";
import { isAligned, overlap } from "../cidr";
import type { CheckFault } from "../handler";

/** The service keeps this block for itself. Source: the vendor's documentation of VPC peering. */
export const RESERVED_CIDR = "10.129.0.0/24";

/** Most IOPS a GB. Source: descriptions in the vendor's OpenAPI 1.0.0, which its schema doesn't enforce. */
const MAX_IOPS_PER_GB = { gp3: 500, io1: 50, io2: 1000 } as const;

export const clusterInputs = clusterCreateSchema;
export const clusterReadyInputs = z.strictObject({ clusterId: z.string().min(1) });
export const peeringInputs = peeringCreateSchema.extend({ clusterId: z.string().min(1) });
export const peeringReadyInputs = z.strictObject({ clusterId: z.string().min(1), peering: z.string().min(1) });

/** Objects whose arguments depend on their kind. */
const KINDS = [
  { at: ["aerospikeCloud"], key: "dataStorage", kinds: aerospikeCloudSchema.options.map((schema) => ({ name: schema.shape.dataStorage.value, schema })) },
  { at: ["infrastructure", "networkAttachedStorage"], key: "type", kinds: networkStorageSchema.options.map((schema) => ({ name: schema.shape.type.value, schema })) },
] as const;

/** All faults by the schema, one a property. Faults at, above or below a value that is not known yet are none. */
export function schemaFaults(schema: z.ZodType, inputs: Properties, unknowns: readonly Path[]): CheckFault[] {
  const faults = [...faultsAt([], schema, inputs, unknowns), ...(schema === clusterInputs ? KINDS.flatMap((kind) => faultsOfAnyKind(kind, inputs, unknowns)) : [])];
  return faults.filter(({ property }, index) => faults.findIndex((other) => other.property === property) === index);
}

/** Where the kind itself is wrong, the schema looks no further: what is wrong whichever kind is meant. */
function faultsOfAnyKind({ at, key, kinds }: (typeof KINDS)[number], inputs: Properties, unknowns: readonly Path[]): CheckFault[] {
  const given = valueAt(inputs, at);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return [];
  if (kinds.some(({ name }) => name === valueAt(given, [key]))) return [];
  const [first = [], ...others] = kinds.map(({ name, schema }) => faultsAt(at, schema, { ...given, [key]: name }, unknowns));
  return first.filter(({ property }) => others.every((faults) => faults.some((fault) => fault.property === property)));
}

/** @param at where the inputs are, for paths */
function faultsAt(at: Path, schema: z.ZodType, inputs: Properties, unknowns: readonly Path[]): CheckFault[] {
  const parsed = schema.safeParse(inputs);
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue): CheckFault[] => {
    const below = issue.path.filter((step): step is string | number => typeof step !== "symbol");
    const path = [...at, ...below];
    if (unknowns.some((unknown) => related(unknown, path))) return [];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ property: pathText([...path, key]), reason: `unknown argument; remove it` }));
    const got = valueAt(inputs, below);
    const expected = issue.path.at(-1) === "cidrBlock" && issue.code === "invalid_format" && schema === clusterInputs ? "expected a /19 IPv4 block such as 10.128.0.0/19" : lowerFirst(issue.message);
    return [{ property: pathText(path), reason: got === undefined ? `missing; ${expected}` : `got ${JSON.stringify(got)}; ${expected}` }];
  });
}

/** What the service would refuse, or end as a cluster that nobody can use, beyond the schema. Looks at what is well-formed and leaves the rest to {@link schemaFaults}. */
export function clusterFaults(inputs: Properties, unknowns: readonly Path[] = []): CheckFault[] {
  const { zoneIds, availabilityZoneCount, cidrBlock, networkAttachedStorage } = looseInfrastructure.catch({}).parse(inputs["infrastructure"]);
  const faults: CheckFault[] = [];
  const zones = "infrastructure.zoneIds";
  // A list lacks its items that are not known yet.
  const counted = !unknowns.some((unknown) => related(unknown, ["infrastructure", "zoneIds"]));
  if (counted && zoneIds !== undefined && availabilityZoneCount !== undefined && zoneIds.length !== availabilityZoneCount) {
    faults.push({ property: zones, reason: `got ${zoneIds.length} zones; expected availabilityZoneCount (${availabilityZoneCount}) of them; change one of the two` });
  }
  if (zoneIds !== undefined && new Set(zoneIds).size !== zoneIds.length) faults.push({ property: zones, reason: `got ${zoneIds.join(", ")}; expected different zones` });
  if (cidrBlock !== undefined && CLUSTER_CIDR.test(cidrBlock)) faults.push(...cidrFaults(cidrBlock));
  if (networkAttachedStorage !== undefined) faults.push(...iopsFaults(networkAttachedStorage));
  return faults;
}

const looseInfrastructure = z.object({
  zoneIds: z.array(z.string()).optional().catch(undefined),
  availabilityZoneCount: z.number().optional().catch(undefined),
  cidrBlock: z.string().optional().catch(undefined),
  networkAttachedStorage: networkStorageSchema.optional().catch(undefined),
}).partial();

function cidrFaults(cidrBlock: string): CheckFault[] {
  const property = "infrastructure.cidrBlock";
  if (!isAligned(cidrBlock)) return [{ property, reason: `got ${cidrBlock}; expected the first address of a /19, as in 10.128.32.0/19` }];
  if (overlap(cidrBlock, RESERVED_CIDR)) return [{ property, reason: `got ${cidrBlock}; it overlaps with ${RESERVED_CIDR}, which the service keeps for itself; take another block` }];
  return [];
}

function iopsFaults(storage: NetworkStorage): CheckFault[] {
  if (storage.type === "gp2") return [];
  const most = storage.sizeInGB * MAX_IOPS_PER_GB[storage.type];
  if (storage.iops <= most) return [];
  return [{ property: "infrastructure.networkAttachedStorage.iops", reason: `got ${storage.iops}; expected at most ${most} for ${storage.sizeInGB} GB of ${storage.type} (${MAX_IOPS_PER_GB[storage.type]} a GB); lower iops or raise sizeInGB` }];
}

/** @throws {z.ZodError} never for inputs that went through check with nothing unknown left */
export function clusterBody(inputs: Properties): ClusterCreate {
  return clusterInputs.parse(inputs);
}

function related(unknown: Path, path: Path): boolean {
  const shorter = Math.min(unknown.length, path.length);
  return unknown.slice(0, shorter).every((step, index) => step === path[index]);
}

function valueAt(inputs: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[step] : undefined), inputs);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
