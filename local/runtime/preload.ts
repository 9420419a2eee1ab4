/**
 * What makes a Node process of this machine see the world as a container would; loaded first by `--require`, so it must stay one
 * small file that needs nothing but Node. Inside the process:
 * - `localhost`, 127.0.0.1 and ::1 are the container's own address, and so is what binds to every address;
 * - names of the container's networks resolve (`dns.lookup`, `resolve4`, `resolve`, their promises, and all that connects);
 * - connections to other containers leave from the container's own address, so that the far side sees who calls (to a name that
 *   several containers share they leave from any, because Node tries one address after the other only then);
 * - the endpoints that the container's environment names (AWS_ENDPOINT_URL…) stay reachable, on the machine's real 127.0.0.1.
 *
 * Every outgoing connection passes through {@link planConnection} and every name through {@link lookUp}: rules between two
 * containers belong there. Not modelled: UDP binds, `dns.Resolver` objects, programs that are not Node (they get STACKFLEET_ADDRESS).
 */
import dns = require("node:dns");
import fs = require("node:fs");
import net = require("node:net");
import Module = require("node:module");

/** Set by the runtime for each container; see `environment.ts`. */
const OWN_ADDRESS = process.env["STACKFLEET_ADDRESS"] ?? "";
const NETWORK_FILES = (process.env["STACKFLEET_NETWORKS"] ?? "").split(":").filter((file) => file !== "").map(decodeURIComponent);

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

interface CachedTable { readonly version: string; readonly names: Readonly<Record<string, readonly string[]>> }
const cache = new Map<string, CachedTable>();
let turn = Math.floor(Math.random() * 1_000);

/** One network's names, read again when its file was replaced. */
function tableOf(file: string): CachedTable["names"] {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return {};
  const version = `${stat.ino}:${stat.mtimeNs}`;
  const known = cache.get(file);
  if (known?.version === version) return known.names;
  try {
    const { names } = JSON.parse(fs.readFileSync(file, "utf8")) as CachedTable;
    cache.set(file, { version, names });
    return names;
  } catch (error) {
    // Replaced between the two calls; the next look-up reads the new file. Any other fault must show.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return known?.names ?? {};
    throw error;
  }
}

/** Addresses of a name of this container's world, rotated by one each time; empty for a name of the outside. */
function lookUp(name: string): string[] {
  const key = name.toLowerCase().replace(/\.$/, "");
  if (SELF.has(key)) return [OWN_ADDRESS];
  const found = [...new Set(NETWORK_FILES.flatMap((file) => {
    const names = tableOf(file);
    return Object.hasOwn(names, key) ? (names[key] ?? []) : [];
  }))];
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

/** Where a connection really goes and where it comes from. */
function planConnection(options: net.TcpNetConnectOpts): net.TcpNetConnectOpts {
  const host = options.host === undefined || options.host === "" ? "localhost" : options.host;
  const own = { localAddress: options.localAddress ?? OWN_ADDRESS };
  if (SELF.has(host) || WILDCARDS.has(host)) {
    return { ...options, ...own, host: hostPorts.has(Number(options.port)) ? "127.0.0.1" : OWN_ADDRESS };
  }
  // The look-up itself follows in `net`, through `dns.lookup`. Of several addresses Node tries one after the other, but only
  // where no local address is set; that a name goes on answering when one of its containers doesn't is worth more.
  const inside = net.isIPv4(host) ? host.startsWith("127.") : lookUp(host).length === 1;
  return inside ? { ...options, ...own } : options;
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
        if (tcp) args[0] = { ...options, port: options.port ?? 0, host: bindAddress(options.host) };
      } else if (first === undefined || first === null || typeof first === "function" || isPort(first)) {
        const callback = args.find((arg) => typeof arg === "function");
        const backlog = args.slice(1).find((arg) => typeof arg === "number");
        const options = { port: Number(isPort(first) ? first : 0), host: bindAddress(typeof second === "string" ? second : undefined), ...(backlog === undefined ? {} : { backlog }) };
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
  // `import { lookup } from "node:dns"` binds to copies of the exports.
  Module.syncBuiltinESMExports();
}
