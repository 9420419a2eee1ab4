/** The provider as the engine sees it: the gRPC handlers over a service that answers as told. */
import { Metadata, type sendUnaryData, type ServerUnaryCall, type StatusObject } from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configFaults, readSettings } from "../../../providers/aerospike-cloud/provider/config";
import { providerService } from "../../../providers/aerospike-cloud/provider/service";
import { marshal, UNKNOWN, wireOf, type WireProperties } from "../../../providers/wire/properties";
import { CREATE } from "../local-aerospike/world";
import { offerings } from "../../../local/aerospike/offerings";
import { clusterReply, failure, FakeService, never, SECRET, type Seen } from "./service";

const urn = (type: string): string => `urn:pulumi:s::p::stackfleet:x:Y$aerospikecloud:index:${type}::one`;
const NOW = Date.parse("2026-01-01T00:00:00.000Z");
const isOffer = ({ path }: Seen): boolean => path.includes("cloud-providers");

let service: FakeService;
let provider: ReturnType<typeof providerService>;
let told: string[];
let warned: string[];
beforeEach(async () => {
  service = await FakeService.start();
  [told, warned] = [[], []];
  provider = providerService({
    env: {}, log: { connect: () => undefined, send: async (_urn, message, kind) => void (kind === "warning" ? warned : told).push(message) }, makeClient: () => service.client(), now: () => NOW,
    sleep: async (_ms, signal) => signal.throwIfAborted(),
  });
});
afterEach(async () => {
  await provider.close();
  await service.close();
});

function call<Response>(method: string, request: unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    const unaryCall = { request, on: () => undefined, getPeer: () => "test" } as unknown as ServerUnaryCall<unknown, Response>;
    (provider[method] as (call: typeof unaryCall, callback: sendUnaryData<Response>) => void)(unaryCall, (error, response) => (error ? reject(error) : resolve(response as Response)));
  });
}
const struct = (wire: WireProperties): Struct => Struct.fromJavaScript(wire);
const configure = (): Promise<unknown> => call("configure", new rpc.ConfigureRequest().setArgs(struct({})));

async function check(type: string, news: WireProperties, olds: WireProperties = {}): Promise<string[]> {
  await configure();
  const response = await call<rpc.CheckResponse>("check", new rpc.CheckRequest().setUrn(urn(type)).setNews(struct(news)).setOlds(struct(olds)));
  return response.getFailuresList().map((one) => one.getReason());
}
/** A create's inputs with something else in the place of `infrastructure`'s properties. */
const placed = (changes: WireProperties): WireProperties => ({ ...(CREATE as unknown as WireProperties), infrastructure: { ...CREATE.infrastructure, ...changes } });

