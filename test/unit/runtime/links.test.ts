import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OwnedContainerRuntime } from "../../../local/runtime/index";
import type { Link } from "../../../local/runtime/port";
import { AGENT, started, startAgent, type Agent } from "./agent";
import { endEverything, makeSandbox, openRuntime } from "./helpers";

/** A change of a link is felt within this time. */
const FELT_MS = 200;

let sandbox: ReturnType<typeof makeSandbox>;
let runtime: OwnedContainerRuntime;
let a: Agent;
let b: Agent;
let c: Agent;

beforeAll(async () => {
  sandbox = makeSandbox({ generator: AGENT });
  runtime = await openRuntime(sandbox);
  [a, b, c] = await Promise.all([startAgent(runtime, "a"), startAgent(runtime, "b", { networks: [{ name: "n", aliases: ["agent", "pair"] }] }), startAgent(runtime, "c", { networks: [{ name: "n", aliases: ["pair"] }] })]);
  // Servers of every kind: each keeps what arrives, and echoes it.
  for (const agent of [b, c]) await agent.run(SERVERS);
});
afterEach(() => both({ kind: "open" }));
afterAll(() => endEverything(sandbox, runtime));

const SERVERS = `
  const echo = (name) => (socket) => { watch(socket, name); socket.on("data", (bytes) => socket.write(bytes)); };
  const listening = (server, port) => new Promise((resolve) => server.listen(port, resolve));
  const handler = (request, response) => { state.requests = (state.requests ?? 0) + 1; request.resume(); request.on("end", () => response.end("hello " + request.socket.remoteAddress)); };
  await listening(net.createServer(echo("raw")), 7001);
  await listening(tls.createServer(server, echo("tls")), 7002);
  await listening(http.createServer(handler), 7003);
  await listening(https.createServer(server, handler), 7004);
  await listening(http2.createServer(handler).on("session", (session) => { const ended = []; Object.assign(state, { session, ended }); for (const event of ["close", "error"]) session.on(event, () => ended.push(event)); }), 7005);`;

function both(link: Link, one = a, other = b): void {
  runtime.setLink(one.id, other.id, link);
  runtime.setLink(other.id, one.id, link);
}

