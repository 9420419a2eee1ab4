import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cluster } from "../../../providers/aerospike-cloud/api/schemas";
import { clusterCreateSchema } from "../../../providers/aerospike-cloud/api/schemas";
import { NotReady } from "../../../providers/aerospike-cloud/provider/handler";
import { clusterHandler } from "../../../providers/aerospike-cloud/provider/resources/cluster";
import { comparable, immutableDifferences, liveInputs, patchOf, writtenDown } from "../../../providers/aerospike-cloud/provider/resources/declaration";
import { diffInputs } from "../../../providers/wire/diff";
import { CREATE } from "../local-aerospike/world";
import { contextOf } from "./context";
import { clusterReply, failure, FakeService, type Reply, type Seen } from "./service";

const BODY = clusterCreateSchema.parse(CREATE);
const ID = String(clusterReply()["id"]);
const ACTIVE = clusterReply({ health: { status: "active" }, connectionDetails: { host: "h", tlsCertificate: "PEM" } });
const collection = (...clusters: unknown[]): Reply => ({ status: 200, body: { count: clusters.length, clusters } });
const isList = ({ method, path }: Seen): boolean => method === "GET" && path.includes("/clusters?");
const asCluster = (changes: object = {}): Cluster => clusterReply(changes as Record<string, unknown>) as unknown as Cluster;

let service: FakeService;
beforeEach(async () => { service = await FakeService.start(); });
afterEach(() => service.close());
const posts = (): number => service.requests("api").filter(({ method }) => method === "POST").length;

