/** `VpcPeering`: a request, made once or found by its VPC; `VpcPeeringReady`: the wait until it carries traffic. */
import type { Peering, PeeringCreate, PeeringStatus } from "../../api/schemas";
import type { Properties } from "../../../wire/values";
import { NotReady, type CallContext, type ResourceHandler } from "../handler";
import { done, makeOnce, ofCluster, orGone, REFRESH, waitFor, waiting } from "../poll";
import { peeringInputs, peeringReadyInputs, schemaFaults } from "./inputs";
import { deleteDead } from "./deadPeerings";
import { PEERING_ENDS, PEERING_SECONDS, peeringReason } from "./status";

export const vpcPeeringHandler: ResourceHandler = {
  type: "aerospikecloud:index:VpcPeering",
  replaceOn: ["clusterId", "vpcId", "cidrBlock", "accountId", "region", "isSecureConnection"],
  // One VPC has one peering with a cluster: a second one for the same VPC would be taken for the first.
  deleteBeforeReplace: true,

  check: async (inputs, unknowns) => schemaFaults(peeringInputs, inputs, unknowns),

  async create(inputs, context) {
    const { clusterId, ...body } = peeringInputs.parse(inputs);
    const listed = await ofCluster(clusterId, context.client.peerings(clusterId, context.signal));
    const existing = ofVpc(listed, body.vpcId);
    if (existing !== undefined) refuseOther(body, existing);
    if (existing !== undefined) context.info(`cluster ${clusterId} has a peering with ${body.vpcId} already (${existing.id}, ${existing.status ?? "unknown"}): taken over, none is requested`);
    else await deleteDead(clusterId, body.vpcId, listed, context);
    const peering = existing ?? (await makeOnce({
      send: () => context.client.createPeering(clusterId, body, context.signal),
      find: async (signal) => ofVpc(await context.client.peerings(clusterId, signal), body.vpcId),
    }, context));
    return { id: peering.id, outputs: outputsOf(inputs, await offered(clusterId, peering, inputs, context)) };
  },

  async read(id, inputs, _state, context) {
    const { clusterId, peeringId } = splitId(id, inputs);
    const found = (await orGone(context.client.peerings(clusterId, context.signal)))?.find((one) => one.id === peeringId);
    if (found === undefined || isOver(found)) return undefined;
    const { vpcId, cidrBlock, accountId, region, isSecureConnection = true } = found;
    const live = { ...inputs, clusterId, ...defined({ vpcId, cidrBlock, accountId, region }), isSecureConnection };
    return { id: found.id, inputs: live, outputs: outputsOf(live, found) };
  },

  async update(id, _state, _olds, news, context) {
    // Every change replaces, so this is the rest of a create that was interrupted.
    const { clusterId } = peeringInputs.parse(news);
    return withFix(async () => outputsOf(news, await offered(clusterId, { id }, news, context)));
  },

  async delete(id, state, context) {
    const clusterId = String(state["clusterId"]);
    const listed = await orGone(context.client.peerings(clusterId, context.signal));
    // Its cluster is gone, and with it every peering.
    if (listed === undefined) return;
    const vpcId = state["vpcId"];
    // First, so that they are gone when this one is.
    if (typeof vpcId === "string") await deleteDead(clusterId, vpcId, listed.filter((one) => one.id !== id), context);
    if ((await orGone(context.client.deletePeering(clusterId, id, context.signal).then(() => true))) === undefined) return;
    await waitFor({
      what: `peering ${id} to be gone`, usualSeconds: 0, timeoutSeconds: 1_800,
      look: async (signal) => {
        const status = (await orGone(context.client.peerings(clusterId, signal)))?.find((one) => one.id === id)?.status;
        return status === undefined || status === "deleted" ? done(undefined, "gone") : waiting(status);
      },
    }, context);
  },
};