async function cut(): Promise<void> {
  both({ kind: "cut" });
  await sleep(FELT_MS);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Journal { readonly data: string; readonly events: string[] }
const journal = (agent: Agent, name: string): Promise<Journal> => agent.run<Journal>(`return state["${name}"]`);

/** The journal as soon as it says so. */
async function journalWhen(agent: Agent, name: string, condition: (journal: Journal) => boolean): Promise<Journal> {
  for (const deadline = performance.now() + 5_000; ;) {
    const found = await journal(agent, name);
    if (condition(found)) return found;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(found)}`);
    await sleep(10);
  }
}

const CONNECT = {
  raw: `watch(net.connect(7001, "b"), "out")`,
  tls: `watch(tls.connect({ ...client, port: 7002, host: "b" }), "out")`,
};

describe.each(["raw", "tls"] as const)("an open %s connection", (kind) => {
  const open = async (): Promise<void> => {
    await a.run(`state.socket = ${CONNECT[kind]}; state.socket.write("1")`);
    await journalWhen(a, "out", ({ data }) => data === "1");
  };
  afterEach(() => a.run("state.socket.destroy()"));

  it("goes silent both ways when cut, and loses nothing", async () => {
    await open();
    await cut();
    await a.run(`state.socket.write("2")`);
    await sleep(300);
    expect((await journal(a, "out")).data).toBe("1");
    expect(await journal(b, kind)).toMatchObject({ data: "1" });
    both({ kind: "open" });
    await journalWhen(a, "out", ({ data }) => data === "12");
    expect((await journal(a, "out")).events).not.toContain("close");
  });

  it("is silent one way only when one way is cut", async () => {
    await open();
    runtime.setLink(b.id, a.id, { kind: "cut" });
    await sleep(FELT_MS);
    await a.run(`state.socket.write("2")`);
    await journalWhen(b, kind, ({ data }) => data === "12");
    await sleep(200);
    expect((await journal(a, "out")).data).toBe("1");
    both({ kind: "open" });
    await journalWhen(a, "out", ({ data }) => data === "12");
  });

  it("shows neither side the other's close before it heals", async () => {
    await open();
    await cut();
    await a.run(`state.socket.destroy()`);
    await journalWhen(a, "out", ({ events }) => events.includes("close"));
    await sleep(300);
    expect((await journal(b, kind)).events).not.toContain("close");
    both({ kind: "open" });
    await journalWhen(b, kind, ({ events }) => events.includes("close"));
  });

  it("shows no end of a process that dies behind the cut, whatever is written to it", async () => {
    await open();
    await cut();
    await runtime.kill(b.id);
    await a.run(`for (let i = 0; i < 5; i++) { state.socket.write("x".repeat(1e5)); await sleep(30); }`);
    await sleep(200);
    expect((await journal(a, "out")).events.filter((event) => !/onnect/.test(event))).toEqual([]);
    await runtime.start(b.id);
    await started(b.run);
    await b.run(SERVERS);
    // The new process is behind the same cut, in both directions.
    const outcomes = await Promise.all([[a, b], [b, a]].map(([from, to]) => from?.run(`return new Promise((resolve) => { const s = net.connect({ port: 9000, host: "${to?.id}", timeout: 200 }); for (const event of ["connect", "error", "timeout"]) s.on(event, () => { s.destroy(); resolve(event); }); })`)));
    expect(outcomes).toEqual(["timeout", "timeout"]);
    both({ kind: "open" });
    await journalWhen(a, "out", ({ events }) => events.includes("close"));
  });

  it("carries what is sent later, whole and in order, when slow", async () => {
    await open();
    both({ kind: "slow", delayMs: 200 });
    await sleep(FELT_MS);
    const took = await a.run<number>(`const start = performance.now(); for (const part of ["2", "3", "4"]) { state.socket.write(part); await sleep(20); }
      while (state.out.data !== "1234") await sleep(5); return state.out.at - start`);
    expect(took).toBeGreaterThan(400);
    expect(took).toBeLessThan(700);
    both({ kind: "open" });
  });

  it("moves much data through a cut that comes and goes", async () => {
    await open();
    const total = 20_000_000;
    await a.run(`const part = Buffer.alloc(100_000, "x"); for (let sent = 0; sent < ${total}; sent += part.length) state.socket.write(part)`);
    for (let i = 0; i < 3; i++) {
      both({ kind: "cut" });
      await sleep(150);
      both({ kind: "open" });
      await sleep(50);
    }
    await a.run(`while (state.out.data.length < ${total} + 1) await sleep(20)`);
    expect((await journal(a, "out")).events).not.toContain("close");
  });
});

describe("a connect", () => {
  it("waits in the void while the way is cut, and goes through when it heals", async () => {
    await cut();
    await a.run(`${CONNECT.raw}.write("1")`);
    await sleep(400);
    expect((await journal(a, "out")).events).toEqual([]);
    both({ kind: "open" });
    await journalWhen(a, "out", ({ data }) => data === "1");
    expect((await journal(a, "out")).events).toEqual(["connect"]);
  });

  it.each([["there", "a", "b"], ["back", "b", "a"]] as const)("waits also when only the way %s is cut", async (_way, from, to) => {
    runtime.setLink(from, to, { kind: "cut" });
    await sleep(FELT_MS);
    const outcome = await a.run(`return fetch("http://b:7003/", { signal: AbortSignal.timeout(300) }).then(() => "answered", (error) => error.name)`);
    expect(outcome).toBe("TimeoutError");
  });

  it("is given up by its caller and leaves nothing behind", async () => {
    await cut();
    await b.run("delete state.raw");
    expect(await a.run(`const socket = net.connect(7001, "b"); await sleep(50); socket.destroy(); return new Promise((resolve) => socket.on("close", resolve))`)).toBe(false);
    both({ kind: "open" });
    await sleep(300);
    expect(await b.run("return state.raw ?? null")).toBeNull();
  });

  it("goes to another container of the name, and leaves from its own address", async () => {
    await cut();
    const answers = await a.run<string[]>(`const answers = []; for (let i = 0; i < 4; i++) answers.push(await fetch("http://pair:7003/", { headers: { connection: "close" } }).then((r) => r.text())); return answers`);
    expect(answers).toEqual(Array.from({ length: 4 }, () => `hello ${a.address}`));
  });

  it("takes the way there and the way back when slow", async () => {
    both({ kind: "slow", delayMs: 150 });
    await sleep(FELT_MS);
    const took = await a.run<number>(`const start = performance.now(); await new Promise((resolve) => net.connect(7001, "b").on("connect", function () { this.destroy(); resolve(); })); return performance.now() - start`);
    expect(took).toBeGreaterThan(290);
    expect(took).toBeLessThan(600);
  });

  it("is refused at once where nothing listens, and finds no way to a container of other networks", async () => {
    const far = await startAgent(runtime, "far", { networks: [{ name: "elsewhere", aliases: [] }] });
    try {
      const outcome = await a.run(`const to = (port, host) => new Promise((resolve) => { const s = net.connect({ port, host, timeout: 300 }); s.on("error", (e) => resolve(e.code)); s.on("connect", () => resolve("connected")); s.on("timeout", () => { s.destroy(); resolve("nothing"); }); });
        return [await to(7999, "b"), await to(9000, "${far.address}"), await to(9000, "::ffff:${far.address}")]`);
      expect(outcome).toEqual(["ECONNREFUSED", "nothing", "nothing"]);
      runtime.connect(far.id, "n", ["newcomer"]);
      expect(await a.run(`return new Promise((resolve) => net.connect(9000, "newcomer").on("connect", function () { this.destroy(); resolve("connected"); }))`)).toBe("connected");
    } finally {
      await runtime.remove(far.id, 0);
    }
  });
});

describe.each([
  ["http", `new Promise((resolve, reject) => http.get({ host: "b", port: 7003, agent: state.agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 }), signal }, (r) => r.setEncoding("utf8").on("data", resolve)).on("error", reject))`],
  ["https", `new Promise((resolve, reject) => https.get({ ...client, host: "b", port: 7004, agent: state.tlsAgent ??= new https.Agent({ keepAlive: true, maxSockets: 1 }), signal }, (r) => r.setEncoding("utf8").on("data", resolve)).on("error", reject))`],
  ["fetch", `fetch("http://b:7003/", { signal }).then((r) => r.text())`],
  ["http2", `new Promise((resolve, reject) => { const s = (state.session ??= http2.connect("http://b:7005").on("error", () => undefined)).request({ ":path": "/", }, { signal }); s.setEncoding("utf8").on("data", resolve).on("error", reject).end(); })`],
])("%s over a kept connection", (_name, request) => {
  const ask = (ms: number): Promise<string> => a.run(`const signal = AbortSignal.timeout(${ms}); return await (${request}).catch((error) => error.name)`);

  it("is not answered while cut, and is again when it heals", async () => {
    expect(await ask(2_000)).toBe(`hello ${a.address}`);
    expect(await ask(2_000)).toBe(`hello ${a.address}`);
    await cut();
    expect(await ask(300)).toMatch(/AbortError|TimeoutError/);
    both({ kind: "open" });
    await sleep(FELT_MS);
    expect(await ask(2_000)).toBe(`hello ${a.address}`);
  });
});

describe("http2", () => {
  it("sends nothing to who has closed behind a cut, and hears no refusal", async () => {
    await a.run(`state.two = http2.connect("http://b:7005"); await new Promise((resolve) => state.two.on("connect", resolve)); await sleep(50)`);
    await cut();
    await a.run("state.two.destroy()");
    await b.run("for (let i = 0; i < 5; i++) { state.session.ping(() => undefined); await sleep(40); }");
    expect(await b.run("return state.ended")).toEqual([]);
    both({ kind: "open" });
    await b.run(`while (!state.ended.includes("close")) await sleep(5)`);
  });
});

describe("networks", () => {
  it("part two containers when one leaves, and join them again with its names", async () => {
    await a.run(`state.socket = ${CONNECT.raw}; state.socket.write("1")`);
    await journalWhen(a, "out", ({ data }) => data === "1");
    runtime.disconnect("b", "n");
    expect(runtime.networksOf("b")).toEqual([]);
    await sleep(FELT_MS);
    expect(await a.run(`state.socket.write("2"); return dns.promises.lookup("b").catch((error) => error.code)`)).toMatch(/^E/);
    await sleep(200);
    expect((await journal(b, "raw")).data).toBe("1");
    // On a network of their own they still don't meet.
    runtime.connect("b", "side", ["b"]);
    await sleep(FELT_MS);
    expect((await journal(b, "raw")).data).toBe("1");
    runtime.connect("b", "n", ["pair", "returned"]);
    await journalWhen(a, "out", ({ data }) => data === "12");
    expect(await a.run(`return dns.promises.lookup("returned").then((found) => found.address)`)).toBe(b.address);
    expect(runtime.links()).toEqual([]);
    runtime.disconnect("b", "side");
    await a.run("state.socket.destroy()");
  });
});

describe("what is not a container", () => {
  it("is reached as ever by a container that is cut from all", async () => {
    for (const other of [b, c]) both({ kind: "cut" }, a, other);
    await sleep(FELT_MS);
    // The way in of these tests is such a connection; this is one inside.
    expect(await a.run(`return new Promise((resolve) => net.connect(9000).on("connect", function () { this.destroy(); resolve(this.localAddress ?? "connected"); }))`)).toBeTruthy();
    both({ kind: "open" }, a, c);
  });
});

describe("links", () => {
  it("outlive a restart of the container and of the daemon, and go with the container", async () => {
    runtime.setLink("a", "b", { kind: "slow", delayMs: 5 });
    runtime.setLink("c", "a", { kind: "cut" });
    await runtime.stop("c", 0);
    await runtime.close({ stopContainers: false });
    runtime = await openRuntime(sandbox);
    await runtime.restore();
    expect(runtime.links()).toEqual([{ from: "a", to: "b", link: { kind: "slow", delayMs: 5 } }, { from: "c", to: "a", link: { kind: "cut" } }]);
    await runtime.remove("c");
    expect(runtime.links()).toHaveLength(1);
    expect(() => runtime.setLink("a", "c", { kind: "cut" })).toThrow(/NoSuchContainer/);
    expect(() => runtime.setLink("a", "a", { kind: "cut" })).toThrow(/always reaches itself; got a twice/);
    expect(() => runtime.setLink("a", "b", { kind: "slow", delayMs: -1 })).toThrow(/delayMs: out of range; got -1/);
  });
});
