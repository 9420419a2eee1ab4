import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PEERING_STATUSES } from "../../../providers/aerospike-cloud/api/schemas";
import { NotReady } from "../../../providers/aerospike-cloud/provider/handler";
import { vpcPeeringHandler, vpcPeeringReadyHandler } from "../../../providers/aerospike-cloud/provider/resources/vpcPeering";
import { contextOf } from "./context";
import { failure, FakeService, type Reply, type Seen } from "./service";

const INPUTS = { clusterId: "c", vpcId: "vpc-0123456789abcdef0", cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: "us-east-1", isSecureConnection: true };
const { clusterId: _cluster, ...BODY } = INPUTS;
const peering = (changes: object = {}) => ({ id: "p", ...BODY, status: "initiating-request", ...changes });
const OFFERED = peering({ status: "pending-acceptance", peeringId: "pcx-1" });
const collection = (...vpcPeerings: unknown[]): Reply => ({ status: 200, body: { count: vpcPeerings.length, vpcPeerings } });

let service: FakeService;
beforeEach(async () => { service = await FakeService.start(); });
afterEach(() => service.close());
const posts = (): number => service.requests("api").filter(({ method }) => method === "POST").length;
/** What the list shows, look by look; the last one stays. */
const lists = (...looks: readonly (readonly unknown[])[]) => {
  const left = [...looks];
  return ({ method }: Seen): Reply => (method === "POST" ? { status: 201, body: peering() } : collection(...((left.length > 1 ? left.shift() : left[0]) ?? [])));
};

describe("a peering request", () => {
  it("is there when AWS knows it", async () => {
    service.script = lists([], [peering()], [peering({ status: "pending-acceptance" })], [OFFERED]);
    const context = contextOf(service.client());
    expect(await vpcPeeringHandler.create(INPUTS, context)).toMatchObject({ id: "p", outputs: { peeringId: "pcx-1", status: "pending-acceptance" } });
    expect([context.progressed, context.slept]).toEqual([["phase pending; 1 check; 0s; initiating-request", "phase pending; 2 checks; 5s; pending-acceptance", "phase pending-acceptance; 3 checks; 10s"], [5000, 5000]]);
  });

  it("is taken over when the VPC has one, and one that is over is not", async () => {
    service.script = lists([peering({ id: "old", status: "expired" }), OFFERED]);
    expect((await vpcPeeringHandler.create(INPUTS, contextOf(service.client()))).id).toBe("p");
    expect(posts()).toBe(0);
  });

  it("that differs is refused with every difference", async () => {
    service.script = lists([peering({ isSecureConnection: false, cidrBlock: "10.9.0.0/16" })]);
    expect((await failure(vpcPeeringHandler.create(INPUTS, contextOf(service.client())))).message).toContain('cidrBlock is "10.9.0.0/16", declared is "10.0.0.0/16"; isSecureConnection is false, declared is true');
  });

  it("whose answer was lost is found, and not sent again", async () => {
    let looks = 0;
    service.script = ({ method }) => (method === "POST" ? "drop" : ++looks < 4 ? collection() : collection(OFFERED));
    expect((await vpcPeeringHandler.create(INPUTS, contextOf(service.client()))).id).toBe("p");
    expect(posts()).toBe(1);
  });

  it.each([["rejected", "the owner of the VPC rejected the request"], ["expired", "nobody accepted the request within 7 days"], ["failed", "blocks that overlap are the usual reason"], ["deleted", "it was deleted"]])(
    "that ends as %s is no resource, so that the next run asks anew", async (status, reason) => {
      service.script = lists([], [peering({ status })]);
      const error = await failure(vpcPeeringHandler.create(INPUTS, contextOf(service.client())));
      expect(error).not.toBeInstanceOf(NotReady);
      expect(error.message).toContain(reason);
    });

  it("that is cancelled keeps its ID, and the next run goes on waiting for it", async () => {
    const context = contextOf(service.client());
    service.script = ({ method }) => {
      if (method === "POST") context.cancel();
      return method === "POST" ? { status: 201, body: peering() } : collection();
    };
    const error = await failure(vpcPeeringHandler.create(INPUTS, context));
    expect(error).toBeInstanceOf(NotReady);
    expect(error).toMatchObject({ id: "p", outputs: { vpcId: INPUTS.vpcId } });
    service.script = lists([peering()], [OFFERED]);
    expect(await vpcPeeringHandler.update("p", {}, INPUTS, INPUTS, contextOf(service.client()))).toMatchObject({ peeringId: "pcx-1" });
    expect(posts()).toBe(1);
  });

  it("that ended after the state had it says that a refresh is needed", async () => {
    service.script = lists([peering({ status: "rejected" })]);
    const message = "peering p is rejected; the owner of the VPC rejected the request; talk to them, then run a refresh (`stackfleet refresh`, or `pulumi refresh`), then up again";
    expect((await failure(vpcPeeringHandler.update("p", {}, INPUTS, INPUTS, contextOf(service.client())))).message).toBe(message);
    expect((await failure(vpcPeeringReadyHandler.create({ clusterId: "c", peering: "p" }, contextOf(service.client())))).message).toBe(message);
  });

  it("of a cluster that is gone says how to go on", async () => {
    service.script = () => ({ status: 404 });
    const context = contextOf(service.client());
    const gone = "cluster c isn't there any more: it was deleted outside of this stack";
    expect((await failure(vpcPeeringHandler.create(INPUTS, context))).message).toContain(gone);
    expect((await failure(vpcPeeringHandler.update("p", {}, INPUTS, INPUTS, context))).message).toContain(gone);
    expect((await failure(vpcPeeringReadyHandler.create({ clusterId: "c", peering: "p" }, context))).message).toContain(gone);
  });

  it("is deleted to its end, also when the cluster is gone", async () => {
    service.script = ({ method }, nth) => (method === "DELETE" ? { status: 204 } : nth < 5 ? collection(peering({ status: "deleting" })) : { status: 404 });
    await vpcPeeringHandler.delete("p", INPUTS, contextOf(service.client()));
    service.script = () => ({ status: 404 });
    await vpcPeeringHandler.delete("p", INPUTS, contextOf(service.client()));
  });
});

