/** Waiting for the service: how long between two looks, and the account of them. */
import { ApiError } from "../api/errors";
import { later } from "../api/shared";
import type { CallContext } from "./handler";

/** Seconds between two looks. Source of both: the target of 5 to 10 s, against 60 s of the vendor's own tool. */
export const SLOW_POLL_SECONDS = 10;
export const QUICK_POLL_SECONDS = 5;
/** Least real time between two looks, whatever the time scale. */
const MIN_POLL_MS = 50;

/**
 * Seconds until the next look. Slow at first, quick from shortly before the earliest usual end.
 * @param usualSeconds least time that this kind of work takes
 */
export function pollSeconds(elapsedSeconds: number, usualSeconds: number): number {
  return elapsedSeconds < usualSeconds * 0.9 ? SLOW_POLL_SECONDS : QUICK_POLL_SECONDS;
}

export interface Wait<T> {
  /** What is waited for, in messages: `cluster "a" to become active`. */
  readonly what: string;
  /** When the work began, milliseconds since 1970 by our clock. @default now */
  readonly startedAt?: number;
  readonly usualSeconds: number;
  /** Real seconds after which the wait is given up, when the program sets no limit. */
  readonly timeoutSeconds: number;
  /** One look. {@link done} ends the wait; otherwise its phase is shown, with what else there is to say. @throws what ends the wait with an error */
  look(signal: AbortSignal): Promise<Look<T>>;
}

export type Look<T> = { readonly over: true; readonly value: T; readonly phase: string } | { readonly over: false; readonly phase: string; readonly detail?: string };

/** @param phase what the last look saw */
export function done<T>(value: T, phase: string): Look<T> {
  return { over: true, value, phase };
}

export function waiting(phase: string, detail?: string): Look<never> {
  return { over: false, phase, ...(detail !== undefined && { detail }) };
}

/** @throws what `look` throws, the signal's reason, or an Error when the time is up */
export async function waitFor<T>(wait: Wait<T>, context: CallContext): Promise<T> {
  const { timeScale, signal } = context;
  const limit = context.timeoutSeconds > 0 ? context.timeoutSeconds : wait.timeoutSeconds;
  const begun = context.now();
  const startedAt = Math.min(wait.startedAt ?? begun, begun);
  for (let checks = 1; ; checks++) {
    signal.throwIfAborted();
    const seen = await wait.look(signal);
    // What was there at the first look was not waited for, however long ago its work began.
    const elapsedSeconds = ((context.now() - (seen.over && checks === 1 ? begun : startedAt)) / 1000) * timeScale;
    // The engine must have the last one before it has the end of the operation.
    await context.progress(progressText(seen.phase, checks, elapsedSeconds, seen.over ? undefined : seen.detail));
    if (seen.over) return seen.value;
    if (context.now() - begun > limit * 1000) throw new Error(`waiting for ${wait.what} was given up after ${limit} s; it is ${seen.phase}; run the same command again to go on waiting, or set customTimeouts`);
    await context.sleep(Math.max(MIN_POLL_MS, (pollSeconds(elapsedSeconds, wait.usualSeconds) * 1000) / timeScale), signal);
  }
}

/** The form that drivers may read: `phase provisioning; 12 checks; 201s; detail`. */
export function progressText(phase: string, checks: number, elapsedSeconds: number, detail?: string): string {
  return [`phase ${phase}`, `${checks} ${checks === 1 ? "check" : "checks"}`, `${Math.round(elapsedSeconds)}s`, ...(detail === undefined ? [] : [detail])].join("; ");
}

/** Undefined when the service says that there is none. */
export async function orGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof ApiError && error.kind === "not-found") return undefined;
    throw error;
  }
}

/** @throws an Error that says what to do when the service has no such cluster */
export async function ofCluster<T>(clusterId: string, work: Promise<T>): Promise<T> {
  const found = await orGone(work.then((value) => ({ value })));
  if (found !== undefined) return found.value;
  throw new Error(`cluster ${clusterId} isn't there any more: it was deleted outside of this stack, or by a destroy that was interrupted; ${REFRESH}`);
}

/** What takes out of the state what isn't there any more. */
export const REFRESH = "run a refresh (`stackfleet refresh`, or `pulumi refresh`), then up again";

/**
 * Sends a request that can't be repeated blindly. Where its answer got lost, what it was to make is looked for, as long as a list may lag
 * behind; only when it is certainly absent it is sent again.
 * @param find what the request would have made, if it is there
 */
export async function makeOnce<T>(
  parts: { send(): Promise<T>; find(signal: AbortSignal): Promise<T | undefined> }, context: Pick<CallContext, "sleep" | "timeScale" | "info" | "signal">, graceMs = GRACE_MS,
): Promise<T> {
  // The engine's cancellation must not tear this in two at once: an ID that was made should be kept. What isn't found by then, the next run takes over.
  const signal = later(context.signal, graceMs);
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      return await parts.send();
    } catch (error) {
      if (!(error instanceof ApiError) || error.details.mayHaveWorked !== true) {
        // Someone else was quicker.
        const made = error instanceof ApiError && error.kind === "conflict" ? await parts.find(signal) : undefined;
        if (made === undefined) throw error;
        return made;
      }
      context.info(`${error.message}; looking whether it worked all the same`);
      for (let look = 0; look < LOST_REPLY_LOOKS; look++) {
        const found = await parts.find(signal);
        if (found !== undefined) return found;
        await context.sleep(Math.max(MIN_POLL_MS, (QUICK_POLL_SECONDS * 1000) / context.timeScale), signal);
      }
      if (attempt >= MAX_SENDS) throw error;
    }
  }
}

/** Lists lag: a minute is twice the 30 s that the registration of an ID was measured to take. */
const LOST_REPLY_LOOKS = 12;
const MAX_SENDS = 3;
/** After a cancellation; half of it may go by until the request's answer is given up. */
const GRACE_MS = 10_000;
