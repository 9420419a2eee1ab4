import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError, parseRetryAfter, refusal } from "../../../providers/aerospike-cloud/api/errors";
import { TokenCache } from "../../../providers/aerospike-cloud/api/token";
import { clusterCreateSchema } from "../../../providers/aerospike-cloud/api/schemas";
import { CREATE } from "../local-aerospike/world";
import { clusterReply, failure, FakeService, SECRET } from "./service";

const BODY = clusterCreateSchema.parse(CREATE);
const problem = (status: number, detail: string, context?: object) => ({
  status, headers: { "content-type": "application/problem+json" }, body: { type: "urn:aerospike:errors:validation:failed", title: "Invalid Input", status, detail, ...(context && { context }) },
});
let service: FakeService;
beforeEach(async () => { service = await FakeService.start(); });
afterEach(() => service.close());

describe("tokens", () => {
  it("are fetched once for all who ask at the same time, and kept", async () => {
    service.script = () => ({ status: 200, body: clusterReply() });
    const client = service.client();
    await Promise.all([client.cluster("a"), client.cluster("b"), client.cluster("c")]);
    await client.cluster("d");
    expect(service.requests("token")).toHaveLength(1);
    expect(new Set(service.requests("api").map(({ headers }) => headers.authorization))).toEqual(new Set(["Bearer token-1"]));
    expect(Object.fromEntries(new URLSearchParams(service.requests("token")[0]?.body))).toEqual({ grant_type: "client_credentials", client_id: "key", client_secret: SECRET });
  });

  it("are renewed before they expire, and not before a tenth of their life is left", async () => {
    let now = 0;
    let fetched = 0;
    const cache = new TokenCache(async () => ({ value: `t${++fetched}`, expiresInSeconds: 100 }), () => now);
    expect(await cache.get()).toBe("t1");
    now = 89_999;
    expect(await cache.get()).toBe("t1");
    now = 90_000;
    expect(await cache.get()).toBe("t2");
    cache.reject("t1"); // an old one: the current one stays
    expect(await cache.get()).toBe("t2");
    cache.reject("t2");
    expect(await cache.get()).toBe("t3");
  });

  it("are fetched again after a failure", async () => {
    let calls = 0;
    const cache = new TokenCache(async () => { if (++calls === 1) throw new Error("down"); return { value: "t", expiresInSeconds: 10 }; }, () => 0);
    const [first, second] = await Promise.allSettled([cache.get(), cache.get()]);
    expect([first.status, second.status, calls]).toEqual(["rejected", "rejected", 1]);
    expect(await cache.get()).toBe("t");
  });

  it("that the service refuses are replaced once, for a create too", async () => {
    service.script = ({ headers }) => (headers.authorization === "Bearer token-1" ? { status: 401 } : { status: 202, body: clusterReply() });
    await service.client().createCluster(BODY);
    expect([service.requests("token").length, service.requests("api").length]).toEqual([2, 2]);
  });

  it("are not fetched a third time", async () => {
    service.script = () => problem(401, "No.");
    const error = await failure(service.client().cluster("a"));
    expect(error).toMatchObject({ kind: "unauthorized" });
    expect([service.requests("token").length, service.requests("api").length]).toEqual([2, 2]);
  });

  it.each([400, 401, 403])("that are refused with %d are told of as a wrong key, once", async (status) => {
    service.token = () => ({ status, body: { error: "access_denied", error_description: SECRET } });
    const error = await failure(service.client().cluster("a"));
    expect(error.message).toBe(`log in to Aerospike Cloud: the API key is refused (${status}); check AEROSPIKE_CLOUD_KEY and AEROSPIKE_CLOUD_SECRET, or the provider's apiKeyId and apiKeySecret`);
    expect(service.seen).toHaveLength(1);
  });

  it("are asked for again when they fail for a while, before a create that can't be repeated", async () => {
    service.token = (_request, nth) => (nth === 1 ? { status: 503 } : nth === 2 ? "drop" : { status: 200, body: { access_token: "t", token_type: "Bearer", expires_in: 60 } });
    service.script = () => ({ status: 202, body: clusterReply() });
    await service.client().createCluster(BODY);
    expect([service.requests("token").length, service.requests("api").length]).toEqual([3, 1]);
  });

  it("need both credentials, and the error names the missing ones", async () => {
    const client = service.client({ keyId: "", secret: "" });
    expect((await failure(client.cluster("a"))).message).toContain("AEROSPIKE_CLOUD_KEY and AEROSPIKE_CLOUD_SECRET not set");
    expect((await failure(service.client({ secret: "" }).cluster("a"))).message).toMatch(/: AEROSPIKE_CLOUD_SECRET not set/);
    expect(service.seen).toHaveLength(0);
  });
});

