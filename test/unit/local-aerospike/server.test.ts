import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { balance } from "../../../local/balance";
import { VPC_PEERING } from "../../../local/aerospike/peering";
import { CREATE, World } from "./world";

const CLUSTERS = "/v1/database/clusters";
let world: World;

beforeEach(async () => {
  world = new World();
  await world.login();
});
afterEach(() => world.close());

const statusOf = (body: Record<string, unknown>): unknown => (body["health"] as { status?: string } | undefined)?.status;
const active = (body: Record<string, unknown>): boolean => statusOf(body) === "active";

async function activeCluster(): Promise<string> {
  const { body } = await world.send("POST", CLUSTERS, CREATE);
  await world.until(`${CLUSTERS}/${String(body["id"])}`, active);
  return String(body["id"]);
}

/** A client's VPC in the local AWS. */
function vpc(cidrBlock = "10.0.0.0/16"): { vpcId: string; cidrBlock: string; accountId: string; region: string; isSecureConnection: boolean } {
  const id = `vpc-${world.cloud.context.ids.hex(17)}`;
  world.cloud.context.register({ type: "aws:ec2/vpc:Vpc", id, region: "us-east-1", account: "123456789012", outputs: { cidrBlock } });
  return { vpcId: id, cidrBlock, accountId: "123456789012", region: "us-east-1", isSecureConnection: true };
}

const peeringOf = (body: Record<string, unknown>): Record<string, unknown> => (body["vpcPeerings"] as Record<string, unknown>[])[0] ?? {};
const peeringIs = (...statuses: string[]) => (body: Record<string, unknown>) => statuses.includes(String(peeringOf(body)["status"]));

describe("access", () => {
  it("refuses a wrong secret, a missing token, and a key without the permission", async () => {
    const wrong = await world.send("POST", "/oauth/token", { grant_type: "client_credentials", client_id: "a", client_secret: "b" });
    expect(wrong.status).toBe(401);
    const fresh = new World();
    fresh.renews = false;
    const nobody = await fresh.send("GET", CLUSTERS);
    expect([nobody.status, nobody.body["type"]]).toEqual([401, "urn:aerospike:errors:auth:unauthorized"]);
    await fresh.close();
    await world.login("readOnly");
    const reader = await world.send("POST", CLUSTERS, CREATE);
    expect([reader.status, String(reader.headers["content-type"]).split(";")[0], String(reader.body["detail"])]).toEqual([403, "application/problem+json", expect.stringContaining("create:database")]);
  });

  it("lets tokens expire in simulated time", async () => {
    world.renews = false;
    await world.cloud.context.clock.sleep(8 * 3_600 + 100);
    const late = await world.send("GET", CLUSTERS);
    expect([late.status, late.body["type"]]).toEqual([401, "urn:aerospike:errors:auth:token-expired"]);
  });
});