describe("check", () => {
  beforeEach(() => { service.script = (request) => (isOffer(request) ? { status: 200, body: offerings() } : { status: 500 }); });

  it("accepts what is right", async () => {
    expect(await check("Cluster", CREATE as unknown as WireProperties)).toEqual([]);
  });

  it("tells every fault at once, with its path", async () => {
    const faults = await check("Cluster", { ...placed({ availabilityZoneCount: 4, region: "moon-1", zoneIds: ["a", "a", "b"], cidrBlock: "10.0.0.0/16" }), name: "", colour: "red", aerospikeServer: { namespaces: [] } });
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(expect.arrayContaining(["infrastructure.availabilityZoneCount", "infrastructure.region", "infrastructure.zoneIds", "infrastructure.cidrBlock", "name", "colour", "aerospikeServer.namespaces"]));
    expect(faults).toContain("infrastructure.cidrBlock: got \"10.0.0.0/16\"; expected a /19 IPv4 block such as 10.128.0.0/19");
  });

  it("tells one fault of each argument, also of one whose kind is wrong", async () => {
    expect(await check("Cluster", { ...(CREATE as unknown as WireProperties), name: "", aerospikeCloud: { clusterSize: 1.5, dataStorage: "disk" } }))
      .toEqual([expect.stringMatching(/^name: got ""; /), expect.stringMatching(/^aerospikeCloud\.dataStorage: got "disk"/), expect.stringMatching(/^aerospikeCloud\.clusterSize: got 1\.5; .*int/)]);
    expect((await check("Cluster", placed({ networkAttachedStorage: { type: "gp9", sizeInGB: 0 } }))).map((fault) => fault.split(":")[0])).toEqual(["infrastructure.networkAttachedStorage.type", "infrastructure.networkAttachedStorage.sizeInGB"]);
    expect(await check("Cluster", { ...(CREATE as unknown as WireProperties), aerospikeCloud: { clusterSize: UNKNOWN, dataStorage: UNKNOWN, dataResiliency: "local-disk" } })).toEqual([]);
  });

  it.each([
    ["zones that don't match their count", { zoneIds: ["a"] }, /zoneIds: got 1 zones; expected availabilityZoneCount \(2\)/],
    ["a block that isn't aligned", { cidrBlock: "10.128.1.0/19" }, /expected the first address of a \/19/],
    ["the service's own block", { cidrBlock: "10.129.0.0/19" }, /overlaps with 10\.129\.0\.0\/24/],
    ["too many IOPS for the size", { networkAttachedStorage: { type: "io1", iops: 5001, sizeInGB: 100 } }, /got 5001; expected at most 5000 for 100 GB of io1/],
    ["IOPS of a kind that has none", { networkAttachedStorage: { type: "gp2", iops: 100, sizeInGB: 100 } }, /networkAttachedStorage\.iops: unknown argument/],
    ["a kind without its IOPS", { networkAttachedStorage: { type: "gp3", sizeInGB: 100 } }, /networkAttachedStorage\.iops: missing/],
    ["a region that isn't offered", { region: "eu-south-9" }, /infrastructure\.region: got "eu-south-9"; expected one that Aerospike Cloud offers: us-east-1, /],
    ["an instance type that isn't offered", { instanceType: "t2.nano" }, /infrastructure\.instanceType: got "t2\.nano"; expected one .* in us-east-1$/],
    ["no zone", { availabilityZoneCount: 0 }, /availabilityZoneCount: got 0/],
  ] as [string, WireProperties, RegExp][])("refuses %s", async (_name, changes, expected) => {
    expect(await check("Cluster", placed(changes))).toEqual([expect.stringMatching(expected)]);
  });

  it.each([["io1", 100, 5000], ["io2", 10, 10_000], ["gp3", 20, 10_000]])("accepts the most IOPS of %s: %d GB and %d", async (type, sizeInGB, iops) => {
    expect(await check("Cluster", placed({ networkAttachedStorage: { type, sizeInGB, iops } }))).toEqual([]);
  });

  it("says nothing of what isn't known yet", async () => {
    expect(await check("Cluster", placed({ region: UNKNOWN, zoneIds: [UNKNOWN, "a"], provider: UNKNOWN, cidrBlock: UNKNOWN }))).toEqual([]);
    expect(await check("Cluster", { ...(CREATE as unknown as WireProperties), infrastructure: UNKNOWN, aerospikeServer: { namespaces: [UNKNOWN] } })).toEqual([]);
    expect(await check("VpcPeering", { clusterId: UNKNOWN, vpcId: UNKNOWN, cidrBlock: "10.0.0.0/16", accountId: UNKNOWN, region: "us-east-1", isSecureConnection: true })).toEqual([]);
  });

  it("refuses a key that the service refuses, once, and takes a service that can't be asked for no fault", async () => {
    service.token = () => ({ status: 401 });
    expect(await check("Cluster", CREATE as unknown as WireProperties)).toEqual([expect.stringContaining("the API key is refused (401)")]);
    service.token = () => ({ status: 200, body: { access_token: "t", token_type: "Bearer", expires_in: 60 } });
    expect(warned).toEqual([]);
    service.script = () => ({ status: 404 });
    expect(await check("Cluster", CREATE as unknown as WireProperties)).toEqual([]);
    expect(warned).toEqual(["the account's offerings could not be read, so infrastructure.region and infrastructure.instanceType are not checked: list what the account may order: the service answered 404"]);
  });

  it("asks a service that doesn't answer once for all clusters, and says of each that it is not checked", async () => {
    service.script = () => ({ status: 404 });
    await check("Cluster", CREATE as unknown as WireProperties);
    await call("check", new rpc.CheckRequest().setUrn(urn("Cluster")).setNews(struct(placed({ region: "moon-1" }))).setOlds(struct({})));
    expect([service.requests("api").length, warned.length]).toEqual([1, 2]);
  });

  it("ends at once when it is cancelled", async () => {
    service.script = () => { void call("cancel", {}); return never(); };
    expect(await failure(check("Cluster", CREATE as unknown as WireProperties))).toMatchObject({ details: expect.stringContaining("cancelled") as string });
  });

  it("asks the service nothing when nothing changed", async () => {
    await check("Cluster", CREATE as unknown as WireProperties, CREATE as unknown as WireProperties);
    expect(service.seen).toEqual([]);
  });

  it("never shows a secret that is wrong", async () => {
    const secret = marshal({ value: 'a "secret" of the program' }, [["value"]])["value"] ?? null;
    const [fault] = await check("Cluster", placed({ cidrBlock: secret }));
    expect(fault).toContain("[secret]");
    expect(fault).not.toContain("of the program");
  });

  it.each([
    ["VpcPeering", { clusterId: "c", vpcId: "vpc-1", cidrBlock: "10.0.0.0", accountId: "1", region: "us-east", isSecureConnection: "yes" }, 5],
    ["ClusterReady", { clusterId: "" }, 1], ["VpcPeeringReady", { clusterId: "c" }, 1],
  ] as [string, WireProperties, number][])("of %s tells every fault", async (type, news, count) => {
    expect(await check(type, news)).toHaveLength(count);
  });
});

