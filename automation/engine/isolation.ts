/**
 * Keeps one stack's program from failing the others that run in the same process. Pulumi's inline programs install
 * process-wide handlers: an uncaught throw in one program would be taken as its own by every running one.
 */

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;
type Handler = (...args: unknown[]) => void;
type AnyOn = (event: string | symbol, handler: Handler) => NodeJS.Process;

interface StoreHolder { asyncLocalStorage?: { getStore(): unknown } }

/** The running program's store, as the Pulumi SDK keeps it (`global.asyncLocalStorage`, shared by every copy of the SDK). */
function currentStore(): unknown {
  return (globalThis as StoreHolder).asyncLocalStorage?.getStore();
}

/**
 * Installs the isolation for the life of this process:
 * - a handler for uncaught errors runs only for errors of the program that installed it, or of no program at all;
 * - `process.exit` inside a program throws into that program instead of ending everybody's process.
 *
 * @param onStray called with an error that no program's handler took
 */
export function isolatePrograms(onStray: (error: unknown) => void): void {
  const wrapped = new WeakMap<Handler, Handler>();
  const on = process.on.bind(process) as AnyOn;
  const off = process.off.bind(process) as AnyOn;

  const scoped = (handler: Handler): Handler => {
    const owner = currentStore();
    const own = (...args: unknown[]): void => {
      const store = currentStore();
      if (owner === undefined || store === undefined || store === owner) handler(...args);
    };
    wrapped.set(handler, own);
    return own;
  };
  const isErrorEvent = (event: string | symbol): boolean => (EVENTS as readonly (string | symbol)[]).includes(event);
  const patchedOn: AnyOn = (event, handler) => on(event, isErrorEvent(event) ? scoped(handler) : handler);
  const patchedOff: AnyOn = (event, handler) => off(event, wrapped.get(handler) ?? handler);
  Object.assign(process, { on: patchedOn, addListener: patchedOn, off: patchedOff, removeListener: patchedOff });

  // Without any handler Node would end the process at an error that comes after a program's own handlers were taken off.
  for (const event of EVENTS) on(event, (error) => { if (process.listenerCount(event) === 1) onStray(error); });

  const exit = process.exit.bind(process);
  process.exit = ((code?: number) => {
    if (currentStore() !== undefined) throw new Error(`the program called process.exit(${code ?? ""}); throw an error instead`);
    return exit(code);
  }) as typeof process.exit;
}
