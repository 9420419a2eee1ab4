import { request as plainRequest } from "node:http";
import { connect as tcpConnect, createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { callerOf, createNodeClient, createNodeServer, NodeError, NodeRefusal, nodeTls, plainAddress, type NodeServer } from "../../../workloads/chunkstore/transport";
import { HandshakeLog } from "../../../workloads/chunkstore/transport/handshakeLog";
import { eventually, KEY, memoryLog } from "./support";

const key = Buffer.from(KEY);
type Psk = ReturnType<ReturnType<typeof nodeTls>["client"]["pskCallback"]>;
const anything = z.looseObject({});

interface Listening { readonly server: NodeServer; readonly port: number; readonly log: ReturnType<typeof memoryLog>; readonly failures: () => number }

async function listen(routes: (server: NodeServer) => void = () => undefined): Promise<Listening> {
  const log = memoryLog();
  let failures = 0;
  const server = createNodeServer({ tls: nodeTls(key), log, onHandshakeFailure: () => { failures += 1; } });
  routes(server);
  await server.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => { await server.close(); });
  return { server, port: (server.server.address() as AddressInfo).port, log, failures: () => failures };
}

function client(clusterKey = key, nodeId = "caller-1"): ReturnType<typeof createNodeClient> {
  const made = createNodeClient({ tls: nodeTls(clusterKey), nodeId });
  onTestFinished(() => made.close());
  return made;
}

const ask = (port: number, options: Partial<Parameters<ReturnType<typeof client>["json"]>[0]> = {}) =>
  ({ method: "GET", address: "127.0.0.1", port, path: "/v1/thing", ...options }) as const;

/** A TCP server that does what the test says with each connection. */
async function tcpServer(onConnection: Parameters<typeof createTcpServer>[1]): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function failure(work: Promise<unknown>): Promise<NodeError> {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof NodeError)) throw new Error(`expected a NodeError; got ${String(error)}`);
  return error;
}

describe("two nodes with the same key", () => {
  it("exchange JSON, encrypted; the server knows who calls, and from where", async () => {
    const { port } = await listen((server) => server.post("/v1/thing", async (request) => ({ body: request.body, caller: callerOf(request), cipher: (request.raw.socket as unknown as { getCipher(): { name: string } }).getCipher().name })));
    const reply = await client().json(ask(port, { method: "POST", body: { a: 1 } }), anything);
    expect(reply).toEqual({ body: { a: 1 }, caller: { id: "caller-1", address: "127.0.0.1" }, cipher: "DHE-PSK-AES256-GCM-SHA384" });
  });

  it("keep their connections for later requests", async () => {
    const { port, server } = await listen((app) => app.get("/v1/thing", async () => ({})));
    let connections = 0;
    server.server.on("secureConnection", () => { connections += 1; });
    const one = client();
    for (let count = 0; count < 20; count += 1) await one.json(ask(port), anything);
    expect(connections).toBeLessThanOrEqual(2); // undici opens a second one when a request comes in the moment that another ends
  });

  it("are broken when their node is taken for lost: what is under way fails at once, and the next request makes a new one", async () => {
    let calls = 0;
    const sockets = new Set<unknown>();
    const route = (app: NodeServer): void => void app.get("/v1/thing", (request) => {
      sockets.add(request.raw.socket);
      return (calls += 1) === 1 ? new Promise(() => undefined) : Promise.resolve({});
    });
    const { port } = await listen(route);
    const one = client();
    const hanging = expect(one.json(ask(port, { timeoutMs: 60_000 }), anything)).rejects.toMatchObject({ name: "NodeError" });
    await eventually(() => calls === 1);
    one.disconnect({ address: "127.0.0.2", port });
    one.disconnect({ address: "127.0.0.1", port: port + 1 });
    await one.json(ask(port), anything);
    one.disconnect({ address: "127.0.0.1", port });
    await hanging;
    const before = sockets.size;
    await one.json(ask(port), anything);
    expect([before, sockets.size]).toEqual([2, 3]);
  });

  it("serve a hundred requests at once over a bounded number of connections", async () => {
    const { port, server } = await listen((app) => app.get("/v1/thing", async () => ({})));
    let connections = 0;
    server.server.on("secureConnection", () => { connections += 1; });
    const one = client();
    const replies = await Promise.all(Array.from({ length: 100 }, () => one.json(ask(port, { timeoutMs: 15_000 }), anything)));
    expect(replies).toHaveLength(100);
    expect(connections).toBeLessThanOrEqual(8);
  });
});