describe("a failed wait", () => {
  it("gives the engine the ID, the outputs and the reason, and no secret", async () => {
    await configure();
    const inputs = { clusterId: "c", vpcId: "vpc-0123456789abcdef0", cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: "us-east-1", isSecureConnection: true };
    service.script = ({ method }, nth) => {
      if (method === "POST") return { status: 201, body: { id: "p", vpcId: inputs.vpcId, status: "initiating-request" } };
      if (nth > 2) void call("cancel", {});
      return { status: 200, body: { count: 0, vpcPeerings: nth > 2 ? [{ id: "p", vpcId: inputs.vpcId, status: "initiating-request" }] : [] } };
    };
    const error = (await failure(call("create", new rpc.CreateRequest().setUrn(urn("VpcPeering")).setProperties(struct(inputs))))) as Error & Partial<StatusObject>;
    const [details] = (error.metadata ?? new Metadata()).get("grpc-status-details-bin");
    const [any] = Status.deserializeBinary(details as Buffer).getDetailsList();
    const failed = ErrorResourceInitFailed.deserializeBinary(any?.getValue_asU8() ?? new Uint8Array());
    expect([failed.getId(), wireOf(failed.getProperties()), failed.getReasonsList()]).toEqual(["p", expect.objectContaining({ vpcId: inputs.vpcId }), [error.message]]);
    expect(error.message).toContain("cancelled; run the same command again");
  });

  it("hides the program's secrets in what the provider tells while it works", async () => {
    await configure();
    const inputs = { ...CREATE, aerospikeServer: { namespaces: [{ name: "test" }], password: "horse battery" } };
    let sent = 0;
    service.script = ({ method }) => (method === "POST" ? (++sent === 1 ? { status: 500, body: "no: horse battery" } : { status: 202, body: clusterReply() }) : { status: 200, body: { count: 0, clusters: [] } });
    await call("create", new rpc.CreateRequest().setUrn(urn("Cluster")).setProperties(struct(marshal(inputs, [["aerospikeServer", "password"]]))));
    expect(told).toEqual([expect.stringContaining("no: [secret]")]);
  });
});

