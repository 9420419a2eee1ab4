/** What every message between controllers has in common: who speaks, what is checked before anything is used, and what is told to the log. */
import type { ZodType } from "zod";
import type { Cursor } from "../contract/nodeApi";
import type { MergeResult } from "../contract/ports";
import { MAX_STAMP_TIME, type FileRecord } from "../contract/record";
import { ONE_WAY_ROUND_TRIP_MS } from "./clusterTime";
import type { GossipOptions } from "./gossip";
import type { Contact } from "./membership";
import type { MetadataStore } from "./ports";

/** The fields of every message and reply. */
export interface Speaker {
  readonly id: string;
  readonly port: number;
  readonly now: number;
  readonly digest: string;
  readonly head: Cursor;
}

/** What went to and came from one controller. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
  readonly failed: boolean;
  readonly differed: boolean;
}

/** {@link Traffic} while it is counted. */
export interface Tally {
  sent: number;
  received: number;
  differed: boolean;
}

/** A peer's message that makes no sense; the text says why and quotes none of it. */
export class MessageRefused extends Error {
  override readonly name = "MessageRefused";
  readonly statusCode = 400;
  constructor(readonly code: "invalid-message" | "duplicate-node-id", message: string) {
    super(message);
  }
}

/** Conflicts of one message that are told one by one; the others are at level debug. */
const CONFLICTS_TOLD = 20;
/** Complaints that are remembered so that each is told once; a bound for memory. */
const MAX_COMPLAINTS = 1_000;

export class Peering {
  readonly #options: GossipOptions;
  /** Refusals that were told. */
  readonly #complaints = new Set<string>();
  /** Controllers that can't be talked to, by address, and why. */
  readonly #failing = new Map<string, string>();

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  get store(): MetadataStore {
    return this.#options.store;
  }

  /** Read from the store at one moment: the digest is that of the log up to `head`. */
  speaker(): Speaker {
    const { self, clock, store } = this.#options;
    const now = Math.min(MAX_STAMP_TIME, Math.max(0, clock.now()));
    return { id: self.id, port: self.port, now, digest: store.digest(), head: store.head };
  }

  peers(): ReturnType<GossipOptions["membership"]["peers"]> {
    return this.#options.membership.peers();
  }

  learn(peers: Parameters<GossipOptions["membership"]["learn"]>[0], elapsedMs: number): void {
    this.#options.membership.learn(peers, elapsedMs);
  }

  /** Merges what a peer sent. */
  merge(records: readonly FileRecord[], from: Speaker): MergeResult {
    const { store, log, metrics } = this.#options;
    const result = store.mergeFrom(records, from.head.epoch);
    metrics?.received?.(records.length);
    result.conflicts.forEach((name, index) => {
      metrics?.conflict?.(name);
      const winner = store.get(name);
      // After a long partition there may be thousands.
      log[index < CONFLICTS_TOLD ? "info" : "debug"]({ name, winner: winner?.stamp.node, kind: winner?.state.kind, version: winner?.version }, "resolved conflict");
    });
    if (result.conflicts.length > CONFLICTS_TOLD) log.info({ conflicts: result.conflicts.length }, `resolved ${result.conflicts.length} conflicts`);
    return result;
  }

  /**
   * Sends a message and resolves with the checked answer, after noting who answered, and when by its clock.
   * Resolves with undefined when this node answered itself.
   */
  async ask<T extends Speaker>(contact: Contact, path: string, body: unknown, schema: ZodType<T>): Promise<{ readonly reply: T; readonly roundTripMs: number } | undefined> {
    const { transport, clock, clusterTime, membership, self, store } = this.#options;
    const sentAt = clock.monotonic();
    const reply = await transport.post(contact, path, body, schema);
    const roundTripMs = clock.monotonic() - sentAt;
    if (reply.id === self.id) {
      if (reply.head.epoch !== store.head.epoch) throw duplicate(self.id);
      membership.isSelf(contact);
      return undefined;
    }
    membership.heard({ id: reply.id, role: "controller", address: contact.address, port: contact.port });
    clusterTime.sample(reply.id, reply.now, roundTripMs);
    return { reply, roundTripMs };
  }

  /**
   * Checks a message that arrived, and notes who sent it.
   * @throws {MessageRefused}
   */
  accept<T extends Speaker>(schema: ZodType<T>, body: unknown, fromAddress: string): T {
    const { membership, clusterTime, self, store } = this.#options;
    const parsed = schema.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.map((part) => (typeof part === "number" ? "*" : String(part))).join(".") || "message";
      throw this.#refuse(fromAddress, new MessageRefused("invalid-message", `${where}: ${issue?.code ?? "invalid"}; expected what the protocol describes`));
    }
    const message = parsed.data;
    if (message.id !== self.id) {
      membership.heard({ id: message.id, role: "controller", address: fromAddress, port: message.port });
      clusterTime.sample(message.id, message.now, ONE_WAY_ROUND_TRIP_MS);
    } else if (message.head.epoch !== store.head.epoch) {
      throw this.#refuse(fromAddress, duplicate(self.id));
    }
    return message;
  }

  /** Runs a conversation; its failure is told once until it changes or the peer can be talked to again. */
  async attempt(contact: Contact, conversation: (tally: Tally) => Promise<void>): Promise<Traffic> {
    const { log, metrics } = this.#options;
    const tally: Tally = { sent: 0, received: 0, differed: false };
    let failed = false;
    try {
      await conversation(tally);
      this.#recovered(contact);
    } catch (error) {
      failed = true;
      metrics?.failed?.();
      this.#failed(contact, error);
    }
    if (tally.sent > 0) {
      metrics?.sent?.(tally.sent);
      log.info({ peer: contact.id, address: contact.address, updates: tally.sent }, `sent ${tally.sent} ${tally.sent === 1 ? "update" : "updates"}`);
    }
    return { ...tally, failed };
  }

  #failed({ id, address, port }: Contact, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const key = `${address}|${port}`;
    if (this.#failing.get(key) === reason) return;
    bound(this.#failing);
    this.#failing.set(key, reason);
    this.#options.log.warn({ peer: id, address, port, reason }, "can't exchange metadata with a controller");
  }

  #recovered({ id, address, port }: Contact): void {
    if (this.#failing.delete(`${address}|${port}`)) this.#options.log.info({ peer: id, address, port }, "exchanging metadata with the controller again");
  }

  #refuse(address: string, refusal: MessageRefused): MessageRefused {
    const { log, metrics } = this.#options;
    metrics?.refused?.();
    const complaint = `${address}|${refusal.message}`;
    if (!this.#complaints.has(complaint)) {
      bound(this.#complaints);
      this.#complaints.add(complaint);
      log.warn({ address, code: refusal.code, reason: refusal.message }, "refused a message");
    }
    return refusal;
  }
}

function duplicate(id: string): MessageRefused {
  return new MessageRefused("duplicate-node-id", `another node uses this node's ID; got ${id}; expected an ID of its own for each node; unset CONTROLLER_NODE_ID, or set it otherwise`);
}

/** Makes room for one more by dropping the oldest. */
function bound(remembered: Set<string> | Map<string, string>): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size < MAX_COMPLAINTS) return;
    remembered.delete(oldest);
  }
}
