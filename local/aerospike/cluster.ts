/** A cluster in the service: what it accepts, how it comes up, how it looks in answers. */
import { generateKeyPairSync } from "node:crypto";
import { clusterCreateSchema, type Cluster, type ClusterCreate } from "../../providers/aerospike-cloud/api/schemas";
import type { Properties, ResourceModel, ResourceRecord, SimulatedClock } from "../model";
import { DECOMMISSION_SECONDS, provisioningSeconds, UPDATE_SECONDS } from "./latencies";

export const CLUSTER = "aerospikecloud:api:Cluster";
/** Source: the vendor's documentation of VPC peering. */
export const DEFAULT_CLUSTER_CIDR = "10.128.0.0/19";
const DATA_PLANE_VERSION = "1.4.0";
const SOURCE = "local/aerospike/latencies.ts";

export const clusterModel: ResourceModel<ClusterCreate> = {
  type: CLUSTER,
  file: "local/aerospike/cluster.ts",
  args: clusterCreateSchema,
  replaceOn: [],
  global: true,
  // Provisioning differs from cluster to cluster, so that `settle` waits, and not the latency.
  latency: { create: { seconds: 0, source: SOURCE }, update: { seconds: UPDATE_SECONDS, source: SOURCE }, delete: { seconds: DECOMMISSION_SECONDS, source: SOURCE } },
  begin: (inputs, _scope, { ids, clock }) => ({
    id: ids.uuid(),
    outputs: {
      dataPlaneVersion: inputs.dataPlaneVersion === undefined || inputs.dataPlaneVersion === "default" ? DATA_PLANE_VERSION : inputs.dataPlaneVersion,
      updatedAt: clock.now().toISOString(),
    },
  }),
  settle: async (record, scope, { clock, ids, store }) => {
    await clock.sleep(provisioningSeconds(record.id) - elapsedSeconds(record, clock), scope.signal);
    // A fault of the plan decides when it began what it ends as.
    const endsAs = store.get(CLUSTER, record.id)?.outputs["endsAs"];
    return {
      updatedAt: clock.now().toISOString(),
      ...(typeof endsAs === "string" ? { status: endsAs } : {
        status: "active", host: `${record.id}.asdb.io`, tlsCertificate: certificate(), networkId: `vpc-${ids.hex(17)}`, accountId: VENDOR_ACCOUNT,
      }),
    };
  },
  settleSeconds: (record) => provisioningSeconds(record.id),
  update: async (_record, inputs, _scope, { clock }) => ({ ...(inputs as unknown as Properties), updatedAt: clock.now().toISOString() }),
};

/** The account that the vendor's side of a peering belongs to. */
export const VENDOR_ACCOUNT = "999999999999";

export function elapsedSeconds(record: ResourceRecord, clock: SimulatedClock): number {
  return ((clock.now().getTime() - Date.parse(record.createdAt)) / 1000) * clock.timeScale;
}

export function clusterStatus(record: ResourceRecord): NonNullable<NonNullable<Cluster["health"]>["status"]> {
  switch (record.status) {
    case "creating": return "provisioning";
    case "updating": return "updating";
    case "deleting": return "decommissioning";
    case "available": return (record.outputs["status"] ?? "active") as "active";
  }
}

export function clusterCidr(record: ResourceRecord): string {
  return bodyOf(record).infrastructure.cidrBlock ?? DEFAULT_CLUSTER_CIDR;
}

export function bodyOf(record: ResourceRecord): ClusterCreate {
  return clusterCreateSchema.parse(record.inputs);
}

/** The cluster as the API shows it. */
export function clusterView(record: ResourceRecord): Cluster {
  const { infrastructure, aerospikeCloud, aerospikeServer, logging, name } = bodyOf(record);
  const { outputs } = record;
  const status = clusterStatus(record);
  const text = (key: string) => (typeof outputs[key] === "string" ? outputs[key] : undefined);
  const [host, tlsCertificate, networkId, accountId] = [text("host"), text("tlsCertificate"), text("networkId"), text("accountId")];
  return {
    id: record.id, name, createdAt: record.createdAt, updatedAt: text("updatedAt") ?? record.createdAt, dataPlaneVersion: text("dataPlaneVersion") ?? DATA_PLANE_VERSION,
    connectionDetails: { ...(host !== undefined && { host }), ...(tlsCertificate !== undefined && { tlsCertificate }) },
    health: { status, state: status === "active" || status === "updating" ? "ONLINE" : "OFFLINE" },
    infrastructure: {
      ...infrastructure, cidrBlock: clusterCidr(record),
      ...(networkId !== undefined && { networkId }), ...(accountId !== undefined && { accountId }),
    },
    aerospikeCloud, aerospikeServer,
    ...(logging && { logging: { ...logging, logBucket: `arn:aws:s3:::aerospike-logs-${record.id}` } }),
  };
}

/** Stands for the cluster's certificate: of a certificate's form, and of nobody's trust. */
function certificate(): string {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const body = publicKey.export({ type: "spki", format: "der" }).toString("base64").replaceAll(/(.{64})/g, "$1\n").trim();
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}