describe("create or detect", () => {
  it("creates when the name is free, and returns while the cluster is being provisioned", async () => {
    service.script = (request) => (isList(request) ? collection() : { status: 202, body: clusterReply() });
    const made = await clusterHandler.create(CREATE, contextOf(service.client()));
    expect(made).toMatchObject({ id: ID, outputs: { detected: false, status: "provisioning", cidrBlock: "10.128.0.0/19", dataPlaneVersion: "1.4.0" } });
  });

  it("takes over the one that has the name, and creates none", async () => {
    service.script = () => collection(ACTIVE);
    const context = contextOf(service.client());
    expect(await clusterHandler.create(CREATE, context)).toMatchObject({ id: ID, outputs: { detected: true } });
    expect([posts(), context.warned]).toEqual([0, [`cluster "demo" exists already (${ID}, active): taken over, none is created; a destroy deletes it`]]);
  });

  it("tells, before it changes the one that it takes over, what becomes of it", async () => {
    const context = contextOf(service.client());
    let toldBefore = 0;
    service.script = (request) => {
      if (request.method === "PATCH") toldBefore = context.warned.length;
      const big = { ...ACTIVE, aerospikeCloud: { ...CREATE.aerospikeCloud, clusterSize: 8 }, infrastructure: { ...CREATE.infrastructure, instanceType: "i4i.2xlarge" } };
      return isList(request) ? collection(big) : { status: 200, body: big };
    };
    await clusterHandler.create(CREATE, context);
    expect([toldBefore, context.warned]).toEqual([1, [
      `cluster "demo" exists already (${ID}, active): taken over, none is created; its aerospikeCloud.clusterSize 8 becomes 2, its infrastructure.instanceType i4i.2xlarge becomes i4i.large; a destroy deletes it`]]);
  });

  it("takes over one that the service describes more loosely than a declaration may be", async () => {
    service.script = () => collection(clusterReply({ health: { status: "active" }, logging: { authorizedRoles: [], logBucket: "b" }, infrastructure: { ...CREATE.infrastructure, cidrBlock: undefined, networkAttachedStorage: { type: "gp9", nonsense: true } } }));
    expect((await clusterHandler.create(CREATE, contextOf(service.client()))).id).toBe(ID);
  });

  it("refuses to choose among several", async () => {
    service.script = () => collection(ACTIVE, { ...ACTIVE, id: "other" });
    expect((await failure(clusterHandler.create(CREATE, contextOf(service.client())))).message).toContain(`2 living clusters are named "demo" (${ID}, other)`);
    expect(posts()).toBe(0);
  });

  it("names every difference that can't be changed", async () => {
    service.script = () => collection(clusterReply({ infrastructure: { ...CREATE.infrastructure, region: "eu-west-1", cidrBlock: "10.64.0.0/19" }, aerospikeServer: { namespaces: [{ name: "prod" }] } }));
    expect((await failure(clusterHandler.create(CREATE, contextOf(service.client())))).message).toBe(
      `a cluster "demo" (${ID}) exists and can't become what is declared: infrastructure.region is "eu-west-1", declared is "us-east-1"; infrastructure.cidrBlock is "10.64.0.0/19", declared is "10.128.0.0/19"; aerospikeServer.namespaces is ["prod"], declared is ["test"]; declare it as it is, choose another name, or delete it`);
  });

  it("finds late what a lost answer made", async () => {
    let lists = 0;
    service.script = (request) => (isList(request) ? (++lists < 5 ? collection() : collection(clusterReply())) : "drop");
    const made = await clusterHandler.create(CREATE, contextOf(service.client()));
    expect([made.id, posts(), made.outputs["detected"]]).toEqual([ID, 1, false]);
  });

  it("sends again what a lost answer certainly didn't make, a minute later", async () => {
    service.script = (request) => (isList(request) ? collection() : posts() === 1 ? { status: 500 } : { status: 202, body: clusterReply() });
    const context = contextOf(service.client());
    expect((await clusterHandler.create(CREATE, context)).id).toBe(ID);
    expect([posts(), context.slept.reduce((sum, ms) => sum + ms, 0)]).toEqual([2, 60_000]);
  });

  it("gives up after three answers were lost", async () => {
    service.script = (request) => (isList(request) ? collection() : { status: 503 });
    expect((await failure(clusterHandler.create(CREATE, contextOf(service.client())))).message).toMatch(/create cluster "demo": the service answered 503/);
    expect(posts()).toBe(3);
  });

  it("takes over what another run made in between", async () => {
    service.script = (request) => (isList(request) ? (posts() === 0 ? collection() : collection(clusterReply())) : { status: 409 });
    expect((await clusterHandler.create(CREATE, contextOf(service.client()))).id).toBe(ID);
  });

  it("sends nothing once it is cancelled, and keeps an ID that came in spite of it", async () => {
    const early = contextOf(service.client());
    service.script = () => { early.cancel(); return collection(); };
    expect((await failure(clusterHandler.create(CREATE, early))).message).toBe("cancelled");
    expect(posts()).toBe(0);
    const late = contextOf(service.client());
    service.script = (request) => {
      if (isList(request)) return posts() === 0 ? collection() : collection(clusterReply());
      late.cancel();
      return "drop";
    };
    expect((await clusterHandler.create(CREATE, late)).id).toBe(ID);
  });

  it("refuses two resources of one program with the same name", async () => {
    service.script = (request) => (isList(request) ? collection() : { status: 202, body: clusterReply() });
    const client = service.client();
    const results = await Promise.allSettled(["one", "two"].map((name) => clusterHandler.create(CREATE, contextOf(client, { urn: `urn:pulumi:s::p::t::${name}` }))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([posts(), String((results[1] as PromiseRejectedResult).reason)]).toEqual([1, 'Error: name: "demo" is the cluster of one already; expected another name; give each cluster its own']);
  });
});

describe("a change", () => {
  const bigger = { ...CREATE, aerospikeCloud: { ...CREATE.aerospikeCloud, clusterSize: 3 } };

  it("waits for its turn, is sent once, and ends when the cluster is active again", async () => {
    const statuses = ["updating", "active", "updating", "updating", "active"];
    service.script = ({ method }) => (method === "PATCH" ? { status: 202, body: clusterReply() } : { status: 200, body: clusterReply({ health: { status: statuses.shift() ?? "active" } }) });
    const outputs = await clusterHandler.update(ID, {}, CREATE, bigger, contextOf(service.client()));
    expect(outputs).toMatchObject({ aerospikeCloud: { clusterSize: 3 }, status: "active" });
    const patches = service.requests("api").filter(({ method }) => method === "PATCH");
    expect(patches.map(({ body, headers }) => [JSON.parse(body), headers["content-type"]])).toEqual([[{ aerospikeCloud: { clusterSize: 3 } }, "application/merge-patch+json"]]);
  });

  it("that the service refuses leaves the old declaration in the state, so that the next run sends it again", async () => {
    service.script = ({ method }) => (method === "PATCH" ? { status: 400 } : { status: 200, body: ACTIVE });
    const error = await failure(clusterHandler.update(ID, {}, CREATE, bigger, contextOf(service.client())));
    expect(error).not.toBeInstanceOf(NotReady);
  });

  it("that was accepted and isn't done keeps the cluster with what it is to become", async () => {
    let patched = false;
    service.script = ({ method }) => {
      if (method !== "PATCH") return { status: 200, body: patched ? clusterReply({ health: { status: "config-error" } }) : ACTIVE };
      patched = true;
      return { status: 202, body: clusterReply() };
    };
    const stuck = await failure(clusterHandler.update(ID, { createdAt: "x" }, CREATE, bigger, contextOf(service.client())));
    expect(stuck).toBeInstanceOf(NotReady);
    expect(stuck).toMatchObject({ id: ID, outputs: { createdAt: "x", aerospikeCloud: { clusterSize: 3 } }, message: expect.stringContaining("is config-error; expected active") as string });
  });

  it("may correct a configuration that the service refused", async () => {
    let patched = false;
    service.script = ({ method }) => {
      if (method === "PATCH") { patched = true; return { status: 202, body: clusterReply() }; }
      return { status: 200, body: clusterReply({ health: { status: patched ? "active" : "config-error" } }) };
    };
    expect(await clusterHandler.update(ID, {}, CREATE, bigger, contextOf(service.client()))).toMatchObject({ status: "active" });
  });

  it("of a paused cluster says what to do", async () => {
    service.script = () => ({ status: 200, body: clusterReply({ health: { status: "paused" } }) });
    expect((await failure(clusterHandler.update(ID, {}, CREATE, bigger, contextOf(service.client())))).message).toContain("is paused; expected active; resume it in the console");
  });

  it("of the name is refused when another cluster has it", async () => {
    service.script = (request) => (isList(request) ? collection(clusterReply({ id: "other", name: "new" })) : { status: 200, body: ACTIVE });
    expect((await failure(clusterHandler.update(ID, {}, CREATE, { ...CREATE, name: "new" }, contextOf(service.client())))).message).toContain('another cluster (other) is named "new"');
  });

  it("of a cluster that is gone says how to go on", async () => {
    service.script = () => ({ status: 404 });
    expect((await failure(clusterHandler.update(ID, {}, CREATE, bigger, contextOf(service.client())))).message).toContain("isn't there any more");
  });

  it("without a difference goes on with the one before", async () => {
    const statuses = ["updating", "active"];
    service.script = () => ({ status: 200, body: clusterReply({ health: { status: statuses.shift() ?? "active" } }) });
    await clusterHandler.update(ID, {}, CREATE, CREATE, contextOf(service.client()));
    expect(service.requests("api").every(({ method }) => method === "GET")).toBe(true);
  });
});

describe("a deletion", () => {
  it.each([[204], [404]])("answered with %d ends when the cluster is gone", async (status) => {
    service.script = ({ method }) => (method === "DELETE" ? { status } : { status: 404 });
    await clusterHandler.delete(ID, {}, contextOf(service.client()));
  });

  it("of a cluster that is going already waits for its end", async () => {
    const statuses = ["decommissioning", "decommissioning", "decommissioned"];
    service.script = ({ method }) => (method === "DELETE" ? { status: 400 } : { status: 200, body: clusterReply({ health: { status: statuses.shift() ?? "?" } }) });
    await clusterHandler.delete(ID, {}, contextOf(service.client()));
    expect(statuses).toEqual([]);
  });

  it("that is refused is an error", async () => {
    service.script = ({ method }) => (method === "DELETE" ? { status: 400 } : { status: 200, body: ACTIVE });
    await expect(clusterHandler.delete(ID, {}, contextOf(service.client()))).rejects.toThrow("400");
  });
});

describe("a read", () => {
  it.each([[{ status: 404 }], [{ status: 200, body: clusterReply({ health: { status: "decommissioning" } }) }]])("of what is gone finds nothing: %o", async (reply) => {
    service.script = () => reply as Reply;
    expect(await clusterHandler.read(ID, CREATE, {}, contextOf(service.client()))).toBeUndefined();
  });

  it("sees a change that was made outside, and takes the service's own choices for none", () => {
    const live = liveInputs(CREATE, asCluster({ infrastructure: { ...CREATE.infrastructure, instanceType: "i4i.xlarge", zoneIds: ["use1-az1", "use1-az2"], networkAttachedStorage: { type: "gp2", sizeInGB: 1 } }, aerospikeCloud: { clusterSize: 2, dataStorage: "memory", dataResiliency: "local-disk" } }));
    expect(diffInputs(live, CREATE, clusterHandler.replaceOn)).toEqual([{ path: "infrastructure.instanceType", kind: "update", replaces: false }]);
  });

  it("of an import gives a declaration that check accepts and that doesn't change the cluster", async () => {
    const cluster = asCluster({ infrastructure: { ...CREATE.infrastructure, zoneIds: ["a", "b"], networkId: "vpc-1" }, logging: { authorizedRoles: ["123456789012"], logBucket: "b" }, aerospikeServer: { namespaces: [{ name: "one", "replication-factor": 2 }], service: {} } });
    const live = liveInputs({}, cluster);
    const body = clusterCreateSchema.parse(live);
    expect([immutableDifferences(body, cluster), patchOf(comparable(cluster, body), body)]).toEqual([[], undefined]);
  });
});

describe("a difference", () => {
  const change = (path: readonly string[], value: unknown): typeof CREATE => {
    const copy = structuredClone(CREATE) as Record<string, unknown>;
    path.slice(0, -1).reduce((object, key) => object[key] as Record<string, unknown>, copy)[path.at(-1) ?? ""] = value;
    return copy as typeof CREATE;
  };
  it.each([
    [["infrastructure", "region"], "eu-west-1", true], [["infrastructure", "availabilityZoneCount"], 3, true], [["infrastructure", "zoneIds"], ["a", "b"], true],
    [["infrastructure", "cidrBlock"], "10.64.0.0/19", true], [["infrastructure", "provider"], "gcp", true], [["dataPlaneVersion"], "1.3.0", true],
    [["infrastructure", "networkAttachedStorage"], { type: "gp2", sizeInGB: 10 }, true], [["aerospikeCloud", "dataStorage"], "local-disk", true], [["aerospikeCloud", "dataResiliency"], "local-disk", true],
    [["aerospikeServer", "namespaces"], [{ name: "test" }, { name: "more" }], true], [["aerospikeServer", "namespaces"], [{ name: "other" }], true],
    [["aerospikeServer", "namespaces"], [{ name: "test", "replication-factor": 2 }], false], [["aerospikeServer", "service"], { a: 1 }, false],
    [["name"], "other", false], [["infrastructure", "instanceType"], "i4i.xlarge", false], [["aerospikeCloud", "clusterSize"], 5, false], [["logging"], { authorizedRoles: ["123456789012"] }, false],
  ] as const)("in %j (%j) replaces: %s; what doesn't is in the patch", (path, value, replaces) => {
    const after = change(path, value);
    expect(diffInputs(CREATE, after, clusterHandler.replaceOn).some((one) => one.replaces)).toBe(replaces);
    if (!replaces) expect(patchOf(BODY, clusterCreateSchema.parse(after))).toBeDefined();
  });

  it("is none where the declaration only writes down what the service chose", () => {
    const { cidrBlock: _block, ...infrastructure } = CREATE.infrastructure;
    const olds = { ...CREATE, infrastructure };
    const state = { dataPlaneVersion: "1.4.0", cidrBlock: "10.128.0.0/19" };
    const difference = (news: typeof CREATE) => diffInputs(writtenDown(olds, state, news), news, clusterHandler.replaceOn);
    expect(difference({ ...CREATE, dataPlaneVersion: "1.4.0" } as typeof CREATE)).toEqual([]);
    expect(difference(olds as typeof CREATE)).toEqual([]);
    expect(difference({ ...CREATE, infrastructure: { ...CREATE.infrastructure, cidrBlock: "10.64.0.0/19" } }).some(({ replaces }) => replaces)).toBe(true);
  });

  it("in a volume's size is patched as a whole volume", () => {
    const withVolume = (sizeInGB: number) => clusterCreateSchema.parse({ ...CREATE, infrastructure: { ...CREATE.infrastructure, networkAttachedStorage: { type: "gp3", iops: 3000, sizeInGB } } });
    expect(patchOf(withVolume(100), withVolume(200))).toEqual({ infrastructure: { networkAttachedStorage: { type: "gp3", iops: 3000, sizeInGB: 200 } } });
  });
});
