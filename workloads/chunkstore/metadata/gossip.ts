/** Metadata between controllers: what changed goes at once and every two seconds, and what got lost is found by comparing digests. */
import type { Clock, NodeClient } from "../contract/ports";
import type { ClusterTime } from "./clusterTime";
import type { Membership } from "./membership";
import type { AntiEntropyReply, GossipReply } from "./messages";
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

/** A peer's message that makes no sense; the message says why and quotes none of it. */
export class MessageRefused extends Error {
  override readonly name = "MessageRefused";
  readonly statusCode = 400;
  constructor(readonly code: "invalid-message" | "duplicate-node-id", message: string) {
    super(message);
  }
}

/** The transport of a real node. */
export function nodeTransport(client: Pick<NodeClient, "json">, timeoutMs = 2_000): MetadataTransport {
  return { post: ({ address, port }, path, body, schema) => client.json({ method: "POST", address, port, path, body, timeoutMs }, schema) };
}

export function createGossip(_options: GossipOptions): Gossip {
  throw new Error("in the making");
}