describe("a request", () => {
  it.each([[500], [502], [503], [429]])("is repeated after %d", async (status) => {
    service.script = (_request, nth) => (nth < 3 ? { status } : { status: 200, body: clusterReply() });
    expect((await service.client().cluster("a")).name).toBe("demo");
    expect(service.requests("api")).toHaveLength(3);
  });

  it.each([[400], [403], [404], [409], [501]])("is not repeated after %d", async (status) => {
    service.script = () => ({ status });
    await failure(service.client().cluster("a"));
    expect(service.requests("api")).toHaveLength(1);
  });

  it("is repeated after a lost connection, unless it is a POST", async () => {
    service.script = (_request, nth) => (nth === 1 ? "drop" : { status: 200, body: clusterReply() });
    await service.client().cluster("a");
    service.script = () => "drop";
    const error = await failure(service.client().createCluster(BODY));
    expect(error).toMatchObject({ kind: "network", details: { mayHaveWorked: true } });
    expect(service.requests("api").map(({ method }) => method)).toEqual(["GET", "GET", "POST"]);
  });

  it("that makes something is sent once when it may have worked, and again when it was only throttled", async () => {
    service.script = () => ({ status: 500 });
    expect(await failure(service.client().createCluster(BODY))).toMatchObject({ kind: "unavailable", details: { mayHaveWorked: true } });
    expect(service.requests("api")).toHaveLength(1);
    service.script = (_request, nth) => (nth < 4 ? { status: 429 } : { status: 202, body: clusterReply() });
    await service.client().createCluster(BODY);
    expect(service.requests("api")).toHaveLength(4);
  });

  it("waits as long as Retry-After says, and gives up at once when that is too long", async () => {
    service.script = (_request, nth) => (nth === 1 ? { status: 429, headers: { "retry-after": "1" } } : { status: 200, body: clusterReply() });
    const begun = performance.now();
    await service.client().cluster("a");
    expect(performance.now() - begun).toBeGreaterThan(990);
    service.script = () => ({ status: 429, headers: { "retry-after": "3600" } });
    expect((await failure(service.client().cluster("a"))).message).toContain("run the same command again later");
    expect(service.requests("api")).toHaveLength(3);
  });

  it("ends a pause at once when it is cancelled, a create's too, and keeps an answer that came all the same", async () => {
    for (const send of [(signal: AbortSignal) => service.client().cluster("a", signal), (signal: AbortSignal) => service.client().createCluster(BODY, signal)]) {
      const cancel = new AbortController();
      service.script = () => { setTimeout(() => cancel.abort(new Error("stop")), 20); return { status: 429, headers: { "retry-after": "60" } }; };
      expect((await failure(send(cancel.signal))).message).toBe("stop");
    }
    const cancel = new AbortController();
    service.script = () => { cancel.abort(new Error("stop")); return { status: 202, body: clusterReply() }; };
    expect((await service.client().createCluster(BODY, cancel.signal)).name).toBe("demo");
  });

  it("that can't leave says so, and that it had no effect", async () => {
    const client = service.client({ retries: 1 });
    await service.stop();
    expect(await failure(client.createCluster(BODY))).toMatchObject({ kind: "network", details: { mayHaveWorked: false }, message: expect.stringMatching(/127\.0\.0\.1:\d+ can't be reached; got ECONNREFUSED/) as string });
  });

  it("whose answer is of another form is an error that points to the address", async () => {
    service.script = () => ({ status: 200, body: "<html>hello</html>" });
    expect(await failure(service.client().cluster("a"))).toMatchObject({ kind: "unexpected", message: expect.stringContaining("check apiUrl") as string, details: { mayHaveWorked: true } });
  });
});

describe("a refusal", () => {
  it("names the title, the detail and every field", async () => {
    service.script = () => problem(400, "The request is not valid.", { missing: ["/name"], invalid: [{ field: "/infrastructure/zoneIds/0", type: "urn:aerospike:errors:validation:failed", description: "unknown zone" }, { field: "/a~1b", type: "urn:aerospike:errors:validation:out-of-range" }] });
    expect((await failure(service.client().createCluster(BODY))).message).toBe('create cluster "demo": Invalid Input (400): The request is not valid; name: missing; infrastructure.zoneIds[0]: unknown zone; a/b: out-of-range');
  });

  it("for a missing permission names it", async () => {
    service.script = () => problem(403, "No.");
    expect((await failure(service.client().createCluster(BODY))).message).toContain("give the API key the permission create:database, or use another key");
  });

  it("never shows the secret or the token, even when the service repeats them", async () => {
    service.token = (_request, nth) => (nth === 1 ? { status: 422, body: `got ${SECRET} and ${encodeURIComponent(SECRET)}` } : { status: 200, body: { access_token: "token-of-a-test", token_type: "Bearer", expires_in: 60 } });
    const login = await failure(service.client().cluster("a"));
    expect(login.message).toContain("[secret]");
    expect(login.message).not.toContain(SECRET);
    expect(login.message).not.toContain(encodeURIComponent(SECRET));
    service.script = ({ headers }) => ({ status: 400, body: String(headers.authorization) });
    expect((await failure(service.client().cluster("a"))).message).not.toContain("token-of-a-test");
  });

  it("of a server fault gives the request's ID", () => {
    const error = refusal({ what: "x", status: 500, body: "", headers: { "x-request-id": "r-1" }, now: 0 });
    expect([error.message, error.details.mayHaveWorked, error instanceof ApiError]).toEqual(["x: the service answered 500; request r-1", true, true]);
  });
});

describe("Retry-After", () => {
  it.each([["5", 5000], ["Sat, 21 Nov 2026 09:00:10 GMT", 10_000], ["Sat, 21 Nov 2026 08:00:00 GMT", 0], ["soon", undefined], [undefined, undefined]])("of %s is %s ms", (value, expected) => {
    expect(parseRetryAfter(value, Date.parse("2026-11-21T09:00:00Z"))).toBe(expected);
  });
});

describe("lists", () => {
  const page = (from: number, count: number, total: number | undefined) => ({
    status: 200, body: { count, ...(total !== undefined && { meta: { total, limit: 100, offset: from } }), clusters: Array.from({ length: count }, (_, index) => clusterReply({ id: `id-${from + index}`, name: (from + index) % 2 === 0 ? "demo" : "other" })) },
  });
  const offsetOf = (path: string): number => Number(new URLSearchParams(path.split("?")[1]).get("offset"));

  it("are read to their end, also when the service caps its pages", async () => {
    service.script = ({ path }) => page(offsetOf(path), Math.min(30, 70 - offsetOf(path)), 70);
    expect((await service.client().clustersNamed("demo")).length).toBe(35);
    expect(service.requests("api").map(({ path }) => offsetOf(path))).toEqual([0, 30, 60]);
    expect(new URLSearchParams(service.requests("api")[0]?.path.split("?")[1]).get("status_ne")).toBe("decommissioned,decommissioning");
  });

  it("without a total end with a short page", async () => {
    service.script = ({ path }) => page(offsetOf(path), offsetOf(path) === 0 ? 100 : 3, undefined);
    expect((await service.client().clustersNamed("demo")).length).toBe(52);
  });

  it("end when a page is empty, whatever the total says", async () => {
    service.script = ({ path }) => page(offsetOf(path), offsetOf(path) === 0 ? 2 : 0, 1000);
    expect((await service.client().clustersNamed("demo")).length).toBe(1);
  });

  it("leave out clusters that are going, whatever the service's filter does", async () => {
    service.script = () => ({ status: 200, body: { count: 2, clusters: [clusterReply({ health: { status: "decommissioning" } }), clusterReply({ id: "2", health: { status: "a status of tomorrow" } })] } });
    expect((await service.client().clustersNamed("demo")).map(({ id }) => id)).toEqual(["2"]);
  });
});
