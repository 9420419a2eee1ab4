/** A controller as a whole. */
export { AccountsFileError } from "./accounts";
export { startController, type ControllerOptions, type RunningController } from "./controller";
