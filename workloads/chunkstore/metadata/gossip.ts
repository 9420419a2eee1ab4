/** Metadata between controllers: what changed goes at once and every two seconds, and what got lost is found by comparing digests. */
import type { Clock, NodeClient } from "../contract/ports";
import { AntiEntropy } from "./antiEntropy";
import type { ClusterTime } from "./clusterTime";
import { Exchange } from "./exchange";
import type { Contact, Membership } from "./membership";
import { antiEntropyMessageSchema, gossipMessageSchema, type AntiEntropyReply, type GossipReply } from "./messages";
import { Peering, type Traffic } from "./peering";
import type { MetadataLog, MetadataStore, MetadataTransport } from "./ports";

export interface GossipOptions {
  readonly store: MetadataStore;
  /** This controller, and its port for other nodes. */
  readonly self: { readonly id: string; readonly port: number };
  readonly clock: Clock;
  readonly clusterTime: ClusterTime;
  readonly membership: Membership;
  readonly transport: MetadataTransport;
  readonly log: MetadataLog;
  readonly metrics?: GossipMetrics;
  /** For the choice of peers when there are many; 0 to below 1. @default `Math.random` */
  readonly random?: () => number;
}

/** Called as things happen; for counters. */
export interface GossipMetrics {
  sent?(records: number): void;
  received?(records: number): void;
  conflict?(name: string): void;
  /** A peer could not be reached, or its answer was of no use. */
  failed?(): void;
  /** A message was refused. */
  refused?(): void;
}

export interface RoundReport {
  readonly peers: number;
  readonly failed: number;
  readonly sent: number;
  readonly received: number;
}

export interface AntiEntropyReport extends RoundReport {
  /** Peers whose records differed. */
  readonly differed: number;
}

export interface Gossip {
  /** Exchanges what changed with every other controller (with some, when there are many), both ways, and all of it: pages follow each other. Never rejects. */
  round(): Promise<RoundReport>;
  /** Tells the living controllers what changed here, at once; calls that come while it is under way are served together. Never rejects. */
  push(): Promise<void>;
  /** Compares digests with the other controllers and exchanges what differs. Forgets deleted names whose time has come. Never rejects. */
  antiEntropyRound(): Promise<AntiEntropyReport>;
  /**
   * Answers a peer's message. Nothing of a message that is refused is applied.
   * @param fromAddress of the connection
   * @throws {MessageRefused} 400: it is not what the schema describes, or comes from another node with this one's ID
   */
  handle(body: unknown, fromAddress: string): GossipReply;
  /** As {@link handle}. */
  handleAntiEntropy(body: unknown, fromAddress: string): AntiEntropyReply;
}

/** Up to so many other controllers, a round reaches all of them. */
const ALL_PEERS = 5;
/** Above that, so many at random, besides those that have yet to hear what was written here. */
const FANOUT = 3;

/** The transport of a real node. */
export function nodeTransport(client: Pick<NodeClient, "json">, timeoutMs = 2_000): MetadataTransport {
  return { post: ({ address, port }, path, body, schema) => client.json({ method: "POST", address, port, path, body, timeoutMs }, schema) };
}

export function createGossip(options: GossipOptions): Gossip {
  return new ControllerGossip(options);
}

/** Who is spoken to and when; what is said is in `exchange.ts` and `antiEntropy.ts`. */
class ControllerGossip implements Gossip {
  readonly #membership: Membership;
  readonly #store: MetadataStore;
  readonly #random: () => number;
  readonly #peering: Peering;
  readonly #exchange: Exchange;
  readonly #antiEntropy: AntiEntropy;
  /** Exchanges under way, by address; `again`: something changed since it began. */
  readonly #running = new Map<string, { readonly state: { again: boolean }; readonly done: Promise<Traffic> }>();

  constructor(options: GossipOptions) {
    this.#membership = options.membership;
    this.#store = options.store;
    this.#random = options.random ?? Math.random;
    this.#peering = new Peering(options);
    this.#antiEntropy = new AntiEntropy(this.#peering);
    this.#exchange = new Exchange(this.#peering, this.#antiEntropy);
  }

  async round(): Promise<RoundReport> {
    const traffic = await Promise.all(this.#chosen().map((contact) => this.#talk(contact)));
    return report(traffic);
  }

  async push(): Promise<void> {
    const living = this.#membership.controllers().filter(({ alive }) => alive);
    await Promise.all(living.map((contact) => this.#talk(contact)));
  }

  async antiEntropyRound(): Promise<AntiEntropyReport> {
    this.#store.prune();
    const traffic = await Promise.all(this.#chosen().map((contact) => this.#peering.attempt(contact, async (tally) => void (await this.#antiEntropy.compare(contact, tally)))));
    return { ...report(traffic), differed: traffic.filter(({ differed }) => differed).length };
  }

  handle(body: unknown, fromAddress: string): GossipReply {
    return this.#exchange.answer(this.#peering.accept(gossipMessageSchema, body, fromAddress));
  }

  handleAntiEntropy(body: unknown, fromAddress: string): AntiEntropyReply {
    return this.#antiEntropy.answer(this.#peering.accept(antiEntropyMessageSchema, body, fromAddress));
  }

  /** One exchange with a controller at a time; a call during one leads to another one after it, for all such calls together. */
  #talk(contact: Contact): Promise<Traffic> {
    const key = `${contact.address}|${contact.port}`;
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.state.again = true;
      return running.done;
    }
    const state = { again: true };
    const done = this.#talkWhile(contact, state).finally(() => this.#running.delete(key));
    this.#running.set(key, { state, done });
    return done;
  }

  async #talkWhile(contact: Contact, state: { again: boolean }): Promise<Traffic> {
    let total: Traffic = { sent: 0, received: 0, differed: false, failed: false };
    while (state.again && !total.failed) {
      state.again = false;
      const traffic = await this.#peering.attempt(contact, (tally) => this.#exchange.run(contact, tally));
      total = { ...traffic, sent: total.sent + traffic.sent, received: total.received + traffic.received };
    }
    return total;
  }

  /** All, or when there are many: some at random, and those that haven't confirmed what this node has. */
  #chosen(): Contact[] {
    const all = this.#membership.controllers();
    if (all.length <= ALL_PEERS) return all;
    const behind = all.filter(({ id, alive }) => alive && id !== undefined && this.#exchange.isBehind(id));
    const shuffled = all.map((contact) => ({ contact, at: this.#random() })).sort((a, b) => a.at - b.at).map(({ contact }) => contact);
    return [...new Set([...shuffled.slice(0, FANOUT), ...behind])];
  }
}

function report(traffic: readonly Traffic[]): RoundReport {
  return {
    peers: traffic.length,
    failed: traffic.filter(({ failed }) => failed).length,
    sent: traffic.reduce((sum, one) => sum + one.sent, 0),
    received: traffic.reduce((sum, one) => sum + one.received, 0),
  };
}
