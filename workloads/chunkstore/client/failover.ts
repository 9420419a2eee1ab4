/** Tries a request at one controller after the other until one does it. */
import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "../contract/clientApi";
import type { Endpoints } from "./endpoints";
import { AttemptFailed, ChunkStoreError, interrupted } from "./errors";

/** Waits; rejects when the signal aborts. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;

export const realPause: Pause = async (ms, signal) => {
  try {
    await delay(ms, undefined, { ...(signal && { signal }) });
  } catch (error) {
    throw signal?.aborted === true ? interrupted(signal.reason) : error;
  }
};

/** Pauses before the second and the third round over all controllers: what restarts or fails over has settled by then. */
const ROUND_PAUSES_MS = [300, 1_000] as const;
/** No round begins after so long: a user waits. */
const PATIENCE_MS = 8_000;
/** Waits that a controller asks for are kept if they are no longer than this. */
const LONGEST_ASKED_WAIT_SECONDS = 5;
const MOST_ASKED_WAITS = 3;

export interface FailoverOptions {
  readonly endpoints: Endpoints;
  readonly signal?: AbortSignal | undefined;
  /** Order of the first round. @default the last good one first */
  readonly order?: readonly string[];
  /**
   * Refusals that another controller may not share, because it may know more: asked are then all. One from the controller that did
   * the last request counts at once, unless `always`.
   */
  readonly doubtful?: { readonly codes: readonly ErrorCode[]; readonly always?: boolean };
  /** Told of each attempt that failed while there is another to try. */
  readonly onFailover?: ((failed: AttemptFailed, next: string) => void) | undefined;
  /** Asked after a failed attempt; an error that it returns ends everything. */
  readonly giveUp?: (failed: AttemptFailed) => Error | undefined;
  readonly pause?: Pause;
  /** Rounds over all controllers. @default 3 */
  readonly rounds?: number;
}

/**
 * @throws ChunkStoreError a refusal that counts everywhere, at once; otherwise, when all were tried, what they said
 */
export async function tryEach<T>(attempt: (endpoint: string) => Promise<T>, options: FailoverOptions): Promise<T> {
  const { endpoints, pause = realPause, signal, rounds = ROUND_PAUSES_MS.length + 1 } = options;
  const began = performance.now();
  const trusted = endpoints.lastGood;
  let order = options.order ?? endpoints.order();
  for (let round = 0; ; round++) {
    const failed: AttemptFailed[] = [];
    const doubts: ChunkStoreError[] = [];
    for (const [index, endpoint] of order.entries()) {
      try {
        const result = await withAskedWaits(() => attempt(endpoint), pause, signal);
        endpoints.good(endpoint);
        return result;
      } catch (error) {
        if (isDoubtful(error, endpoint === trusted, options)) doubts.push(error);
        else if (error instanceof AttemptFailed) note(error, failed, options, order[index + 1]);
        else throw error;
      }
    }
    const [doubt] = doubts;
    if (doubt !== undefined) throw failed.length === 0 ? doubt : new ChunkStoreError(doubt.code, doubt.message, { ...doubt.options, details: failed.map(({ message }) => message) });
    const wait = ROUND_PAUSES_MS[round];
    if (wait === undefined || round + 1 >= rounds || performance.now() - began > PATIENCE_MS) throw allFailed(failed);
    await pause(wait, signal);
    order = endpoints.order();
  }
}

function isDoubtful(error: unknown, trusted: boolean, { doubtful }: FailoverOptions): error is ChunkStoreError {
  if (!(error instanceof ChunkStoreError) || doubtful === undefined) return false;
  return (doubtful.codes as readonly string[]).includes(error.code) && (doubtful.always === true || !trusted);
}

function note(error: AttemptFailed, failed: AttemptFailed[], { giveUp, onFailover }: FailoverOptions, next: string | undefined): void {
  failed.push(error);
  const end = giveUp?.(error);
  if (end !== undefined) throw end;
  if (next !== undefined) onFailover?.(error, next);
}

/** A controller that is too busy says for how long: short waits are kept, longer ones are told. */
async function withAskedWaits<T>(attempt: () => Promise<T>, pause: Pause, signal: AbortSignal | undefined): Promise<T> {
  for (let waits = 0; ; waits++) {
    try {
      return await attempt();
    } catch (error) {
      const asked = error instanceof ChunkStoreError && error.code === "too-many-requests" ? (error.options.retryAfterSeconds ?? 1) : undefined;
      if (asked === undefined || asked > LONGEST_ASKED_WAIT_SECONDS || waits >= MOST_ASKED_WAITS) throw error;
      await pause(Math.max(100, asked * 1000), signal);
    }
  }
}

/** Which refusal tells a user most, first. */
const TELLING: readonly ErrorCode[] = ["disk-full", "not-enough-chunkservers", "chunk-unavailable", "internal", "starting"];

/** What all controllers together said. */
export function allFailed(failed: readonly AttemptFailed[]): ChunkStoreError {
  const details = failed.map(({ message }) => message);
  const refusals = failed.flatMap(({ refusal }) => refusal ?? []);
  const rank = ({ code }: ChunkStoreError): number => (TELLING as readonly string[]).indexOf(code);
  const [telling] = refusals.toSorted((a, b) => rank(a) - rank(b));
  if (telling !== undefined) return new ChunkStoreError(telling.code, telling.message, { ...telling.options, details });
  return new ChunkStoreError("no-controller", `no controller could answer; got ${failed.length === 1 ? "1 failure" : `${failed.length} failures`}; expected an answer of one of them`, {
    details, fix: "see whether the cluster runs, and whether these are its controllers; name others with --endpoint",
  });
}
