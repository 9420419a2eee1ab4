/** A controller as a whole. */
export { startController, type ControllerOptions, type RunningController } from "./controller";
