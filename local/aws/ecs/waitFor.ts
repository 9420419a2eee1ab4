/** Waits for a condition that is looked at again on every change. */

/**
 * @param look true when it holds; what it throws ends the wait
 * @param subscribe returns the unsubscribe function
 * @throws the signal's reason when it aborts
 */
export function waitFor(look: () => boolean, subscribe: (listener: () => void) => () => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      unsubscribe();
      signal.removeEventListener("abort", again);
      finish();
    };
    const again = (): void => {
      try {
        signal.throwIfAborted();
        if (look()) settle(resolve);
      } catch (error) {
        settle(() => reject(error as Error));
      }
    };
    const unsubscribe = subscribe(again);
    signal.addEventListener("abort", again);
    again();
  });
}
