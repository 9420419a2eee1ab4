import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NameTables, networkFile } from "../../../local/runtime/names";
import { makeSandbox } from "./helpers";

const OWN = "127.127.250.1";
const OTHERS = ["127.127.250.2", "127.127.250.3"];

let sandbox: ReturnType<typeof makeSandbox>;
let tables: NameTables;

beforeAll(() => {
  sandbox = makeSandbox();
  mkdirSync(path.join(sandbox.dir, "net"), { recursive: true });
  tables = new NameTables(path.join(sandbox.dir, "net"));
  tables.publish([
    { id: "me", networks: [{ name: "a:b", aliases: ["me"] }], address: OWN, running: true },
    ...OTHERS.map((address, index) => ({ id: `other-${index}`, networks: [{ name: "a:b", aliases: ["peer"] }], address, running: true })),
    { id: "hidden", networks: [{ name: "elsewhere", aliases: ["hidden"] }], address: "127.127.250.9", running: true },
  ]);
  writeFileSync(path.join(sandbox.dir, "view.json"), JSON.stringify({ networks: [networkFile(path.join(sandbox.dir, "net"), "a:b")], links: {} }));
});
afterAll(() => sandbox.remove());

/** Runs a script as a container would; its last line of output is JSON. */
async function run(script: string, environment: Record<string, string> = {}, args: string[] = []): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [...args, "-e", script], {
    env: {
      NODE_OPTIONS: `--require "${sandbox.preload}"`, STACKFLEET_ADDRESS: OWN,
      STACKFLEET_NETWORK: path.join(sandbox.dir, "view.json"), ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (bytes) => { out += bytes; });
  child.stderr.on("data", (bytes) => { err += bytes; });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

/** A server in the script, and a client that tells where it connected from and to. */
const HELPERS = `
  const net = require("node:net"), dns = require("node:dns"), http = require("node:http");
  const listening = (...args) => new Promise((resolve, reject) => { const s = net.createServer((c) => c.end()); s.on("error", reject); s.listen(...args, () => { const a = s.address(); resolve({ server: s, ...a }); }); });
  const tried = (...args) => new Promise((resolve) => { const s = net.connect(...args); s.on("connect", () => { resolve({ local: s.localAddress, remote: s.remoteAddress }); s.destroy(); }); s.on("error", (e) => resolve({ error: e.code ?? e.message })); });
  const done = (value) => { console.log(JSON.stringify(value)); process.exit(0); };`;

describe("preload", () => {
  it("binds what binds everywhere, or to localhost, to the container's own address", async () => {
    const found = await run(`${HELPERS} (async () => {
      const out = {};
      out.port = (await listening(0)).address;
      out.options = (await listening({ port: 0 })).address;
      out.v4 = (await listening(0, "0.0.0.0")).address;
      out.v6 = (await listening(0, "::")).address;
      out.loopback = (await listening({ port: 0, host: "127.0.0.1" })).address;
      out.name = (await listening(0, "localhost", 10)).address;
      out.nothing = await new Promise((resolve) => { const s = net.createServer().listen(() => resolve(s.address().address)); });
      out.text = (await listening("0")).address;
      out.http = await new Promise((resolve) => { const s = http.createServer().listen(0, () => resolve(s.address().address)); });
      out.pipe = await new Promise((resolve) => { const s = net.createServer().listen("\\0stackfleet-" + process.pid, () => resolve(s.address())); });
      done(out);
    })()`);
    const { pipe, ...tcp } = found;
    expect(new Set(Object.values(tcp))).toEqual(new Set([OWN]));
    expect(pipe).toMatch(/stackfleet-\d+$/);
  });

  it("takes localhost for itself, and leaves from its own address", async () => {
    const found = await run(`${HELPERS} (async () => {
      const { port } = await listening(0);
      done({
        none: await tried(port), options: await tried({ port }), name: await tried(port, "localhost"), v4: await tried({ port, host: "127.0.0.1" }), v6: await tried({ port, host: "::1" }),
        fetch: await fetch("http://localhost:" + await new Promise((r) => { const s = http.createServer((q, a) => a.end(q.socket.remoteAddress)).listen(0, () => r(s.address().port)); })).then((r) => r.text()),
      });
    })()`);
    const { fetch, ...sockets } = found;
    for (const socket of Object.values(sockets)) expect(socket).toEqual({ local: OWN, remote: OWN });
    expect(fetch).toBe(OWN);
  });

  it("resolves names of its networks, all addresses in turn, and no others", async () => {
    const found = await run(`${HELPERS} const { promisify } = require("node:util"); (async () => {
      const lookup = promisify(dns.lookup);
      const firsts = new Set(); for (let i = 0; i < 4; i++) firsts.add((await dns.promises.lookup("peer")).address);
      done({
        lookup: await lookup("PEER", { all: true }), promised: await dns.promises.lookup("peer.", { all: true }), four: await dns.promises.resolve4("peer"), any: await dns.promises.resolve("peer"),
        called: await new Promise((r) => dns.resolve4("peer", (e, found) => r(found))), ttl: await new Promise((r) => dns.resolve4("me", { ttl: true }, (e, found) => r(found))),
        self: (await dns.promises.lookup("localhost")).address, literal: (await dns.promises.lookup("127.0.0.1")).address, firsts: [...firsts],
        hidden: await dns.promises.lookup("hidden").catch((e) => e.code), proto: await dns.promises.lookup("constructor").catch((e) => e.code), me: await dns.promises.lookup("me", 4),
      });
    })()`);
    type Address = { address: string };
    const addresses = (list: Address[]): string[] => list.map(({ address }) => address).sort();
    expect(addresses(found["lookup"] as Address[])).toEqual(OTHERS);
    expect(addresses(found["promised"] as Address[])).toEqual(OTHERS);
    for (const key of ["four", "any", "called", "firsts"]) expect((found[key] as string[]).sort()).toEqual(OTHERS);
    expect(found["ttl"]).toEqual([{ address: OWN, ttl: 0 }]);
    expect(found["self"]).toBe(OWN);
    expect(found["literal"]).toBe("127.0.0.1");
    expect(found["me"]).toEqual({ address: OWN, family: 4 });
    expect([found["hidden"], found["proto"]]).not.toContain(OWN);
    expect(found["hidden"]).toMatch(/^E/);
    expect(found["proto"]).toMatch(/^E/);
  });

  it("connects by name to whichever container of the name answers", async () => {
    const server = createServer((request, response) => response.end(request.socket.remoteAddress));
    await new Promise<void>((resolve) => server.listen(0, OTHERS[1], resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const found = await run(`${HELPERS} (async () => {
        const answers = []; for (let i = 0; i < 4; i++) answers.push(await fetch("http://peer:${port}/").then((r) => r.status));
        // Also with several addresses: the far side knows the caller by its own.
        const shared = []; for (let i = 0; i < 2; i++) shared.push(await fetch("http://peer:${port}/").then((r) => r.text()));
        done({ answers, shared, direct: await tried(${port}, "${OTHERS[1]}"), http: await new Promise((r) => http.get("http://other-1:${port}/", (a) => a.setEncoding("utf8").on("data", r))) });
      })()`);
      expect(found).toEqual({ answers: [200, 200, 200, 200], direct: { local: OWN, remote: OTHERS[1] }, http: OWN, shared: [OWN, OWN] });
    } finally {
      server.close();
    }
  });

  it("reaches the machine's own 127.0.0.1 on the ports of its endpoints only", async () => {
    const server = createServer((_, response) => response.end("the machine"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const script = `${HELPERS} fetch("http://127.0.0.1:${port}/").then((r) => r.text(), (e) => e.cause.code).then((text) => done({ text }))`;
      expect(await run(script, { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` })).toEqual({ text: "the machine" });
      expect(await run(script, { AWS_ENDPOINT_URL_DYNAMODB: `http://localhost:${port}/` })).toEqual({ text: "the machine" });
      expect(await run(script, { OTHER_URL: `http://127.0.0.1:${port}` })).toEqual({ text: "ECONNREFUSED" });
    } finally {
      server.close();
    }
  });

  it("sees a new table at once, and lives without one", async () => {
    const script = `${HELPERS} const fs = require("node:fs"); (async () => {
      const table = (name) => { fs.writeFileSync(process.env.TABLE + ".new", JSON.stringify({ network: "n", names: { [name]: ["127.127.250.7"] }, members: [] })); fs.renameSync(process.env.TABLE + ".new", process.env.TABLE); };
      const ask = (name) => dns.promises.lookup(name).then((found) => found.address, () => "unknown");
      const out = [await ask("one.invalid")]; table("one.invalid"); out.push(await ask("one.invalid")); table("two.invalid"); out.push(await ask("one.invalid"), await ask("two.invalid"));
      done(out);
    })()`;
    const table = path.join(sandbox.dir, "net", "fresh.json");
    const view = path.join(sandbox.dir, "fresh-view.json");
    writeFileSync(view, JSON.stringify({ networks: [table], links: {} }));
    const found = await run(script, { TABLE: table, STACKFLEET_NETWORK: view });
    expect(found).toEqual(["unknown", "127.127.250.7", "unknown", "127.127.250.7"]);
  });

  it("serves ES modules alike", async () => {
    const found = await run(`import { lookup } from "node:dns/promises"; import { createServer } from "node:net";
      const server = createServer().listen(0, () => lookup("peer").then(({ address }) => { console.log(JSON.stringify({ address, own: server.address().address })); server.close(); }));`, {}, ["--input-type=module"]);
    expect(OTHERS).toContain(found["address"]);
    expect(found["own"]).toBe(OWN);
  });
});