describe("who doesn't hold the key gets no further than the handshake", () => {
  it("with another key", async () => {
    const { port, log, failures } = await listen((server) => server.get("/v1/thing", async () => ({})));
    const error = await failure(client(Buffer.from("another key of more than thirty-two bytes")).json(ask(port), anything));
    expect(error).toMatchObject({ kind: "handshake", message: `127.0.0.1:${port}: TLS handshake failed; expected a node that holds this cluster's key` });
    expect(failures()).toBe(1);
    expect(log.lines).toEqual([{ level: "warn", message: "refused a connection: it did not prove the cluster's key", fields: { address: "127.0.0.1", reason: "another key" } }]);
  });

  it.each([
    ["the right identity and a wrong key", (right: Psk) => ({ ...right, psk: Buffer.alloc(32) })], ["another identity", (right: Psk) => ({ ...right, identity: "guest" })],
  ])("with %s", async (_what, change) => {
    const { port, failures, log } = await listen();
    const right = nodeTls(key).client;
    const socket = tlsConnect({ host: "127.0.0.1", port, ...right, pskCallback: () => change(right.pskCallback()) });
    const code = await new Promise<string>((resolve) => socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "")).on("secureConnect", () => resolve("connected")));
    expect(code).toMatch(/^ERR_SSL/);
    await eventually(() => failures() === 1);
    expect(log.lines[0]?.fields["reason"]).toBe("another key");
  });

  it("with plain HTTP, and with TLS without a key", async () => {
    const { port, failures, log } = await listen();
    await new Promise<void>((resolve) => plainRequest({ host: "127.0.0.1", port, path: "/v1/thing" }).on("error", () => resolve()).end());
    await eventually(() => failures() === 1);
    await new Promise<void>((resolve) => tlsConnect({ host: "127.0.0.1", port, rejectUnauthorized: false }).on("error", () => resolve()));
    await eventually(() => failures() === 2);
    expect(log.lines.map(({ fields }) => fields)).toEqual([{ address: "127.0.0.1", reason: "plain HTTP" }]);
  });

  it("and a server without the key gets nothing", async () => {
    let received = Buffer.alloc(0);
    const port = await tcpServer((socket) => { socket.on("data", (data) => { received = Buffer.concat([received, data]); socket.end("HTTP/1.1 200 OK\r\n\r\n{}"); }); });
    const error = await failure(client().json(ask(port, { method: "POST", body: { secret: "tell nobody" } }), anything));
    expect(error.kind).toBe("handshake");
    expect(received.toString("latin1")).not.toContain("tell nobody");
  });

  it("is told at a bounded rate", () => {
    let now = 0;
    const log = memoryLog();
    const handshakes = new HandshakeLog(log, () => now);
    for (let count = 0; count < 1_000; count += 1) handshakes.failed("10.0.0.1", "plain HTTP");
    expect(log.lines).toHaveLength(1);
    for (let host = 0; host < 5_000; host += 1) handshakes.failed(`10.0.1.${host}`, "plain HTTP");
    expect(log.lines).toHaveLength(20);
    now = 30_000;
    handshakes.failed("10.0.1.4999", "plain HTTP");
    expect(log.lines.at(-1)?.fields).toMatchObject({ address: "10.0.1.4999", before: 1 });
  });
});

