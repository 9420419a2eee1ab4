/** The chunkservers as this controller knows them: from their heartbeats, from what other controllers tell, and from its own requests. */
import type { Heartbeat, Peer } from "../contract/nodeApi";
import type { Clock } from "../contract/ports";
import type { Log, NodeAddress } from "./ports";

/** First pause after a failed request, doubled with each further failure in a row. */
const FIRST_SUSPICION_MS = 500;
const LONGEST_SUSPICION_MS = 15_000;
/** A chunkserver that was away for so long is forgotten; if it comes back it tells all again. */
export const FORGET_AFTER_MS = 24 * 3_600_000;
/** A new reading of a latency counts so much. */
const LATENCY_WEIGHT = 0.2;

/** What a chunkserver said of itself last. */
export type Report = Omit<Heartbeat, "id" | "port" | "now">;

export interface Chunkserver extends NodeAddress {
  /** Undefined while only others have heard of it. */
  readonly report: Report | undefined;
  readonly alive: boolean;
  readonly ageMs: number;
  /** A request to it failed lately: use others where there are any. */
  readonly suspect: boolean;
  /** Requests to it that are under way. */
  readonly inFlight: number;
  /** Milliseconds of a chunk's read, smoothed; undefined before the first. */
  readonly latencyMs: number | undefined;
}

interface Entry {
  id: string; address: string; port: number; report: Report | undefined;
  /** Monotonic. */
  seen: number; suspectUntil: number; failures: number; inFlight: number; latencyMs: number | undefined; alive: boolean;
}

export interface ChunkserversOptions {
  readonly clock: Clock;
  readonly heartbeatTimeoutMs: number;
  readonly log: Log;
  /** After a heartbeat that tells of changes, or of a chunkserver that is new here. */
  readonly onHeartbeat?: (id: string) => void;
  /** After it has been silent for too long. */
  readonly onLost?: (node: NodeAddress) => void;
  readonly onForgotten?: (id: string) => void;
}

export class Chunkservers {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly options: ChunkserversOptions) {}

  /** A heartbeat from a connection's address. Two IDs at one place: the one that spoke last lives there. */
  heartbeat(heartbeat: Heartbeat, address: string): void {
    const { id, port, now: _now, ...report } = heartbeat;
    const entry = this.#entries.get(id) ?? this.#add(id, address, port);
    const restarted = entry.report?.inventory.epoch !== report.inventory.epoch;
    if (entry.address !== address || entry.port !== port) Object.assign(entry, { address, port });
    // Its process is another one: what the former failed at says nothing.
    if (restarted) Object.assign(entry, { suspectUntil: 0, failures: 0 });
    Object.assign(entry, { report, seen: this.options.clock.monotonic() });
    this.#displace(entry);
    this.#revived(entry);
    this.options.onHeartbeat?.(id);
  }

  /** What another controller knows; used for places that this one hears nothing of. */
  learn(peers: readonly Peer[]): void {
    const now = this.options.clock.monotonic();
    for (const peer of peers) {
      if (peer.role !== "chunkserver" || peer.ageMs > this.options.heartbeatTimeoutMs) continue;
      const entry = this.#entries.get(peer.id) ?? this.#add(peer.id, peer.address, peer.port);
      if (entry.seen >= now - peer.ageMs) continue;
      // Its own heartbeat is the better witness of its address while it comes.
      if (now - entry.seen > this.options.heartbeatTimeoutMs) Object.assign(entry, { address: peer.address, port: peer.port });
      entry.seen = now - peer.ageMs;
      this.#revived(entry);
    }
  }

  get(id: string): Chunkserver | undefined {
    const entry = this.#entries.get(id);
    return entry && this.#view(entry);
  }

  /** All of them, the dead included, sorted by ID. */
  all(): Chunkserver[] {
    return [...this.#entries.values()].map((entry) => this.#view(entry)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  living(): Chunkserver[] {
    return this.all().filter(({ alive }) => alive);
  }

  isAlive(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && this.#isAlive(entry);
  }

  /** Living ones as peers, for other controllers. */
  peers(): Peer[] {
    return this.living().map(({ id, address, port, ageMs }) => ({ id, role: "chunkserver", address, port, ageMs }));
  }

  /** Counts a request to it; call the result when it has ended. `latencyMs` only for reads of chunks. */
  started(id: string): (outcome: { readonly ok: boolean; readonly latencyMs?: number }) => void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return () => undefined;
    entry.inFlight += 1;
    return ({ ok, latencyMs }) => {
      entry.inFlight -= 1;
      if (!ok) return this.#suspect(entry);
      Object.assign(entry, { failures: 0, suspectUntil: 0 });
      if (latencyMs !== undefined) entry.latencyMs = entry.latencyMs === undefined ? latencyMs : entry.latencyMs + (latencyMs - entry.latencyMs) * LATENCY_WEIGHT;
    };
  }

  /** Notes who has gone silent; call it about every second. */
  sweep(): void {
    const now = this.options.clock.monotonic();
    for (const entry of this.#entries.values()) {
      if (entry.alive && !this.#isAlive(entry)) {
        entry.alive = false;
        this.options.log.warn({ chunkserver: entry.id, address: entry.address, silentSeconds: Math.round((now - entry.seen) / 1000) }, "chunkserver lost");
        this.options.onLost?.({ id: entry.id, address: entry.address, port: entry.port });
      }
      if (now - entry.seen <= FORGET_AFTER_MS) continue;
      this.#entries.delete(entry.id);
      this.options.onForgotten?.(entry.id);
    }
  }

  #add(id: string, address: string, port: number): Entry {
    const entry: Entry = {
      id, address, port, report: undefined, seen: Number.NEGATIVE_INFINITY, suspectUntil: 0, failures: 0, inFlight: 0, latencyMs: undefined, alive: false,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  #revived(entry: Entry): void {
    if (entry.alive || !this.#isAlive(entry)) return;
    entry.alive = true;
    this.options.log.info({ chunkserver: entry.id, address: entry.address, living: this.living().length }, "chunkserver joined");
  }

  /** A chunkserver that lost its volume has another ID at the same place; its former self is gone. */
  #displace(entry: Entry): void {
    for (const other of this.#entries.values()) {
      if (other !== entry && other.address === entry.address && other.port === entry.port) other.seen = Math.min(other.seen, this.options.clock.monotonic() - this.options.heartbeatTimeoutMs - 1);
    }
  }

  #suspect(entry: Entry): void {
    entry.failures += 1;
    entry.suspectUntil = this.options.clock.monotonic() + Math.min(LONGEST_SUSPICION_MS, FIRST_SUSPICION_MS * 2 ** Math.min(10, entry.failures - 1));
  }

  #isAlive(entry: Entry): boolean {
    return this.options.clock.monotonic() - entry.seen <= this.options.heartbeatTimeoutMs;
  }

  #view(entry: Entry): Chunkserver {
    const now = this.options.clock.monotonic();
    const { id, address, port, report, inFlight, latencyMs } = entry;
    return { id, address, port, report, inFlight, latencyMs, alive: this.#isAlive(entry), ageMs: Math.max(0, now - entry.seen), suspect: now < entry.suspectUntil };
  }
}
