/**
 * What makes a Node process of this machine see the world as a container would; loaded first by `--require`, so it and the
 * `preload-*.ts` beside it must stay small and need nothing but Node. Inside the process:
 * - `localhost`, 127.0.0.1 and ::1 are the container's own address, and so is what binds to every address;
 * - names of the container's networks resolve (`dns.lookup`, `resolve4`, `resolve`, their promises, and all that connects);
 * - connections to other containers leave from the container's own address, so that the far side sees who calls, and reach only
 *   those on a network of this container's, as far as the links between them let them (`preload-links.ts`);
 * - the endpoints that the container's environment names (AWS_ENDPOINT_URL…) stay reachable, on the machine's real 127.0.0.1;
 * - what listens on a published port listens on the machine's port too;
 * - the machine's name is the container's, when it has one.
 *
 * Every outgoing connection passes through {@link planConnection} and every name through {@link lookUp}.
 * Not modelled: UDP binds, `dns.Resolver` objects, programs that are not Node (they get STACKFLEET_ADDRESS).
 */
import dns = require("node:dns");
import net = require("node:net");
import os = require("node:os");
import Module = require("node:module");
import { obeyLinks } from "./preload-links";
import { closePublished, publish } from "./preload-publish";
import { networkTables, OWN_ADDRESS, view } from "./preload-world";

/** Variables whose loopback URL means the machine and not the container, as a metadata address would. */
const HOST_ENDPOINT = /^(AWS_ENDPOINT_URL(_.*)?|ECS_CONTAINER_METADATA_URI(_V4)?|AWS_CONTAINER_CREDENTIALS_FULL_URI)$/;

const SELF = new Set(["localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1"]);
const WILDCARDS = new Set(["", "0.0.0.0", "::", "::0", "[::]"]);

/** Ports of the machine's 127.0.0.1 that the container may reach. */
const hostPorts = new Set<number>();
for (const [name, value] of Object.entries(process.env)) {
  const url = HOST_ENDPOINT.test(name) && value !== undefined && URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && SELF.has(url.hostname)) hostPorts.add(Number(url.port === "" ? 80 : url.port));
}

// ---- names ----

let turn = Math.floor(Math.random() * 1_000);

/** Addresses of a name of this container's world, rotated by one each time; empty for a name of the outside. */
function lookUp(name: string): string[] {
  const key = name.toLowerCase().replace(/\.$/, "");
  if (SELF.has(key)) return [OWN_ADDRESS];
  const found = [...new Set(networkTables().flatMap(({ names }) => (Object.hasOwn(names, key) ? (names[key] ?? []) : [])))];
  const shift = found.length === 0 ? 0 : turn++ % found.length;
  return [...found.slice(shift), ...found.slice(0, shift)];
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | dns.LookupAddress[], family?: number) => void;

function patchLookup(): void {
  const real = dns.lookup as (hostname: string, options: unknown, callback: LookupCallback) => void;
  const lookup = (hostname: string, options: dns.LookupOptions | number | LookupCallback, callback?: LookupCallback): void => {
    const done = typeof options === "function" ? options : callback;
    const settings = typeof options === "object" ? options : typeof options === "number" ? { family: options } : {};
    const addresses = typeof hostname === "string" && net.isIP(hostname) === 0 ? lookUp(hostname) : [];
    const [first] = addresses;
    if (done === undefined || first === undefined || settings.family === 6 || settings.family === "IPv6") {
      real.call(dns, hostname, done === undefined ? options : settings, done as LookupCallback);
    } else {
      process.nextTick(() => settings.all === true ? done(null, addresses.map((address) => ({ address, family: 4 }))) : done(null, first, 4));
    }
  };
  Object.assign(dns, { lookup });
  const realPromise = dns.promises.lookup as (hostname: string, options?: unknown) => Promise<dns.LookupAddress | dns.LookupAddress[]>;
  const promised = async (hostname: string, options?: dns.LookupOptions | number): Promise<dns.LookupAddress | dns.LookupAddress[]> => {
    const settings = typeof options === "number" ? { family: options } : (options ?? {});
    const found = net.isIP(hostname) === 0 && settings.family !== 6 && settings.family !== "IPv6" ? lookUp(hostname) : [];
    const [first] = found.map((address) => ({ address, family: 4 }));
    if (first === undefined) return realPromise.call(dns.promises, hostname, options);
    return settings.all === true ? found.map((address) => ({ address, family: 4 })) : first;
  };
  Object.assign(dns.promises, { lookup: promised });
}

type Records = (error: Error | null, records: unknown) => void;

