/** Tells code that runs inside a config file which folder that file is in. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Shared by every copy of this module in the process: the config file may import another one than the driver's. */
const KEY = Symbol.for("stackfleet.config-folder");
const shared = globalThis as { [KEY]?: AsyncLocalStorage<string> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<string>());

/** Runs `load` as the evaluation of a config file in `folder`, also over its awaits. */
export function inFolder<T>(folder: string, load: () => T): T {
  return storage.run(folder, load);
}

/** True in code that a config file runs while it is loaded, also after its awaits. */
export function isInConfig(): boolean {
  return storage.getStore() !== undefined;
}

/** The folder of the config file being loaded; outside of one, the working directory. */
export function configFolder(): string {
  return storage.getStore() ?? process.cwd();
}
