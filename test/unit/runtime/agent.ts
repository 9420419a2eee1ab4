/** A container that runs code on request: the tests' way into it is a published port, which no cut closes. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { ContainerRuntime, ContainerSpec } from "../../../local/runtime/port";
import { spec } from "./helpers";

/** The agent's program. Code sees `state`, which it keeps, and helpers for raw sockets, HTTP and TLS. */
export const AGENT = `
  const net = require("node:net"), tls = require("node:tls"), http = require("node:http"), https = require("node:https"), http2 = require("node:http2"), dns = require("node:dns"), os = require("node:os"), fs = require("node:fs");
  const state = {};
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const PSK = { ciphers: "DHE-PSK-AES256-GCM-SHA384", maxVersion: "TLSv1.2" }, KEY = Buffer.alloc(32, 7);
  const server = { ...PSK, dhparam: "auto", pskCallback: () => KEY }, client = { ...PSK, checkServerIdentity: () => undefined, pskCallback: () => ({ psk: KEY, identity: "x" }) };
  // Keeps what a socket tells in its journal.
  const watch = (socket, name) => {
    const journal = state[name] = { data: "", events: [] };
    socket.on("data", (bytes) => { journal.data += bytes; journal.at = performance.now(); });
    for (const event of ["connect", "secureConnect", "end", "close"]) socket.on(event, () => journal.events.push(event));
    socket.on("error", (error) => journal.events.push(error.code ?? error.message));
    return socket;
  };
  const AsyncFunction = (async () => {}).constructor;
  const names = { net, tls, http, https, http2, dns, os, fs, state, sleep, server, client, watch, require };
  http.createServer(async (request, response) => {
    let code = ""; for await (const part of request) code += part;
    try { response.end(JSON.stringify((await new AsyncFunction(...Object.keys(names), code)(...Object.values(names))) ?? null)); }
    catch (error) { response.statusCode = 500; response.end(error.stack); }
  }).listen(9000);
  process.on("uncaughtException", (error) => { console.error(error); process.exit(1); });`;

export interface Agent {
  readonly id: string;
  readonly address: string;
  /** Runs the body of an async function there; its result must be JSON. */
  run<T>(code: string): Promise<T>;
}

/** Starts an agent on network `n`, unless told otherwise. */
export async function startAgent(runtime: ContainerRuntime, id: string, overrides: Partial<ContainerSpec> = {}): Promise<Agent> {
  const hostPort = await freePort();
  const state = await runtime.run(spec(id, {
    networks: [{ name: "n", aliases: ["agent"] }], ...overrides, publish: [{ containerPort: 9000, hostAddress: "127.0.0.1", hostPort }, ...(overrides.publish ?? [])],
  }));
  const run = async <T>(code: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${hostPort}/`, { method: "POST", body: code });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return JSON.parse(text) as T;
  };
  await started(run);
  return { id, address: state.address, run };
}

/** Its process has been started a moment ago and doesn't listen yet. */
export async function started(run: Agent["run"]): Promise<void> {
  for (const deadline = performance.now() + 10_000; ;) {
    try {
      await run("");
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
