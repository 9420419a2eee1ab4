/** What shows a run while it goes on, and what it needs of the world. None can stop the run. */
import type { FleetEvent, RunReport } from "../events";
import type { RunView } from "../report";

/** Shows a run. `view` is the fold of all events up to and including `event`. */
export interface Renderer {
  event(event: FleetEvent, view: RunView): void;
  /** After the last event; resolves when everything is written. */
  finish(report: RunReport): void | Promise<void>;
  /** Gives the terminal back when a run ends without a report. Safe to call at any time, and more than once. */
  close(): void;
}

/** Where text goes; a subset of a Node stream. */
export interface TextSink { write(text: string): unknown }
/** A terminal, or what stands for one. */
export interface Terminal extends TextSink { readonly columns?: number | undefined; readonly rows?: number | undefined; readonly isTTY?: boolean | undefined }

export interface RenderClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls once after a delay. @returns a function that takes it back */
  after(ms: number, call: () => void): () => void;
}

/** Real time; its timers never keep the process alive. */
export const systemClock: RenderClock = {
  now: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Shields a run from its renderer: after the first failure (a closed terminal, a full pipe) the renderer is left alone.
 * @param onFailure told once
 */
export function guarded(renderer: Renderer, onFailure: (error: unknown) => void): Renderer {
  let broken = false;
  const attempt = <T>(call: () => T): T | undefined => {
    if (broken) return undefined;
    try {
      return call();
    } catch (error) {
      fail(error);
      return undefined;
    }
  };
  const fail = (error: unknown): void => {
    if (broken) return;
    broken = true;
    onFailure(error);
  };
  return {
    event: (event, view) => attempt(() => renderer.event(event, view)),
    finish: async (report) => {
      try {
        await attempt(() => renderer.finish(report));
      } catch (error) {
        fail(error);
      }
    },
    close: () => attempt(() => renderer.close()),
  };
}
