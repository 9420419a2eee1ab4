/** Which provider instance a call belongs to: every instance of every stack dials a connection of its own. */
import { status } from "@grpc/grpc-js";
import type { ProviderConfiguration } from "../model";
import { RpcError } from "../../providers/wire/rpc";

export interface Connection extends ProviderConfiguration {
  /** Aborted by the engine's `Cancel`, which comes with the first interrupt: ends hangs, and nothing else. */
  readonly cancelled: AbortSignal;
}

interface Entry { readonly abort: AbortController; configuration?: ProviderConfiguration }

/** Oldest ones are forgotten beyond this many; a fleet of 40 stacks has some hundreds. */
const MAX_CONNECTIONS = 10_000;

export class Connections {
  readonly #byPeer = new Map<string, Entry>();

  /** A new connection begins: what an earlier one with the same port had is void. */
  attach(peer: string): void {
    this.#byPeer.delete(peer);
    this.#entry(peer);
  }

  configure(peer: string, configuration: ProviderConfiguration): void {
    this.#entry(peer).configuration = configuration;
  }

  cancel(peer: string): void {
    this.#entry(peer).abort.abort(new Error("the engine cancelled"));
  }

  /** @throws {RpcError} FAILED_PRECONDITION when the connection was never configured */
  get(peer: string): Connection {
    const entry = this.#byPeer.get(peer);
    if (!entry?.configuration) throw new RpcError(status.FAILED_PRECONDITION, "the provider was not configured on this connection; the local cloud may have been restarted: run the command again");
    return { ...entry.configuration, cancelled: entry.abort.signal };
  }

  #entry(peer: string): Entry {
    const known = this.#byPeer.get(peer);
    if (known) return known;
    const entry: Entry = { abort: new AbortController() };
    this.#byPeer.set(peer, entry);
    const [oldest] = this.#byPeer.keys();
    if (this.#byPeer.size > MAX_CONNECTIONS && oldest !== undefined) this.#byPeer.delete(oldest);
    return entry;
  }
}