describe("the provider's own configuration", () => {
  it("refuses what it doesn't know and addresses that would show the key", () => {
    expect(configFaults({ apiUrl: "http://example.com", tokenUrl: "https://me:pw@example.com/", clustersPath: "clusters", colour: "red", apiKeyId: 1, version: "1.0.0" }).map(({ property }) => property)).toEqual(["apiUrl", "tokenUrl", "clustersPath", "colour", "apiKeyId"]);
    expect(configFaults({ apiUrl: "http://127.0.0.1:1/v1", tokenUrl: "http://[::1]:1/t", clustersPath: "/databases", apiKeySecret: SECRET })).toEqual([]);
    for (const apiUrl of ["http://127.0.0.1.example.com", "http://localhost.example.com", "ftp://127.0.0.1", "nonsense", "https://a/?b=c", "https://a/#b"]) expect(configFaults({ apiUrl })).toHaveLength(1);
  });

  it("is not the environment's where the program says that a key is empty", () => {
    expect(configFaults({ apiKeyId: "", apiKeySecret: "" }).map(({ property }) => property)).toEqual(["apiKeyId", "apiKeySecret"]);
    expect(() => readSettings({ apiKeySecret: "" }, { AEROSPIKE_CLOUD_SECRET: "s" })).toThrow("apiKeySecret (AEROSPIKE_CLOUD_SECRET): got nothing; expected a part of an API key");
  });

  it.each(["https://me:pw-x@example.com/v1", "https://me:pw-x@host:99999/", "https://me:p/pw-x@example.com", "me:pw-x@example.com", "https:/me:pw-x@example.com"])("shows %s without its user, and gives the engine no name to show it by", async (apiUrl) => {
    const response = await call<rpc.CheckResponse>("checkConfig", new rpc.CheckRequest().setUrn(urn("x")).setNews(struct({ apiUrl })));
    const [failed] = response.getFailuresList();
    expect([failed?.getProperty(), failed?.getReason()]).toEqual(["", expect.stringMatching(/^apiUrl: got ".*" with a user, which is not shown; expected an https:/)]);
    expect(failed?.getReason()).not.toMatch(/me:|pw-x/);
    expect(() => readSettings({}, { AEROSPIKE_CLOUD_API_URL: apiUrl })).toThrow(/^(?!.*pw-x).*with a user/);
  });

  it("comes from the program, then the environment, then the vendor's addresses", () => {
    const env = { AEROSPIKE_CLOUD_KEY: "k", AEROSPIKE_CLOUD_SECRET: "s", AEROSPIKE_CLOUD_API_URL: "https://api.aerospike.cloud/v2/", AEROSPIKE_CLOUD_CLUSTERS_PATH: "/databases", AEROSPIKE_CLOUD_TIME_SCALE: "60" };
    expect(readSettings({ apiKeyId: "mine" }, env)).toEqual({ apiUrl: "https://api.aerospike.cloud/v2", tokenUrl: "https://auth.control.aerospike.cloud/oauth/token", clustersPath: "/databases", keyId: "mine", secret: "s", timeScale: 60 });
    expect(readSettings({}, {})).toMatchObject({ apiUrl: "https://api.aerospike.com/v1", clustersPath: "/database/clusters", timeScale: 1 });
    expect(() => readSettings({}, { AEROSPIKE_CLOUD_API_URL: "http://example.com", AEROSPIKE_CLOUD_TIME_SCALE: "fast" })).toThrow(/apiUrl \(AEROSPIKE_CLOUD_API_URL\).*; AEROSPIKE_CLOUD_TIME_SCALE \(environment\): got "fast"/);
  });
});

describe("a function", () => {
  it("finds a cluster by its name, and fails for none and for two", async () => {
    await configure();
    let clusters = [clusterReply()];
    service.script = () => ({ status: 200, body: { count: clusters.length, clusters } });
    const invoke = (tok: string, args: WireProperties) => call<rpc.InvokeResponse>("invoke", new rpc.InvokeRequest().setTok(`aerospikecloud:index:${tok}`).setArgs(struct(args)));
    expect(wireOf((await invoke("getCluster", { name: "demo" })).getReturn())).toMatchObject({ name: "demo", status: "provisioning", clusterSize: 2 });
    expect((await failure(invoke("getCluster", { name: "other" }))).message).toContain('no living cluster is named "other"');
    clusters = [clusterReply(), clusterReply({ id: "2" })];
    expect((await failure(invoke("getCluster", { name: "demo" }))).message).toContain('2 living clusters are named "demo"');
    expect((await invoke("getCluster", {})).getFailuresList().map((one) => one.getProperty())).toEqual(["name"]);
  });
});