describe("peerings that came to their end", () => {
  const dead = ["rejected", "expired", "failed"] as const;
  /** One of each status of this VPC, named after it, and a dead one of another VPC and of none. */
  const all = [
    ...PEERING_STATUSES.map((status) => peering({ id: status, status })),
    peering({ id: "other", vpcId: "vpc-0fedcba9876543210", status: "rejected" }), peering({ id: "nobody's", vpcId: undefined, status: "rejected" }),
  ];
  const deletions = (): unknown[] => service.requests("api").filter(({ method }) => method === "DELETE").map(({ path }) => decodeURIComponent(path.split("/").at(-1) ?? ""));

  it("are deleted before another one is requested, and nothing else is", async () => {
    const over = all.filter(({ id }) => ["rejected", "expired", "failed", "deleting", "deleted", "other", "nobody's"].includes(id));
    let beforePost: unknown[] = [];
    service.script = ({ method }) => {
      if (method === "POST") beforePost = deletions();
      return method === "DELETE" ? { status: 204 } : method === "POST" ? { status: 201, body: peering() } : collection(...over, ...(posts() > 0 ? [OFFERED] : []));
    };
    expect((await vpcPeeringHandler.create(INPUTS, contextOf(service.client()))).id).toBe("p");
    expect([beforePost, deletions()]).toEqual([dead, dead]);
  });

  it("are left alone while the VPC has a living one", async () => {
    service.script = lists([peering({ id: "old", status: "rejected" }), OFFERED]);
    await vpcPeeringHandler.create(INPUTS, contextOf(service.client()));
    expect(deletions()).toEqual([]);
  });

  it("are deleted with the one that is removed, and no living one is", async () => {
    service.script = ({ method }) => (method === "DELETE" ? { status: 204 } : collection(...all, ...(deletions().includes("p") ? [] : [OFFERED])));
    await vpcPeeringHandler.delete("p", INPUTS, contextOf(service.client()));
    expect(deletions()).toEqual([...dead, "p"]);
  });

  it.each(dead)("as %s while they are waited for are deleted: nobody would know of them", async (status) => {
    service.script = ({ method }) => (method === "DELETE" ? { status: 204 } : method === "POST" ? { status: 201, body: peering() } : collection(...(posts() > 0 ? [peering({ status })] : [])));
    await failure(vpcPeeringHandler.create(INPUTS, contextOf(service.client())));
    expect(deletions()).toEqual(["p"]);
  });

  it("and can't be deleted are told of, and don't keep another one from being requested", async () => {
    service.script = ({ method }) => (method === "DELETE" ? { status: 403 } : method === "POST" ? { status: 201, body: peering() } : collection(peering({ id: "old", status: "expired" }), ...(posts() > 0 ? [OFFERED] : [])));
    const context = contextOf(service.client());
    expect((await vpcPeeringHandler.create(INPUTS, context)).id).toBe("p");
    expect(context.warned).toEqual([expect.stringMatching(/^peering old with vpc-0123456789abcdef0 is expired and could not be deleted: .*permission delete:database.*; delete it in the console$/)]);
  });
});

describe("a read of a peering", () => {
  it("imports by cluster and peering, and refuses another form", async () => {
    service.script = lists([OFFERED]);
    expect(await vpcPeeringHandler.read("c/p", {}, {}, contextOf(service.client()))).toEqual({ id: "p", inputs: INPUTS, outputs: { ...INPUTS, peeringId: "pcx-1", status: "pending-acceptance" } });
    expect(service.requests("api")[0]?.path).toContain("/database/clusters/c/vpc-peerings?");
    expect((await failure(vpcPeeringHandler.read("p", {}, {}, contextOf(service.client())))).message).toBe('import id of a VPC peering: got "p"; expected <cluster id>/<peering id>');
    expect((await failure(vpcPeeringReadyHandler.read("p", {}, {}, contextOf(service.client())))).message).toContain("expected an import of the VpcPeering");
  });

  it.each([[collection()], [collection(peering({ status: "deleting" }))], [{ status: 404 }]] as Reply[][])("of what is gone finds nothing", async (reply) => {
    service.script = () => reply ?? "drop";
    expect(await vpcPeeringHandler.read("p", INPUTS, INPUTS, contextOf(service.client()))).toBeUndefined();
    expect(await vpcPeeringReadyHandler.read("p", { clusterId: "c" }, {}, contextOf(service.client()))).toBeUndefined();
  });
});

describe("the wait for a peering", () => {
  it("ends when it is active and has its zone", async () => {
    service.script = lists([OFFERED], [peering({ status: "provisioning" })], [peering({ status: "active" })], [peering({ status: "active", privateHostedZoneId: "Z1" })]);
    const context = contextOf(service.client());
    expect(await vpcPeeringReadyHandler.create({ clusterId: "c", peering: "p" }, context)).toEqual({ id: "p", outputs: { clusterId: "c", peering: "p", privateHostedZoneId: "Z1" } });
    expect(context.progressed.slice(-2)).toEqual(["phase configuring; 3 checks; 20s; waiting for its private hosted zone", "phase active; 4 checks; 30s"]);
  });
});
