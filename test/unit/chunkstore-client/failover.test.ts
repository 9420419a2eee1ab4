import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Watchdog } from "../../../workloads/chunkstore/client/exchange";
import { FakeCluster, FakeController, json, refuse, times } from "./fake-controller";
import { clientOf, faultOf } from "./support";

/** An address that nobody listens on. */
const NOBODY = "http://127.0.0.1:9";

async function three(): Promise<[FakeController, FakeController, FakeController]> {
  const cluster = new FakeCluster();
  cluster.put("a.txt", Buffer.from("hello"), ["x"]);
  return [await FakeController.start(cluster), await FakeController.start(cluster), await FakeController.start(cluster)];
}

describe("requests", () => {
  it("go to the next controller when one can't be reached, and stay there", async () => {
    const [a, b] = await three();
    const told: string[] = [];
    const client = clientOf([NOBODY, a, b], { onFailover: (failed, next) => told.push(`${failed.message} → ${next}`) });
    expect((await client.list()).map(({ name }) => name)).toEqual(["a.txt"]);
    await client.list();
    expect(told).toEqual([`${NOBODY}: connection refused → ${a.endpoint}`]);
    expect(client.lastGood).toBe(a.endpoint);
    expect([a.requests.length, b.requests.length]).toEqual([2, 0]);
  });

  it("begin with the controller that an earlier process found good", async () => {
    const [a, b] = await three();
    await clientOf([a, b], { lastGood: b.endpoint }).list();
    expect([a.requests.length, b.requests.length]).toEqual([0, 1]);
  });

  it.each([
    ["starts", (c: FakeController) => (c.misbehave = (_, response) => (refuse(response, 503, "starting", "starting"), true))],
    ["is silent", (c: FakeController) => (c.misbehave = () => true)],
    ["hangs up", (c: FakeController) => (c.misbehave = (request) => (request.socket.destroy(), true))],
    ["is no controller", (c: FakeController) => (c.misbehave = (_, response) => (response.end("<html>welcome</html>"), true))],
    ["refuses in a form that is none", (c: FakeController) => (c.misbehave = (_, response) => (response.writeHead(418).end("teapot"), true))],
    ["answers something else", (c: FakeController) => (c.misbehave = (_, response) => (json(response, 200, { files: [{ name: "../x" }] }), true))],
    ["stalls in the middle of its answer", (c: FakeController) => (c.misbehave = (_, response) => (response.writeHead(200, { "content-length": "100" }).write("{"), true))],
    ["redirects", (c: FakeController) => (c.misbehave = (_, response) => (response.writeHead(302, { location: "http://127.0.0.1:9/" }).end(), true))],
  ])("go to the next controller when one %s", async (_, breakIt) => {
    const [a, b] = await three();
    breakIt(a);
    expect((await clientOf([a, b]).list()).length).toBe(1);
    expect(b.requests).toEqual(["GET /v1/files"]);
  });

  it("are tried in several rounds", async () => {
    const [a] = await three();
    a.misbehave = times(2, /./, (_, response) => (refuse(response, 503, "starting", "starting"), true));
    expect((await clientOf([a]).list()).length).toBe(1);
    expect(a.requests.length).toBe(3);
  });

  it("fail with what was tried and why, when no controller can be reached", async () => {
    const fault = await faultOf(clientOf([NOBODY, "http://127.0.0.1:10"]).list());
    expect(fault).toMatchObject({ code: "no-controller", exitCode: 1 });
    expect(fault.options.details).toEqual([`${NOBODY}: connection refused`, "http://127.0.0.1:10: connection refused"]);
  });

  it("fail with what the controllers said, when one said something", async () => {
    const [a] = await three();
    a.misbehave = (_, response) => (refuse(response, 507, "disk-full", "the chunkservers have no room"), true);
    const fault = await faultOf(clientOf([NOBODY, a]).list());
    expect(fault).toMatchObject({ code: "disk-full", message: "the chunkservers have no room" });
    expect(fault.options.details).toEqual([`${NOBODY}: connection refused`, `${a.endpoint}: the chunkservers have no room [disk-full]`]);
  });

  it("are not repeated when they are refused for a reason", async () => {
    const [a, b] = await three();
    expect(await faultOf(clientOf([a, b], { token: "old" }).list())).toMatchObject({ code: "token-expired" });
    expect(b.requests).toEqual([]);
  });

  it("end at once when their signal aborts, while one is under way or between rounds", async () => {
    const [a] = await three();
    const abort = new AbortController();
    a.misbehave = () => (abort.abort(), true);
    expect(await faultOf(clientOf([a]).list([], { signal: abort.signal }))).toMatchObject({ code: "interrupted", exitCode: 130 });
    const between = new AbortController();
    const client = clientOf([NOBODY], { onFailover: () => undefined, pause: (_, signal) => new Promise((_resolve, reject) => { signal?.addEventListener("abort", () => reject(signal.reason as Error)); between.abort(new Error("stop")); }) });
    await expect(client.list([], { signal: between.signal })).rejects.toThrow("stop");
  });

  it("wait as long as a busy controller asks, and tell when that is too long", async () => {
    const [a] = await three();
    const waits: number[] = [];
    const pause = (ms: number) => (waits.push(ms), Promise.resolve());
    a.misbehave = times(2, /./, (_, response) => (refuse(response, 429, "too-many-requests", "busy", { "retry-after": "2" }), true));
    await clientOf([a], { pause }).list();
    expect(waits).toEqual([2000, 2000]);
    a.misbehave = (_, response) => (refuse(response, 429, "too-many-requests", "busy", { "retry-after": "60" }), true);
    expect(await faultOf(clientOf([a], { pause }).list())).toMatchObject({ code: "too-many-requests", options: { retryAfterSeconds: 60 } });
    expect(waits.length).toBe(2);
  });
});

