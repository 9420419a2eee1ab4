/** Clients that go on working while something is broken: every operation is counted, every failure kept with its reason. */
import { reasonOf } from "../errors";
import type { Clock, Verdict } from "../model";
import { below } from "../random";
import type { StoreClient } from "./client";
import type { Content } from "./content";

export interface KnownFile { readonly name: string; readonly content: Content }

export interface WorkloadOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** One worker each, at the same time. */
  readonly operations: readonly Operation[];
}

/** One kind of operation, done again and again. Throws when it fails or its result is wrong. */
export interface Operation { readonly kind: "ls" | "download" | "upload"; readonly once: (signal: AbortSignal) => Promise<void> }

export interface Failure { readonly kind: string; readonly atSeconds: number; readonly reason: string }

export interface Account {
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly slowestSeconds: number;
  readonly seconds: number;
}

/** Between two operations of one worker: the drill is no load test. */
const PAUSE_MS = 40;

export class Workload {
  private readonly counts: Record<string, number> = {};
  private readonly failures: Failure[] = [];
  private slowestSeconds = 0;
  private readonly stopping = new AbortController();
  private readonly workers: readonly Promise<void>[];
  private readonly start: number;

  constructor(private readonly options: WorkloadOptions) {
    this.start = options.clock.now();
    for (const { kind } of options.operations) this.counts[kind] = 0;
    this.workers = options.operations.map((operation) => this.work(operation));
  }

  /** Operations of every kind so far, the rarest kind's number. */
  get rounds(): number {
    return Math.min(...Object.values(this.counts));
  }

  /** Lets the operations under way end. */
  async stop(): Promise<Account> {
    this.stopping.abort();
    await Promise.all(this.workers);
    const { counts, failures, slowestSeconds } = this;
    return { counts, failures, slowestSeconds, seconds: (this.options.clock.now() - this.start) / 1000 };
  }

  private async work({ kind, once }: Operation): Promise<void> {
    const { clock, signal } = this.options;
    while (!this.stopping.signal.aborted && !signal.aborted) {
      const began = clock.now();
      try {
        await once(signal);
        this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      } catch (error) {
        if (signal.aborted) return;
        this.failures.push({ kind, atSeconds: (began - this.start) / 1000, reason: reasonOf(error) });
      }
      this.slowestSeconds = Math.max(this.slowestSeconds, (clock.now() - began) / 1000);
      await this.pause();
    }
  }

  private async pause(): Promise<void> {
    try {
      await this.options.clock.sleep(PAUSE_MS, AbortSignal.any([this.options.signal, this.stopping.signal]));
    } catch {
      // stopped: the loop's condition sees it
    }
  }
}

/** Not one failure, and not one kind that never ran: silence is no success. */
export function noFailures({ counts, failures, slowestSeconds, seconds }: Account): Verdict {
  const done = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ");
  const [first] = failures;
  if (first !== undefined) {
    return { ok: false, seconds, detail: `${failures.length} failed (of ${done} that did not); the first at ${first.atSeconds.toFixed(1)} s: ${first.kind}: ${first.reason}` };
  }
  const idle = Object.entries(counts).filter(([, count]) => count === 0).map(([kind]) => kind);
  if (idle.length > 0) return { ok: false, seconds, detail: `no ${idle.join(" and no ")} came to its end in ${seconds.toFixed(1)} s` };
  return { ok: true, seconds, detail: `${done}, 0 failed, the slowest took ${slowestSeconds.toFixed(2)} s` };
}

/** Lists, and misses none of the files that were there before. */
export function listing(client: StoreClient, known: readonly KnownFile[]): Operation {
  return {
    kind: "ls",
    once: async (signal) => {
      const listed = new Set((await client.list(signal)).map(({ name }) => name));
      const missing = known.find(({ name }) => !listed.has(name));
      if (missing) throw new Error(`${missing.name} is not listed`);
    },
  };
}

/** Reads one of the files, any, and compares its bytes. */
export function reading(client: StoreClient, known: readonly KnownFile[], random: () => number): Operation {
  return {
    kind: "download",
    once: async (signal) => {
      const file = known[below(random, known.length)];
      if (file === undefined) throw new Error("the drill has no file to read");
      if ((await client.read(file.name, signal)) !== file.content.sha256) throw new Error(`${file.name} came with other bytes than were stored`);
    },
  };
}

/** Stores the content under a new name each time; `acknowledged` is told what the store has promised to keep. */
export function writing(client: StoreClient, content: Content, prefix: string, acknowledged: (file: KnownFile) => void): Operation {
  let number = 0;
  return {
    kind: "upload",
    once: async (signal) => {
      const name = `${prefix}-${number++}`;
      await client.upload(content.file, name, signal);
      acknowledged({ name, content });
    },
  };
}

/** Runs the operations as long as `body` does, and no longer, however it ends. */
export async function during(options: WorkloadOptions, body: (workload: Workload) => Promise<void>): Promise<Account> {
  const workload = new Workload(options);
  try {
    await body(workload);
  } catch (error) {
    await workload.stop();
    throw error;
  }
  return workload.stop();
}
