/** Work that several callers wait for, each with a cancellation of its own. */

interface Running<T> { readonly result: Promise<T>; readonly abort: AbortController; waiting: number }

/** Done once for all who ask while it is under way. Who gives up leaves it to the others; it ends when nobody waits any more. */
export class SharedWork<T> {
  #running: Running<T> | undefined;

  constructor(private readonly work: (signal: AbortSignal) => Promise<T>) {}

  /** @throws what the work throws, or the signal's reason at once */
  async join(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const running = (this.#running ??= this.#start());
    running.waiting++;
    try {
      return await untilAborted(running.result, signal);
    } finally {
      running.waiting--;
      if (running.waiting === 0 && this.#running === running) {
        // Whoever asks from now on must not join what is being ended.
        this.#running = undefined;
        running.abort.abort(new Error("nobody waits for this any more"));
      }
    }
  }

  #start(): Running<T> {
    const abort = new AbortController();
    const running: Running<T> = {
      abort, waiting: 0,
      result: this.work(abort.signal).finally(() => {
        if (this.#running === running) this.#running = undefined;
      }),
    };
    return running;
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const gone = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true, signal: gone.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    gone.abort();
  }
}

/** Aborts some time after the signal does: for what a cancellation should not tear off at once. */
export function later(signal: AbortSignal, ms: number): AbortSignal {
  const abort = new AbortController();
  const begin = (): void => void setTimeout(() => abort.abort(signal.reason), ms).unref();
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true });
  return abort.signal;
}
