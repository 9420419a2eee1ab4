/** From the file that declares a fleet to its validated topology. */
export { constellation, type Constellation, type ConstellationOptions } from "./constellation";
export { defineFleet } from "./define";
export { findConfig, loadTopology } from "./load";
export { nearest, oneOf, suggestion } from "./nearest";
export { parseTopology, SHIPPED_PROGRAMS, type ParseOptions } from "./parse";
export { METRICS_STORE_REGIONS, REGIONS, REGIONS_BY_PARTITION } from "./regions";
export type * from "./types";
