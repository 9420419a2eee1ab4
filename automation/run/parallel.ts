/** How many stacks run at once. */
import { availableParallelism } from "node:os";
import { FleetError } from "../errors";

/** Stacks wait for a cloud most of their time, so a core serves several. */
const STACKS_PER_CORE = 4;
const FEWEST = 4;

/** @throws FleetError `usage` when the number is not a positive whole one */
export function slots(parallel: number | "auto", stacks: number): number {
  if (parallel === "auto") return Math.max(1, Math.min(stacks, Math.max(FEWEST, availableParallelism() * STACKS_PER_CORE)));
  if (Number.isSafeInteger(parallel) && parallel >= 1) return parallel;
  throw new FleetError("usage", `--parallel: not a number of stacks; got ${parallel}; expected auto or a whole number from 1`, { source: "user", fix: "use auto" });
}