export const vpcPeeringReadyHandler: ResourceHandler = {
  type: "aerospikecloud:index:VpcPeeringReady",
  replaceOn: ["clusterId", "peering"],
  deleteBeforeReplace: false,

  check: async (inputs, unknowns) => schemaFaults(peeringReadyInputs, inputs, unknowns),

  async create(inputs, context) {
    const { clusterId, peering: id } = peeringReadyInputs.parse(inputs);
    const zone = await withFix(() => waitFor({
      what: `peering ${id} of cluster ${clusterId} to be active`, usualSeconds: PEERING_SECONDS, timeoutSeconds: 900,
      look: async (signal) => {
        const { status = "initiating-request", privateHostedZoneId } = living(await find(clusterId, id, context, signal), id);
        if (status === "active" && privateHostedZoneId !== undefined) return done(privateHostedZoneId, status);
        return waiting("configuring", status === "active" ? "waiting for its private hosted zone" : status);
      },
    }, context));
    return { id, outputs: { clusterId, peering: id, privateHostedZoneId: zone } };
  },

  async read(id, inputs, state, context) {
    const clusterId = state["clusterId"] ?? inputs["clusterId"];
    if (typeof clusterId !== "string") throw new Error(`import of a wait: got "${id}"; expected an import of the VpcPeering; the wait is made anew and changes nothing`);
    const found = (await orGone(context.client.peerings(clusterId, context.signal)))?.find((one) => one.id === id);
    if (found === undefined || isOver(found) || found.privateHostedZoneId === undefined) return undefined;
    return { id, inputs: { clusterId, peering: id }, outputs: { clusterId, peering: id, privateHostedZoneId: found.privateHostedZoneId } };
  },

  update: async (_id, state) => state,
  delete: async () => undefined,
};

/** Waits until AWS knows the request, so that it can be accepted. */
async function offered(clusterId: string, peering: Peering, inputs: Properties, context: CallContext): Promise<Peering> {
  try {
    return await waitFor({
      what: `peering ${peering.id} of cluster ${clusterId} to wait for acceptance`, usualSeconds: 0, timeoutSeconds: 900,
      look: async (signal) => {
        const now = living(await find(clusterId, peering.id, context, signal), peering.id);
        const { status = "initiating-request" } = now;
        const known = status === "pending-acceptance" || status === "provisioning" || status === "active";
        return known && now.peeringId !== undefined ? done(now, status) : waiting("pending", status);
      },
    }, context);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // What came to its end is no resource: the next run asks anew, and nobody else would delete it.
    if (error instanceof PeeringOver) {
      const { vpcId } = peeringInputs.parse(inputs);
      await deleteDead(clusterId, vpcId, [{ id: peering.id, vpcId, status: error.status }], context);
      throw error;
    }
    throw new NotReady(peering.id, outputsOf(inputs, peering), message);
  }
}

class PeeringOver extends Error {
  constructor(readonly id: string, readonly status: PeeringStatus, next = "run the same command again") {
    super(`peering ${id} is ${status}; ${peeringReason(status, next)}`);
  }
}

/** A peering that came to its end after the state had it leaves the state by a refresh only. */
async function withFix<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PeeringOver ? new PeeringOver(error.id, error.status, REFRESH) : error;
  }
}

/** @throws {Error} when the peering that there is can't become what is declared; what the service doesn't tell doesn't count */
function refuseOther(body: PeeringCreate, existing: Peering): void {
  const keys = ["cidrBlock", "accountId", "region", "isSecureConnection"] as const;
  const differences = keys.filter((key) => existing[key] !== undefined && existing[key] !== body[key]).map((key) => `${key} is ${JSON.stringify(existing[key])}, declared is ${JSON.stringify(body[key])}`);
  if (differences.length > 0) throw new Error(`a peering with ${body.vpcId} (${existing.id}) exists and can't become what is declared: ${differences.join("; ")}; declare it as it is, or delete it`);
}

/** @throws {PeeringOver} */
function living(peering: Peering | undefined, id: string): Peering {
  const status = peering === undefined ? "deleted" : (peering.status ?? "initiating-request");
  if (peering === undefined || PEERING_ENDS.includes(status)) throw new PeeringOver(id, status);
  return peering;
}

async function find(clusterId: string, id: string, { client }: CallContext, signal: AbortSignal): Promise<Peering | undefined> {
  return (await ofCluster(clusterId, client.peerings(clusterId, signal))).find((one) => one.id === id);
}

function ofVpc(peerings: readonly Peering[], vpcId: string): Peering | undefined {
  return peerings.find((one) => one.vpcId === vpcId && !isOver(one));
}

function isOver({ status }: Peering): boolean {
  return status !== undefined && PEERING_ENDS.includes(status);
}

/** An import names both: `<cluster id>/<peering id>`. @throws {Error} for an import of another form */
function splitId(id: string, inputs: Properties): { clusterId: string; peeringId: string } {
  const [first = "", second] = id.split("/");
  if (second !== undefined) return { clusterId: first, peeringId: second };
  const clusterId = inputs["clusterId"];
  if (typeof clusterId === "string") return { clusterId, peeringId: id };
  throw new Error(`import id of a VPC peering: got "${id}"; expected <cluster id>/<peering id>`);
}

function outputsOf(inputs: Properties, peering: Peering): Properties {
  return { ...inputs, ...defined({ peeringId: peering.peeringId, status: peering.status }) };
}

function defined(properties: Record<string, string | undefined>): Properties {
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