describe("a file that one controller does not know", () => {
  it("is asked for at the others, unless that one did the last request", async () => {
    const behind = await FakeController.start();
    const [a] = await three();
    expect((await clientOf([behind, a]).locations("a.txt")).name).toBe("a.txt");
    expect(await faultOf(clientOf([behind, a], { lastGood: behind.endpoint }).locations("a.txt"))).toMatchObject({ code: "file-not-found" });
  });

  it("is unknown when no other can say", async () => {
    const behind = await FakeController.start();
    const fault = await faultOf(clientOf([behind, NOBODY]).delete("a.txt"));
    expect(fault).toMatchObject({ code: "file-not-found", options: { details: [`${NOBODY}: connection refused`] } });
  });
});

describe("login", () => {
  it("gives the token that later requests carry, and sends none before", async () => {
    const [a] = await three();
    const client = clientOf([a], { token: undefined } as never);
    expect(await faultOf(client.list())).toMatchObject({ code: "not-logged-in" });
    await client.login("admin", "secret");
    expect((await client.list()).length).toBe(1);
    expect(a.headers.map(({ authorization }) => authorization)).toEqual([undefined, "Bearer token"]);
  });

  it("is refused without naming the password", async () => {
    const [a] = await three();
    const wrong = await faultOf(clientOf([a]).login("admin", "hunter2-hunter2"));
    expect(wrong).toMatchObject({ code: "wrong-credentials" });
    const long = await faultOf(clientOf([a]).login("admin", "p".repeat(2000)));
    expect(long).toMatchObject({ code: "usage", exitCode: 2 });
    expect(`${wrong.message}${long.message}`).not.toMatch(/hunter2|ppp/);
  });
});

describe("the state of one controller", () => {
  it("is asked of it alone", async () => {
    const [a, b] = await three();
    const client = clientOf([a, b]);
    expect((await client.health({ endpoint: b.endpoint })).nodeId).toBe("c-1");
    expect((await client.cluster({ endpoint: b.endpoint })).replicationFactor).toBe("all");
    expect(a.requests).toEqual([]);
    expect(await faultOf(client.health({ endpoint: NOBODY }))).toMatchObject({ code: "no-controller" });
    b.misbehave = (_, response) => (json(response, 503, { status: "starting", role: "controller", nodeId: "c", version: "1", uptimeSeconds: 1, controllers: 1, chunkservers: 0, reasons: [] }), true);
    expect((await faultOf(client.health({ endpoint: b.endpoint }))).options.details).toEqual([`${b.endpoint}: the controller is starting`]);
  });
});

describe("a limit of time", () => {
  it("aborts with its reason, can be set anew, and keeps no process once it was stopped", () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const watchdog = new Watchdog();
    watchdog.arm(100, "first");
    vi.advanceTimersByTime(99);
    watchdog.arm(100, "second");
    vi.advanceTimersByTime(99);
    expect(watchdog.reason).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(watchdog.reason).toBe("second");
    const stopped = new Watchdog();
    stopped.arm(100, "x");
    stopped.stop();
    stopped.arm(100, "x");
    expect(vi.getTimerCount()).toBe(0);
  });
});