describe("a request that fails", () => {
  it("says that nobody is there", async () => {
    const port = await tcpServer(() => undefined);
    const gone = await failure(client().json(ask(1), anything));
    expect(gone).toMatchObject({ kind: "unreachable", message: "127.0.0.1:1: can't be reached (ECONNREFUSED)", address: "127.0.0.1", port: 1 });
    // Connects, and hears nothing.
    expect(await failure(client().json(ask(port, { timeoutMs: 300 }), anything))).toMatchObject({ kind: "timeout", message: `127.0.0.1:${port}: no answer within 300 ms` });
  });

  it("says that the answer doesn't come, or doesn't end, in time", async () => {
    const { port } = await listen((server) => {
      server.get("/v1/never", () => new Promise(() => undefined));
      server.get("/v1/half", (_request, reply) => { reply.hijack(); reply.raw.write("{"); });
    });
    const one = client();
    await one.json(ask(port, { path: "/v1/other" }), anything).catch(() => undefined); // connected
    for (const path of ["/v1/never", "/v1/half"]) {
      expect(await failure(one.json(ask(port, { path, timeoutMs: 100 }), anything))).toMatchObject({ kind: "timeout", message: `127.0.0.1:${port}: no answer within 100 ms` });
    }
  });

  it("says what the other node refused, and why", async () => {
    const { port } = await listen((server) => server.get("/v1/thing", async () => { throw new NodeRefusal(507, "disk-full", "no room"); }));
    expect(await failure(client().json(ask(port, { path: "/v1/thing?x=1" }), anything))).toMatchObject({ kind: "refused", status: 507, refusal: "disk-full", message: `127.0.0.1:${port}: answered 507 to GET /v1/thing: disk-full, no room` });
    expect(await failure(client().json(ask(port, { path: "/v1/other" }), anything))).toMatchObject({ status: 404, refusal: "route-not-found" });
  });

  it.each([
    ["no JSON", "<html>", "answered /v1/thing with what is no JSON"], ["another form", "[]", /another form of JSON: body: /], ["nothing", "", /another form of JSON: body/],
    ["too much", `"${"x".repeat(16 * 1024 * 1024)}"`, "answered with more than 16777216 bytes"],
  ])("says that the answer is nonsense: %s", async (_what, text, message) => {
    const { port } = await listen((server) => server.get("/v1/thing", (_request, reply) => { reply.hijack(); reply.raw.end(text); }));
    const error = await failure(client().json(ask(port), z.object({ a: z.number() })));
    expect(error.kind).toBe("nonsense");
    expect(error.message).toMatch(message);
  });

  it("rejects with the signal's reason when the caller gives up", async () => {
    const { port } = await listen((server) => server.get("/v1/never", () => new Promise(() => undefined)));
    const reason = new Error("enough");
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 20);
    await expect(client().json(ask(port, { path: "/v1/never", signal: stop.signal }), anything)).rejects.toBe(reason);
    await expect(client().json(ask(port, { path: "/v1/never", signal: stop.signal }), anything)).rejects.toBe(reason);
  });

  it("never shows the key", async () => {
    const { port } = await listen((server) => server.get("/v1/thing", async () => { throw new NodeRefusal(400, "no", "no"); }));
    const { client: options } = nodeTls(key);
    const shown = inspect([await failure(client().json(ask(port), anything)), await failure(client(Buffer.from("another key of more than thirty-two bytes")).json(ask(port), anything))], { depth: 8 });
    for (const secret of [KEY, key.toString("hex"), Buffer.from(options.pskCallback().psk.buffer).toString("hex")]) expect(shown).not.toContain(secret);
  });
});

describe("a server", () => {
  it("hides what went wrong inside, and logs it", async () => {
    const { port, log } = await listen((server) => server.get("/v1/thing", async () => { throw new Error("SECRET inside"); }));
    const error = await failure(client().json(ask(port), anything));
    expect(error).toMatchObject({ status: 500, refusal: "internal" });
    expect(error.message).not.toContain("SECRET");
    expect(log.lines).toMatchObject([{ level: "error", message: "request failed", fields: { route: "/v1/thing" } }]);
  });

  it.each([["broken JSON", "{"], ["a poisoned prototype", '{"__proto__": {"a": 1}}']])("refuses %s", async (_what, body) => {
    const { port } = await listen((server) => server.post("/v1/thing", async () => ({})));
    const { request } = await import("undici");
    const answer = await request(`https://127.0.0.1:${port}/v1/thing`, { dispatcher: client().dispatcher, method: "POST", body, headers: { "content-type": "application/json" } });
    expect(answer.statusCode).toBe(400);
    expect(await answer.body.json()).toMatchObject({ error: { code: "invalid-request" } });
  });

  it("lives on after garbage of any kind", async () => {
    const { port } = await listen((server) => server.get("/v1/thing", async () => ({ fine: true })));
    for (const garbage of [Buffer.alloc(100_000, 0x16), Buffer.from("\x16\x03\x01\xff\xff"), Buffer.alloc(1)]) {
      await new Promise<void>((resolve) => tcpConnect(port, "127.0.0.1").on("error", () => undefined).on("close", () => resolve()).resume().end(garbage));
    }
    const broken = tlsConnect({ host: "127.0.0.1", port, ...nodeTls(key).client });
    broken.write("NONSENSE / HTTP/9.9\r\n\r\n");
    await new Promise<void>((resolve) => broken.on("data", () => undefined).on("error", () => undefined).on("close", () => resolve()));
    expect(await client().json(ask(port), anything)).toEqual({ fine: true });
  });
});

describe("the key", () => {
  it("must be of 32 bytes or more", () => {
    expect(() => nodeTls(Buffer.alloc(31))).toThrow("cluster key: got 31 bytes; expected at least 32");
  });
  it("gives the same traffic key everywhere, and no two keys the same", () => {
    const of = (text: string): string => JSON.stringify([nodeTls(Buffer.from(text)).client.pskCallback()]);
    expect(of(KEY)).toBe(of(KEY));
    expect(of(KEY)).not.toBe(of(`${KEY}x`));
  });
});

describe("an address", () => {
  it.each([["::ffff:10.0.0.3", "10.0.0.3"], ["10.0.0.3", "10.0.0.3"], ["fd00::1", "fd00::1"], ["::1", "::1"]])("%s is written %s", (from, to) => {
    expect(plainAddress(from)).toBe(to);
  });
});