describe("clusters", () => {
  it("come up in 15 to 20 minutes, change in place, and go", async () => {
    const made = await world.send("POST", CLUSTERS, CREATE);
    expect([made.status, statusOf(made.body), made.body["connectionDetails"]]).toEqual([202, "provisioning", {}]);
    const url = `${CLUSTERS}/${String(made.body["id"])}`;
    const up = await world.until(url, active);
    expect(up.body["connectionDetails"]).toEqual({ host: `${String(made.body["id"])}.asdb.io`, tlsCertificate: expect.stringContaining("BEGIN CERTIFICATE") as unknown });
    const patched = await world.send("PATCH", url, { aerospikeCloud: { clusterSize: 4 } });
    expect([patched.status, statusOf(patched.body)]).toEqual([202, "updating"]);
    const changed = await world.until(url, active);
    expect(changed.body["aerospikeCloud"]).toEqual({ clusterSize: 4, dataStorage: "memory" });
    expect((await world.send("DELETE", url)).status).toBe(204);
    await world.until(url, (body) => body["status"] === 404);
    const [create] = world.cloud.ledger.list({ type: "aerospikecloud:api:Cluster" });
    expect(create?.modelledSeconds).toBeGreaterThanOrEqual(900);
    expect(create?.modelledSeconds).toBeLessThanOrEqual(1200);
    expect(balance(world.cloud.ledger.list())).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("refuse a change while they are provisioned", async () => {
    await world.close();
    world = new World(1);
    await world.login();
    const { body } = await world.send("POST", CLUSTERS, CREATE);
    expect((await world.send("PATCH", `${CLUSTERS}/${String(body["id"])}`, { aerospikeCloud: { clusterSize: 4 } })).status).toBe(409);
  });

  it("may have one name twice, as in the service, and the ledger tells", async () => {
    await world.send("POST", CLUSTERS, CREATE);
    await world.send("POST", CLUSTERS, CREATE);
    expect(balance(world.cloud.ledger.list()).createdTwice).toHaveLength(1);
  });

  it("appear in lists with a lag, in pages, without the statuses that are not asked for", async () => {
    for (let index = 0; index < 3; index++) await world.send("POST", CLUSTERS, { ...CREATE, name: `demo-${index}` });
    const all = await world.until(CLUSTERS, (body) => body["count"] === 3);
    expect(all.body["meta"]).toEqual({ total: 3, limit: 10, offset: 0 });
    const second = await world.send("GET", `${CLUSTERS}?limit=2&offset=2`);
    expect((second.body["clusters"] as { name: string }[]).map(({ name }) => name)).toEqual(["demo-2"]);
    const none = await world.send("GET", `${CLUSTERS}?status_ne=provisioning,active`);
    expect(none.body["count"]).toBe(0);
    expect((await world.send("GET", `${CLUSTERS}?limit=101`)).status).toBe(400);
  });

  it.each([
    ["a block that is no /19", { infrastructure: { ...CREATE.infrastructure, cidrBlock: "10.0.0.0/16" } }, "/infrastructure/cidrBlock"],
    ["four zones", { infrastructure: { ...CREATE.infrastructure, availabilityZoneCount: 4 } }, "/infrastructure/availabilityZoneCount"],
    ["an argument that there isn't", { colour: "red" }, "/colour"],
  ])("refuse %s, with a pointer to it", async (_name, change, pointer) => {
    const { status, body } = await world.send("POST", CLUSTERS, { ...CREATE, ...change });
    expect([status, (body["context"] as { invalid: { field: string }[] }).invalid.map(({ field }) => field)]).toEqual([400, [pointer]]);
  });

  it("answer at the older address too", async () => {
    const made = await world.send("POST", "/v2/databases", CREATE);
    expect((await world.send("GET", `/v2/databases/${String(made.body["id"])}`)).status).toBe(200);
  });
});

describe("peerings", () => {
  it("wait for the acceptance in AWS, and have a zone then", async () => {
    const url = `${CLUSTERS}/${await activeCluster()}/vpc-peerings`;
    const made = await world.send("POST", url, vpc());
    expect([made.status, made.body["status"], made.body["peeringId"]]).toEqual([201, "initiating-request", undefined]);
    const offered = peeringOf((await world.until(url, peeringIs("pending-acceptance"))).body);
    expect(offered["peeringId"]).toMatch(/^pcx-[0-9a-f]{17}$/);
    const connection = world.cloud.context.store.list("aws:ec2/vpcPeeringConnection:VpcPeeringConnection")[0];
    world.cloud.context.store.patch(connection?.key ?? "", { acceptStatus: "active" });
    const acceptance = { type: "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter", id: connection?.id ?? "", region: "us-east-1", account: "123456789012" };
    world.cloud.context.register({ ...acceptance, outputs: {} });
    const up = peeringOf((await world.until(url, peeringIs("active"))).body);
    expect(up["privateHostedZoneId"]).toMatch(/^Z[A-Z0-9]+$/);
    expect((await world.send("DELETE", `${url}/${String(up["id"])}`)).status).toBe(204);
    await world.until(url, (body) => body["count"] === 0);
    expect(world.cloud.context.store.list(acceptance.type)).toEqual([]);
  });

  it("fail for blocks that overlap, and are not operable for a VPC that isn't there", async () => {
    const url = `${CLUSTERS}/${await activeCluster()}/vpc-peerings`;
    await world.send("POST", url, vpc("10.128.0.0/16"));
    await world.until(url, peeringIs("failed"));
    await world.send("POST", url, { ...vpc(), vpcId: "vpc-00000000000000000" });
    await world.until(url, (body) => (body["vpcPeerings"] as { status: string }[]).some(({ status }) => status === "not-operable"));
  });

  it("expire after a week that nobody accepted them in", async () => {
    await world.close();
    world = new World(2_000_000);
    const id = await activeCluster();
    await world.send("POST", `${CLUSTERS}/${id}/vpc-peerings`, vpc());
    await world.until(`${CLUSTERS}/${id}/vpc-peerings`, peeringIs("expired"));
  });
});

describe("an address that can't be decoded", () => {
  it("is refused with a problem document", async () => {
    const { status, body, headers } = await world.send("GET", `${CLUSTERS}/%zz`);
    expect([status, String(headers["content-type"]).split(";")[0], body["type"], body["status"]]).toEqual([400, "application/problem+json", "urn:aerospike:errors:validation:failed", 400]);
  });
});

describe("the fault plan", () => {
  it.each([["throttle", 429], ["fail", 500]] as const)("answers a create with %s", async (kind, status) => {
    world.cloud.faults.add({ type: "aerospikecloud:api:Cluster", kind });
    const refused = await world.send("POST", CLUSTERS, CREATE);
    expect(refused.status).toBe(status);
    if (kind === "throttle") expect(refused.headers["retry-after"]).toBe("1");
    expect((await world.send("POST", CLUSTERS, CREATE)).status).toBe(202);
    expect(balance(world.cloud.ledger.list()).createdTwice).toEqual([]);
  });

  it("ends a cluster as action-required, and a peering as rejected", async () => {
    world.cloud.faults.add({ type: "aerospikecloud:api:Cluster", kind: "action-required" });
    const { body } = await world.send("POST", CLUSTERS, CREATE);
    await world.until(`${CLUSTERS}/${String(body["id"])}`, (seen) => statusOf(seen) === "action-required");
    world.cloud.faults.add({ type: VPC_PEERING, kind: "rejected" });
    const { body: second } = await world.send("POST", CLUSTERS, { ...CREATE, name: "other" });
    const url = `${CLUSTERS}/${String(second["id"])}`;
    await world.until(url, active);
    await world.send("POST", `${url}/vpc-peerings`, vpc());
    const dead = peeringOf((await world.until(`${url}/vpc-peerings`, peeringIs("rejected"))).body);
    // It stays until someone deletes it, which the ledger tells.
    expect((await world.send("DELETE", `${url}/vpc-peerings/${String(dead["id"])}`)).status).toBe(204);
    await world.until(`${url}/vpc-peerings`, (seen) => seen["count"] === 0);
    expect(world.cloud.ledger.list({ type: VPC_PEERING }).map(({ operation, id, result }) => [operation, id, result])).toContainEqual(["delete", dead["id"], "ok"]);
  });

  it("takes for each type what can become of it", () => {
    const { faultKinds } = world.cloud;
    expect([faultKinds.get("aerospikecloud:api:Cluster"), faultKinds.get(VPC_PEERING)?.includes("rejected"), faultKinds.get("aerospikecloud:api:Request")?.includes("slow"), faultKinds.get("aerospikecloud:api:Request")?.includes("rejected")])
      .toEqual([["fail", "throttle", "hang", "drop-reply", "slow", "action-required"], true, true, false]);
  });

  it("counts every request under a type of its own", async () => {
    world.cloud.faults.add({ type: "aerospikecloud:api:Request", nth: 2, kind: "throttle" });
    expect((await world.send("GET", CLUSTERS)).status).toBe(200);
    expect((await world.send("GET", CLUSTERS)).status).toBe(429);
    expect((await world.send("GET", CLUSTERS)).status).toBe(200);
  });
});
