/** The demo fleet: a multi-region load test with its home and one stack a region, in the form of its sample config. */
import { constellation, defineFleet } from "stackfleet";

export default defineFleet({
  stacks: { ...constellation("./examples/constellation.json") },
});