/** `resolve4(name)`, and `resolve(name[, "A"])` which is the same question. */
function patchResolve(method: "resolve4" | "resolve"): void {
  const real = dns[method] as (...args: unknown[]) => void;
  const answer = (name: unknown, option: unknown): unknown[] => {
    if (typeof name !== "string" || (method === "resolve" && typeof option === "string" && option !== "A")) return [];
    const withTtl = typeof option === "object" && option !== null && "ttl" in option && option.ttl === true;
    return lookUp(name).map((address) => (withTtl ? { address, ttl: 0 } : address));
  };
  const patched = (...args: unknown[]): void => {
    const found = answer(args[0], args[1]);
    if (found.length === 0) return real.apply(dns, args);
    process.nextTick(() => (args.at(-1) as Records)(null, found));
  };
  Object.assign(dns, { [method]: patched });
  const realPromise = dns.promises[method] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(dns.promises, {
    [method]: async (...args: unknown[]): Promise<unknown> => {
      const found = answer(args[0], args[1]);
      return found.length === 0 ? realPromise.apply(dns.promises, args) : found;
    },
  });
}

// ---- connections ----

/** Where a connection really goes; where it comes from is settled when its address is known, in `preload-links.ts`. */
function planConnection(options: net.TcpNetConnectOpts): net.TcpNetConnectOpts {
  const host = options.host === undefined || options.host === "" ? "localhost" : options.host;
  if (!SELF.has(host) && !WILDCARDS.has(host)) return { ...options, host: host.replace(/^::ffff:(?=127\.)/i, "") };
  return { ...options, host: hostPorts.has(Number(options.port)) ? "127.0.0.1" : OWN_ADDRESS };
}

function patchConnect(): void {
  const real = net.Socket.prototype.connect as (this: net.Socket, ...args: unknown[]) => net.Socket;
  Object.assign(net.Socket.prototype, {
    connect(this: net.Socket, ...args: unknown[]): net.Socket {
      const [first, second] = args;
      if (Array.isArray(first)) {
        // `net.connect` has normalised its arguments already: a marked array, to be kept.
        if (isTcp(first[0])) first[0] = planConnection(first[0]);
      } else if (isTcp(first)) {
        args[0] = planConnection(first);
      } else if (isPort(first)) {
        args.splice(0, typeof second === "string" ? 2 : 1, planConnection({ port: Number(first), ...(typeof second === "string" ? { host: second } : {}) }));
      }
      return real.apply(this, args);
    },
  });
}

function isTcp(options: unknown): options is net.TcpNetConnectOpts {
  return typeof options === "object" && options !== null && "port" in options && options.port !== undefined && !("path" in options && options.path);
}

function isPort(value: unknown): value is number | string {
  return typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
}

// ---- servers ----

function patchListen(): void {
  const real = net.Server.prototype.listen as (this: net.Server, ...args: unknown[]) => net.Server;
  Object.assign(net.Server.prototype, {
    listen(this: net.Server, ...args: unknown[]): net.Server {
      const [first, second] = args;
      if (typeof first === "object" && first !== null) {
        const options = first as net.ListenOptions & { fd?: number; _handle?: unknown };
        // Pipes, inherited descriptors and handles have no address to change.
        const tcp = options.path === undefined && options.fd === undefined && options._handle === undefined && !("handle" in first);
        if (tcp) {
          args[0] = { ...options, port: options.port ?? 0, host: bindAddress(options.host) };
          publish(this, Number(options.port), real);
        }
      } else if (first === undefined || first === null || typeof first === "function" || isPort(first)) {
        const callback = args.find((arg) => typeof arg === "function");
        const backlog = args.slice(1).find((arg) => typeof arg === "number");
        const options = { port: Number(isPort(first) ? first : 0), host: bindAddress(typeof second === "string" ? second : undefined), ...(backlog === undefined ? {} : { backlog }) };
        publish(this, options.port, real);
        return real.call(this, options, callback);
      }
      return real.apply(this, args);
    },
  });
}

function bindAddress(host: string | undefined): string {
  return host === undefined || host === null || WILDCARDS.has(host) || SELF.has(host) ? OWN_ADDRESS : host;
}

if (OWN_ADDRESS !== "") {
  patchLookup();
  patchResolve("resolve4");
  patchResolve("resolve");
  patchConnect();
  patchListen();
  closePublished();
  obeyLinks();
  const { hostname } = view();
  if (hostname !== undefined) Object.assign(os, { hostname: () => hostname });
  // `import { lookup } from "node:dns"` binds to copies of the exports.
  Module.syncBuiltinESMExports();
}
