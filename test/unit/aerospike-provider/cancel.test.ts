/** A cancellation ends every request and every pause, and loses nobody else's work. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clusterCreateSchema } from "../../../providers/aerospike-cloud/api/schemas";
import { later, SharedWork } from "../../../providers/aerospike-cloud/api/shared";
import { makeOnce } from "../../../providers/aerospike-cloud/provider/poll";
import { clusterHandler } from "../../../providers/aerospike-cloud/provider/resources/cluster";
import { vpcPeeringHandler } from "../../../providers/aerospike-cloud/provider/resources/vpcPeering";
import { CREATE } from "../local-aerospike/world";
import { contextOf } from "./context";
import { clusterReply, failure, FakeService, never } from "./service";

const BODY = clusterCreateSchema.parse(CREATE);
const PEERING = { clusterId: "c", vpcId: "vpc-0123456789abcdef0", cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: "us-east-1", isSecureConnection: true };
/** Far beyond a test's own limit. */
const LONG_MS = 600_000;

let service: FakeService;
let cancel: AbortController;
beforeEach(async () => {
  service = await FakeService.start();
  cancel = new AbortController();
});
afterEach(() => service.close());
const stop = (): void => cancel.abort(new Error("stop"));
/** Soon after the request, so that the client is in what follows it. */
const stopSoon = (): void => void setTimeout(stop, 20);

describe("a cancellation", () => {
  it("ends the wait for a token, a create's too, and nothing is sent", async () => {
    service.token = () => { stop(); return never(); };
    expect((await failure(service.client().cluster("a", cancel.signal))).message).toBe("stop");
    cancel = new AbortController();
    expect((await failure(service.client().createCluster(BODY, cancel.signal))).message).toBe("stop");
    expect(service.requests("api")).toEqual([]);
  });

  it("leaves the token to the others who wait for it", async () => {
    service.token = async () => {
      stop();
      await given;
      return { status: 200, body: { access_token: "shared", token_type: "Bearer", expires_in: 60 } };
    };
    service.script = () => ({ status: 200, body: clusterReply() });
    const client = service.client();
    const given = failure(client.cluster("a", cancel.signal));
    const other = client.cluster("b", new AbortController().signal);
    expect((await given).message).toBe("stop");
    expect((await other).name).toBe("demo");
    expect([service.requests("token").length, service.requests("api").length]).toEqual([1, 1]);
  });

  it.each([503, 429])("ends the pause after a %d without Retry-After, of a read, of a create and of a log-in", async (status) => {
    const client = service.client({ pauseMs: LONG_MS });
    service.script = () => { stopSoon(); return { status }; };
    expect((await failure(client.cluster("a", cancel.signal))).message).toBe("stop");
    cancel = new AbortController();
    service.script = () => { stopSoon(); return { status: 429 }; };
    expect((await failure(client.createCluster(BODY, cancel.signal))).message).toBe("stop");
    cancel = new AbortController();
    service.token = () => { stopSoon(); return { status }; };
    expect((await failure(service.client({ pauseMs: LONG_MS }).createCluster(BODY, cancel.signal))).message).toBe("stop");
  });

  it("leaves a create that was sent some time for its answer, and then says that it may have worked", async () => {
    service.script = () => { stop(); return never(); };
    expect(await failure(service.client({ graceMs: 1 }).createCluster(BODY, cancel.signal))).toMatchObject({ kind: "network", details: { mayHaveWorked: true }, message: 'create cluster "demo": cancelled before the service answered' });
  });

  it("ends the search for what a lost answer made, after some time too", async () => {
    const context = { ...contextOf(service.client()), signal: cancel.signal };
    service.script = ({ method }) => { stop(); return method === "POST" ? "drop" : never(); };
    const parts = { send: () => context.client.createCluster(BODY, context.signal), find: async (signal: AbortSignal) => (await context.client.clustersNamed("demo", signal))[0] };
    expect((await failure(makeOnce(parts, context, 1))).message).toBe("stop");
    expect(service.requests("api").filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it.each([
    ["the look-up of a cluster's name", () => clusterHandler.create(CREATE, { ...contextOf(service.client()), signal: cancel.signal })],
    ["the look-up of a new name", () => clusterHandler.update("a", {}, CREATE, { ...CREATE, name: "other" }, { ...contextOf(service.client()), signal: cancel.signal })],
    ["the look-up of a VPC's peering", () => vpcPeeringHandler.create(PEERING, { ...contextOf(service.client()), signal: cancel.signal })],
  ])("ends %s", async (_name, work) => {
    service.script = () => { stop(); return never(); };
    expect((await failure(work())).message).toBe("stop");
  });
});

describe("a call of little patience", () => {
  it("ends with the last reason, or with the time that it waited", async () => {
    service.script = () => ({ status: 503 });
    expect(await failure(service.client({ pauseMs: LONG_MS }).offerings({}, undefined, 200))).toMatchObject({ kind: "unavailable", message: expect.stringContaining("503") as string });
    service.script = never;
    expect(await failure(service.client().offerings({}, undefined, 50))).toMatchObject({ kind: "network", message: expect.stringContaining("got nothing in 0.05 s") as string });
    service.token = never;
    expect(await failure(service.client().offerings({}, undefined, 50))).toMatchObject({ kind: "network" });
  });

  it("ends by a cancellation before that", async () => {
    service.script = () => { stop(); return never(); };
    expect((await failure(service.client().offerings({}, cancel.signal, LONG_MS))).message).toBe("stop");
  });
});

describe("shared work", () => {
  it("ends when nobody waits any more, and begins anew for the next one", async () => {
    const begun: { signal: AbortSignal; finish: (value: string) => void }[] = [];
    const shared = new SharedWork<string>((signal) => new Promise((finish) => { begun.push({ signal, finish }); }));
    const others = new AbortController();
    const waiting = [failure(shared.join(cancel.signal)), failure(shared.join(others.signal))];
    stop();
    await waiting[0];
    expect([begun.length, begun[0]?.signal.aborted]).toEqual([1, false]);
    others.abort(new Error("stop too"));
    expect((await waiting[1])?.message).toBe("stop too");
    expect(begun[0]?.signal.aborted).toBe(true);
    const next = shared.join();
    begun[1]?.finish("new");
    expect([await next, begun.length, begun[1]?.signal.aborted]).toEqual(["new", 2, false]);
  });

  it("is not begun for someone who gave up before", async () => {
    stop();
    const shared = new SharedWork<string>(() => expect.unreachable());
    expect((await failure(shared.join(cancel.signal))).message).toBe("stop");
  });
});

describe("a later signal", () => {
  it("aborts after the first one, for the same reason, also when that one was there before", async () => {
    const signals = [later(cancel.signal, 1)];
    expect(signals[0]?.aborted).toBe(false);
    stop();
    signals.push(later(cancel.signal, 1));
    for (const signal of signals) {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      expect(signal.reason).toEqual(new Error("stop"));
    }
  });
});
