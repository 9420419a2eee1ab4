/**
 * Who belongs to the cluster, as one node knows it: found by DNS, heard of directly, or told by others.
 *
 * Only ages by this node's monotonic clock count, and ages are what nodes tell each other, so that no wrong clock makes a node
 * look dead or alive. One ID at a new address and two IDs at one address: what was heard of last is right. A node moves when
 * its container is made anew, and has a new ID when its volume was lost.
 */
import type { Peer } from "../contract/nodeApi";
import type { Clock } from "../contract/ports";
import { DEFAULTS } from "../contract/settings";
import { MAX_PEERS } from "./messages";
import type { Endpoint, MetadataLog } from "./ports";

export type PeerRole = Peer["role"];

export interface Member extends Peer {
  /** Heard of within the time-out. */
  readonly alive: boolean;
}

/** Where a controller is, or may be: `id` is undefined for an address that DNS gave and nobody has answered at yet. */
export interface Contact extends Endpoint {
  readonly id: string | undefined;
  readonly alive: boolean;
}

export interface MembershipOptions {
  readonly self: { readonly id: string; readonly role: PeerRole };
  readonly clock: Clock;
  /** Silence after which a node counts as failed. @default `HEARTBEAT_TIMEOUT` */
  readonly timeoutMs?: number;
  /** Silence after which a node is forgotten. @default 1 hour */
  readonly forgetMs?: number;
  readonly log?: MetadataLog;
}

const FORGET_MS = 3_600_000;

interface Entry {
  readonly id: string;
  readonly role: PeerRole;
  readonly address: string;
  readonly port: number;
  /** Monotonic. */
  heardAt: number;
}

export class Membership {
  readonly #self: { readonly id: string; readonly role: PeerRole };
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #forgetMs: number;
  readonly #log: MetadataLog | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #byEndpoint = new Map<string, string>();
  #seeds: readonly Endpoint[] = [];
  readonly #ownEndpoints = new Set<string>();

  constructor(options: MembershipOptions) {
    this.#self = options.self;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? DEFAULTS.HEARTBEAT_TIMEOUT * 1000;
    this.#forgetMs = options.forgetMs ?? FORGET_MS;
    this.#log = options.log;
  }

  /** A node spoke to this one, or answered it. */
  heard(node: Omit<Peer, "ageMs">): void {
    this.#note(node, this.#clock.monotonic(), true);
  }

  /**
   * What another node knows.
   * @param elapsedMs how old the news is: the round trip, when they came in an answer
   */
  learn(peers: readonly Peer[], elapsedMs = 0): void {
    const now = this.#clock.monotonic();
    for (const peer of peers) this.#note(peer, now - peer.ageMs - elapsedMs, false);
  }

  /** Addresses of controllers that DNS gives now, this node's own among them; replaces those of the last time. */
  seeds(endpoints: readonly Endpoint[]): void {
    this.#seeds = [...new Map(endpoints.map((one) => [keyOf(one), one])).values()];
    const given = new Set(this.#seeds.map(keyOf));
    for (const own of this.#ownEndpoints) if (!given.has(own)) this.#ownEndpoints.delete(own);
  }

  /** This node answered itself at this address. */
  isSelf(endpoint: Endpoint): void {
    this.#ownEndpoints.add(keyOf(endpoint));
  }

  get(id: string): Member | undefined {
    const entry = this.#entries.get(id);
    return entry && this.#member(entry, this.#clock.monotonic());
  }

  /** All that are known, this node excepted, sorted by ID. */
  members(role?: PeerRole): Member[] {
    this.#forget();
    const now = this.#clock.monotonic();
    const entries = [...this.#entries.values()].filter((entry) => role === undefined || entry.role === role);
    return entries.sort((a, b) => (a.id < b.id ? -1 : 1)).map((entry) => this.#member(entry, now));
  }

  /** For messages: {@link members}, those heard of last first if there are too many. */
  peers(): Peer[] {
    const peers = this.members().map(({ alive: _, ...peer }) => peer);
    return peers.length <= MAX_PEERS ? peers : peers.sort((a, b) => a.ageMs - b.ageMs).slice(0, MAX_PEERS);
  }

  /** Where to gossip: every known controller, and addresses from DNS at which none is known. */
  controllers(): Contact[] {
    const known: Contact[] = this.members("controller").map(({ id, address, port, alive }) => ({ id, address, port, alive }));
    const unknown = this.#seeds.filter((one) => !this.#byEndpoint.has(keyOf(one)) && !this.#ownEndpoints.has(keyOf(one)));
    return [...known, ...unknown.map((one) => ({ ...one, id: undefined, alive: false }))];
  }

  /** @param isDirect the node itself spoke: it is believed rather than a story of the same age */
  #note(node: Omit<Peer, "ageMs">, heardAt: number, isDirect: boolean): void {
    if (node.id === this.#self.id) return;
    const key = keyOf(node);
    const held = this.#entries.get(node.id);
    const before = this.#entries.get(this.#byEndpoint.get(key) ?? "");
    const isNews = (than: Entry): boolean => (isDirect ? heardAt >= than.heardAt : heardAt > than.heardAt);
    if (held !== undefined && !isNews(held)) return;
    if (held === undefined && heardAt < this.#clock.monotonic() - this.#forgetMs) return;
    if (before !== undefined && before.id !== node.id) {
      if (!isNews(before)) return;
      this.#drop(before);
    }
    if (held !== undefined) this.#drop(held);
    const { id, role, address, port } = node;
    this.#entries.set(id, { id, role, address, port, heardAt });
    this.#byEndpoint.set(key, id);
    this.#ownEndpoints.delete(key);
    if (held === undefined) this.#discovered(node);
  }

  #discovered({ id, role, address }: Omit<Peer, "ageMs">): void {
    this.#bound();
    const count = this.#entries.size;
    this.#log?.info({ peer: id, role, address, peers: count }, `discovered ${count} ${count === 1 ? "peer" : "peers"}`);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (this.#byEndpoint.get(keyOf(entry)) === entry.id) this.#byEndpoint.delete(keyOf(entry));
  }

  #forget(): void {
    const oldest = this.#clock.monotonic() - this.#forgetMs;
    for (const entry of this.#entries.values()) {
      if (entry.heardAt >= oldest) continue;
      this.#drop(entry);
      this.#log?.info({ peer: entry.id, role: entry.role }, "forgot a peer");
    }
  }

  /** Memory stays bounded whatever others tell: those not heard of for longest go first. */
  #bound(): void {
    if (this.#entries.size <= MAX_PEERS) return;
    const [oldest] = [...this.#entries.values()].sort((a, b) => a.heardAt - b.heardAt);
    if (oldest) this.#drop(oldest);
  }

  #member({ id, role, address, port, heardAt }: Entry, now: number): Member {
    const ageMs = Math.max(0, now - heardAt);
    return { id, role, address, port, ageMs, alive: ageMs <= this.#timeoutMs };
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address}|${port}`;
}
