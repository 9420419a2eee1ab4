/** What a controller says of itself and of the cluster. */
import type { ClusterStatus, Health } from "../contract/clientApi";
import type { RecordStore } from "../contract/ports";
import type { ClusterTime, Membership } from "../metadata";
import { VERSION } from "../node";
import type { Chunkservers } from "./chunkservers";
import type { ReplicationFactor } from "./placement";

/** A clock further off the cluster's than this is worth an operator's look. Logs of two machines can't be read side by side then. */
const CLOCK_SKEW_MS = 2_000;

export type Phase = "starting" | "running" | "stopping";

export interface StatusOptions {
  /** Its ID, and the address at which others reach it as far as it knows. */
  readonly self: { readonly id: string; readonly address: () => string };
  readonly phase: () => Phase;
  readonly store: Pick<RecordStore, "counts" | "digest">;
  readonly membership: Pick<Membership, "members">;
  readonly chunkservers: Pick<Chunkservers, "all" | "living">;
  readonly clusterTime: Pick<ClusterTime, "offsetMs">;
  readonly volumeFull: () => boolean;
  readonly replicationFactor: ReplicationFactor;
  readonly minReplicas: number;
  readonly underReplicated: () => number;
  readonly monotonic: () => number;
}

export class Status {
  readonly #started: number;

  constructor(private readonly options: StatusOptions) {
    this.#started = options.monotonic();
  }

  health(): Health {
    const { self, phase, membership, chunkservers, monotonic } = this.options;
    const reasons = this.#reasons();
    const running = phase() === "running";
    return {
      status: phase() === "stopping" ? "stopping" : !running ? "starting" : reasons.length > 0 ? "degraded" : "ok",
      role: "controller", nodeId: self.id, version: VERSION, uptimeSeconds: Math.round((monotonic() - this.#started) / 1000),
      controllers: 1 + membership.members("controller").filter(({ alive }) => alive).length, chunkservers: chunkservers.living().length, reasons,
    };
  }

  cluster(): ClusterStatus {
    const { self, store, membership, chunkservers, clusterTime, replicationFactor, underReplicated } = this.options;
    const { files, deletedNames, chunks } = store.counts;
    const others = membership.members("controller").map(({ id, address, alive, ageMs }) => ({ id, address, alive, secondsSinceSeen: toSeconds(ageMs) }));
    return {
      nodeId: self.id,
      controllers: [{ id: self.id, address: self.address(), alive: true, secondsSinceSeen: 0 }, ...others].sort((a, b) => (a.id < b.id ? -1 : 1)),
      chunkservers: chunkservers.all().map(({ id, address, alive, ageMs, report }) => ({
        id, address, alive, secondsSinceSeen: toSeconds(ageMs), capacityBytes: report?.capacityBytes ?? 0, freeBytes: report?.freeBytes ?? 0, chunks: report?.chunks ?? 0,
      })),
      replicationFactor, files, deletedNames, chunks, underReplicatedChunks: underReplicated(), metadataDigest: store.digest(), clockOffsetMs: clusterTime.offsetMs,
    };
  }

  #reasons(): string[] {
    const { chunkservers, clusterTime, volumeFull, minReplicas } = this.options;
    const living = chunkservers.living();
    const withRoom = living.filter(({ report }) => report?.full !== true).length;
    const reasons: string[] = [];
    if (living.length === 0) reasons.push("no-chunkservers");
    else if (living.length < minReplicas) reasons.push("too-few-chunkservers");
    else if (withRoom < minReplicas) reasons.push("chunkservers-full");
    if (volumeFull()) reasons.push("disk-full");
    if (Math.abs(clusterTime.offsetMs) > CLOCK_SKEW_MS) reasons.push("clock-skew");
    return reasons;
  }
}

function toSeconds(ms: number): number {
  return Number.isFinite(ms) ? Math.round(ms / 100) / 10 : Number.MAX_SAFE_INTEGER;
}
