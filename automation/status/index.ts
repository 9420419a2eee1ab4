/** The status of a fleet's runs, for any terminal. */
export { readStatus, statusJson, type FleetStatus, type LivenessProbe, type StatusJson } from "./status";
