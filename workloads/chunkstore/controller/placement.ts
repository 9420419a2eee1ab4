/** Which chunkservers an upload goes to, and who looks after it later: pure rules. */
import { createHash } from "node:crypto";

export type ReplicationFactor = "all" | number;

/** A living chunkserver. */
export interface Candidate {
  readonly id: string;
  /** Undefined while it isn't known. */
  readonly freeBytes: number | undefined;
  /** Has no room for another chunk. */
  readonly full: boolean;
  /** Failed lately. */
  readonly suspect: boolean;
}

export interface PlacementRequest {
  readonly upload: string;
  /** Bytes of the whole content. */
  readonly size: number;
  readonly candidates: readonly Candidate[];
  readonly replicationFactor: ReplicationFactor;
  /** `MIN_WRITE_REPLICAS` */
  readonly minReplicas: number;
}

export type Placement =
  | { readonly kind: "placed"; readonly targets: readonly string[]; readonly spares: readonly string[] }
  /** Too few living chunkservers, or enough of them but too few with room. */
  | { readonly kind: "refused"; readonly why: "too-few" | "no-room"; readonly usable: number };

/**
 * The chunkservers that get the upload, and those that step in when one of them fails, in the order of choice.
 * Suspects are taken only when there are too few others. Deterministic.
 */
export function place({ upload, size, candidates, replicationFactor, minReplicas }: PlacementRequest): Placement {
  const roomy = candidates.filter(({ full, freeBytes }) => !full && (freeBytes === undefined || freeBytes >= size));
  if (roomy.length < minReplicas) {
    return { kind: "refused", why: candidates.length < minReplicas ? "too-few" : "no-room", usable: roomy.length };
  }
  const order = (suspect: boolean): string[] => rank(upload, roomy.filter((one) => one.suspect === suspect).map(({ id }) => id));
  const [sound, suspects] = [order(false), order(true)];
  const wanted = Math.max(minReplicas, replicationFactor === "all" ? sound.length : replicationFactor);
  const ordered = [...sound, ...suspects];
  return { kind: "placed", targets: ordered.slice(0, wanted), spares: ordered.slice(wanted) };
}

/** How many replicas an upload should have while so many chunkservers live. */
export function desiredReplicas(replicationFactor: ReplicationFactor, living: number): number {
  return replicationFactor === "all" ? living : Math.min(replicationFactor, living);
}

/**
 * Rendezvous hashing: the nodes ordered by the hash of (key, node), best first. Every key has an order of its own, the same
 * wherever it is computed, and a node that goes or comes changes nothing in the order of the others.
 */
export function rank(key: string, nodes: readonly string[]): string[] {
  return nodes.map((node) => ({ node, score: createHash("sha256").update(key).update("\0").update(node).digest("hex") }))
    .sort((a, b) => (a.score < b.score ? -1 : a.score > b.score ? 1 : 0))
    .map(({ node }) => node);
}

/** The node that is responsible for the key, if there is any. */
export function responsible(key: string, nodes: readonly string[]): string | undefined {
  return rank(key, nodes)[0];
}
