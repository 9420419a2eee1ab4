/** A VPC peering in the service: the request, AWS's side of it, and what becomes of it after the acceptance. */
import { z } from "zod";
import { peeringCreateSchema, type Peering, type PeeringStatus } from "../../providers/aerospike-cloud/api/schemas";
import { overlaps, parseCidr } from "../aws/cidr";
import type { CallScope, CloudContext, Properties, ResourceModel, ResourceRecord } from "../model";
import { CLUSTER, clusterCidr, VENDOR_ACCOUNT } from "./cluster";
import { acceptanceSeconds, PEERING } from "./latencies";

export const VPC_PEERING = "aerospikecloud:api:VpcPeering";
const CONNECTION = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection";
const ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter";
const ZONE = "aws:route53/zone:Zone";
const VPC = "aws:ec2/vpc:Vpc";
const SOURCE = "local/aerospike/latencies.ts";
/** Between two looks at whether the request was accepted: at first, and as a share of the time waited so far. */
const LOOK_SECONDS = 2;
const LOOK_SHARE = 0.01;

const inputSchema = peeringCreateSchema.extend({ clusterId: z.string() });
type PeeringInputs = z.infer<typeof inputSchema>;

export const peeringModel: ResourceModel<PeeringInputs> = {
  type: VPC_PEERING,
  file: "local/aerospike/peering.ts",
  args: inputSchema,
  replaceOn: [],
  global: true,
  latency: { create: { seconds: 0, source: SOURCE }, update: { seconds: 0, source: SOURCE }, delete: { seconds: PEERING.deletion, source: SOURCE } },
  begin: (_inputs, _scope, { ids }) => ({ id: ids.uuid(), outputs: { status: "initiating-request" } }),
  settle: async (record, scope, cloud) => {
    const inputs = inputSchema.parse(record.inputs);
    const offered = currentConnection(record, cloud) ?? (await offer(record, inputs, scope, cloud));
    if (offered === undefined) return undefined;
    return afterOffer(record, offered, scope, cloud);
  },
  settleSeconds: (record) => PEERING.untilOffered + acceptanceSeconds(record.id),
  destroy: async (record, _scope, cloud) => {
    const { store } = cloud;
    const connection = currentConnection(record, cloud);
    // An acceptance is a state of the connection and ends with it.
    for (const accepter of connection === undefined ? [] : store.list(ACCEPTER, { id: connection.id })) cloud.discard(accepter);
    for (const key of [connection?.key, zoneOf(record, cloud)?.key]) {
      // AWS keeps a deleted connection visible for a while; what points to it is of no use either way.
      if (key !== undefined) store.patch(key, { status: "deleted", acceptStatus: "deleted" });
    }
  },
};

/** The peering as the API shows it. */
export function peeringView(record: ResourceRecord): Peering {
  const { vpcId, cidrBlock, accountId, region, isSecureConnection } = inputSchema.parse(record.inputs);
  const { peeringId, privateHostedZoneId } = record.outputs;
  return {
    id: record.id, vpcId, cidrBlock, accountId, region, isSecureConnection, status: peeringStatus(record),
    ...(typeof peeringId === "string" && { peeringId }), ...(typeof privateHostedZoneId === "string" && { privateHostedZoneId }),
  };
}

export function peeringStatus(record: ResourceRecord): PeeringStatus {
  return record.status === "deleting" ? "deleting" : ((record.outputs["status"] ?? "initiating-request") as PeeringStatus);
}

