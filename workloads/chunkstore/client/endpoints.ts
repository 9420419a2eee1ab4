/** Addresses of controllers: how they are written, and in which order they are tried. */
import { promises as dns } from "node:dns";
import { CLIENT_PORT, CONTROLLER_ALIAS } from "../contract/settings";
import { ChunkStoreError } from "./errors";

/**
 * Reads addresses of controllers as `http://host:port`, `host:port` or `host`; the port is {@link CLIENT_PORT} when none is given.
 * @returns origins, each once, in the given order
 * @throws ChunkStoreError `usage` with every fault
 */
export function parseEndpoints(texts: readonly string[]): string[] {
  const parsed = texts.map((text) => ({ text, origin: originOf(text.trim()) }));
  const wrong = parsed.filter(({ origin }) => origin === undefined).map(({ text }) => JSON.stringify(text));
  if (wrong.length > 0) {
    throw new ChunkStoreError("usage", `endpoint: not an address; got ${wrong.join(", ")}; expected http://host:port, without a path`, { fix: `such as http://127.0.0.1:${CLIENT_PORT}` });
  }
  return [...new Set(parsed.flatMap(({ origin }) => origin ?? []))];
}

/** A list in one variable: separated by commas or white space. */
export function splitEndpoints(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}

function originOf(text: string): string | undefined {
  if (text === "" || /\s/.test(text)) return undefined;
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  // A password in an address would end up in every message about it.
  if (!["http:", "https:"].includes(url.protocol) || url.hostname === "" || url.username !== "" || url.password !== "") return undefined;
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") return undefined;
  const portGiven = /:\d+\/?$/.test(withScheme);
  return `${url.protocol}//${url.hostname}${url.port !== "" ? `:${url.port}` : portGiven || url.protocol === "https:" ? "" : `:${CLIENT_PORT}`}`;
}

/**
 * All controllers that answer to a network alias.
 * @throws ChunkStoreError `no-controller` when the name isn't known
 */
export async function endpointsByName(alias: string = CONTROLLER_ALIAS, lookup: (name: string) => Promise<readonly { address: string; family: number }[]> = lookupAll): Promise<string[]> {
  const fix = "run it in a container on the cluster's network, or say where the controllers are: --endpoint http://host:port, or CHUNKSTORE_ENDPOINTS";
  try {
    const addresses = await lookup(alias);
    if (addresses.length > 0) return [...new Set(addresses.map(({ address, family }) => `http://${family === 6 ? `[${address}]` : address}:${CLIENT_PORT}`))];
  } catch (error) {
    throw new ChunkStoreError("no-controller", `controllers can't be found by name; got nothing for ${alias}`, { fix, cause: error });
  }
  throw new ChunkStoreError("no-controller", `controllers can't be found by name; got nothing for ${alias}`, { fix });
}

function lookupAll(name: string): Promise<{ address: string; family: number }[]> {
  return dns.lookup(name, { all: true });
}

/** The controllers of one cluster in the order they are tried: the last good one first, then the others as they were given. */
export class Endpoints {
  private preferred: string | undefined;

  /** @param lastGood the controller that did the last request, of an earlier process perhaps; ignored when it isn't in the list */
  constructor(readonly all: readonly string[], lastGood?: string) {
    if (all.length === 0) throw new ChunkStoreError("usage", "endpoint: no controller is named; got nothing; expected at least one address", { fix: "give --endpoint http://host:port" });
    this.preferred = lastGood !== undefined && all.includes(lastGood) ? lastGood : undefined;
  }

  /** The one that did the last request, if one ever did. */
  get lastGood(): string | undefined {
    return this.preferred;
  }

  good(endpoint: string): void {
    this.preferred = endpoint;
  }

  /** Every endpoint once. Those after the preferred one come next, so that clients that lose one controller don't all go to the first. */
  order(): string[] {
    const start = this.preferred === undefined ? 0 : this.all.indexOf(this.preferred);
    return [...this.all.slice(start), ...this.all.slice(0, start)];
  }

  /** The order after one that just failed. */
  orderAfter(endpoint: string): string[] {
    const start = (this.all.indexOf(endpoint) + 1) % this.all.length;
    return [...this.all.slice(start), ...this.all.slice(0, start)];
  }
}
