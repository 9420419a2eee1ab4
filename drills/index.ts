/** Drills: scripted failures of the systems that the stacks deploy, each step timed and checked, and everything put back. */
import { chunkstore } from "./chunkstore/system";
import { DrillError } from "./errors";
import type { DrillSystem } from "./system";

export { systemClock } from "./clock";
export { engineHost, describeHost, type EngineHost } from "./engine/host";
export { localEngine } from "./engine/local";
export { DrillError, reasonOf } from "./errors";
export type { CheckResult, Clock, DrillEvent, DrillsFinished, Listener } from "./model";
export { jsonRenderer } from "./render/json";
export { textRenderer } from "./render/text";
export { checkDrillNames, type DrillListing, type DrillSystem, type PlannedDrill, type PreparedDrills, type PrepareOptions } from "./system";

export const SYSTEMS: readonly DrillSystem[] = [chunkstore];

/** @throws DrillError `unknown-system` */
export function systemNamed(name: string, systems: readonly DrillSystem[] = SYSTEMS): DrillSystem {
  const found = systems.find((system) => system.name === name);
  if (found) return found;
  throw new DrillError("unknown-system", `no such system; got ${name}; expected one of ${systems.map((system) => system.name).join(", ")}`, { usage: true, fix: "see `stackfleet drill`" });
}