/** Makes AWS's side of the request, or ends it where AWS refuses. */
async function offer(record: ResourceRecord, inputs: PeeringInputs, scope: CallScope, cloud: CloudContext): Promise<ResourceRecord | undefined> {
  await cloud.clock.sleep(PEERING.untilOffered, scope.signal);
  const fault = cloud.store.get(VPC_PEERING, record.id)?.outputs["endsAs"];
  const refused = fault === "failed" ? "failed" : refusalOf(inputs, cloud);
  if (refused !== undefined) {
    cloud.store.patch(record.key, { status: refused });
    return undefined;
  }
  const peeringId = `pcx-${cloud.ids.hex(17)}`;
  const connection = cloud.register({
    type: CONNECTION, id: peeringId, region: inputs.region, account: inputs.accountId,
    outputs: {
      vpcId: networkOf(inputs, cloud), peerVpcId: inputs.vpcId, peerOwnerId: inputs.accountId, peerRegion: inputs.region, ownerId: VENDOR_ACCOUNT,
      requesterCidr: clusterCidrOf(inputs, cloud), accepterCidr: inputs.cidrBlock, acceptStatus: "pending-acceptance", aerospikePeering: record.id,
    },
  });
  cloud.store.patch(record.key, { status: "pending-acceptance", peeringId });
  if (fault === "rejected" || fault === "expired") {
    cloud.store.patch(connection.key, { acceptStatus: fault });
    cloud.store.patch(record.key, { status: fault });
    return undefined;
  }
  return connection;
}

/** Waits for the acceptance, which happens in AWS, and configures what it brings. */
async function afterOffer(record: ResourceRecord, connection: ResourceRecord, scope: CallScope, cloud: CloudContext): Promise<Properties> {
  const { clock, store, ids } = cloud;
  for (let waited = 0, step = LOOK_SECONDS; ; waited += step) {
    const status = store.get(CONNECTION, connection.id)?.outputs["acceptStatus"];
    if (status === "active") break;
    if (status === "rejected" || status === "expired" || status === "deleted" || status === undefined) return { status: status === "expired" ? "expired" : status === "rejected" ? "rejected" : "deleted" };
    if (store.get(VPC_PEERING, record.id)?.status === "deleting") return {};
    if (waited > PEERING.expiry) {
      store.patch(connection.key, { acceptStatus: "expired" });
      return { status: "expired" };
    }
    step = Math.max(LOOK_SECONDS, waited * LOOK_SHARE);
    await clock.sleep(step, scope.signal);
  }
  store.patch(record.key, { status: "provisioning" });
  await clock.sleep(acceptanceSeconds(record.id), scope.signal);
  const existing = zoneOf(record, cloud);
  const zone = existing ?? cloud.register({
    type: ZONE, id: `Z${ids.alphanumeric(20, true)}`, region: connection.region, account: VENDOR_ACCOUNT,
    outputs: { name: "asdb.io", private: true, authorizedVpcs: [String(record.inputs["vpcId"])], aerospikePeering: record.id },
  });
  return { status: "active", privateHostedZoneId: zone.id };
}

/** Why AWS would end the request at once: `failed` for blocks that overlap, `not-operable` for a VPC that isn't there. */
function refusalOf(inputs: PeeringInputs, cloud: CloudContext): PeeringStatus | undefined {
  const vpc = cloud.store.get(VPC, inputs.vpcId, { region: inputs.region, account: inputs.accountId });
  if (vpc === undefined) return "not-operable";
  const blocks = [inputs.cidrBlock, String(vpc.outputs["cidrBlock"] ?? vpc.inputs["cidrBlock"] ?? inputs.cidrBlock)];
  return blocks.some((block) => blocksOverlap(block, clusterCidrOf(inputs, cloud))) ? "failed" : undefined;
}

function clusterCidrOf(inputs: PeeringInputs, { store }: CloudContext): string {
  const cluster = store.get(CLUSTER, inputs.clusterId);
  return cluster === undefined ? "0.0.0.0/32" : clusterCidr(cluster);
}

function networkOf(inputs: PeeringInputs, { store }: CloudContext): string {
  return String(store.get(CLUSTER, inputs.clusterId)?.outputs["networkId"] ?? "");
}

function currentConnection(record: ResourceRecord, { store }: Pick<CloudContext, "store">): ResourceRecord | undefined {
  return store.list(CONNECTION).find(({ outputs }) => outputs["aerospikePeering"] === record.id);
}

function zoneOf(record: ResourceRecord, { store }: Pick<CloudContext, "store">): ResourceRecord | undefined {
  return store.list(ZONE).find(({ outputs }) => outputs["aerospikePeering"] === record.id);
}

function blocksOverlap(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  return one !== undefined && other !== undefined && overlaps(one, other);
}
