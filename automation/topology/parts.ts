/** Parts of a stack that can be run alone: component resources with all that is below them, as targets of the engine. Pure. */
import { FleetError } from "../errors";
import { oneOf, suggestion } from "./nearest";
import type { StackNode, StackPart } from "./types";

/** Parts of the shipped programs, by program and name. */
export const SHIPPED_PARTS: Readonly<Record<string, Readonly<Record<string, StackPart>>>> = {
  aerospike: {
    cluster: { component: "stackfleet:aerospike:ManagedCluster", under: ["stackfleet:aerospike:AerospikeClusterPeering"] },
    client: { component: "stackfleet:aerospike:ClientFleet", under: ["stackfleet:aerospike:AerospikeClusterPeering"] },
    peering: { component: "stackfleet:aerospike:Peering", under: ["stackfleet:aerospike:AerospikeClusterPeering"] },
  },
};

/**
 * The engine's targets (URN globs, where `**` stands for anything) of one part: the component and what is below it, and the components
 * above it, themselves only, because nothing can be created without its parents.
 */
export function partTargets(stack: string, project: string, { component, under = [] }: StackPart): readonly string[] {
  const urn = (types: string): string => `urn:pulumi:${stack}::${project}::**${types}`;
  return [urn(`${component}::**`), urn(`${component}$**`), ...under.map((type) => urn(`${type}::**`))];
}

/**
 * The stack that `--only` means, of those selected.
 * @throws FleetError `part-unknown` when none, or more than one, has such a part
 */
export function stackOfPart(part: string, selected: readonly StackNode[]): StackNode {
  const names = [...new Set(selected.flatMap(({ parts = {} }) => Object.keys(parts)))].sort();
  const having = selected.filter(({ parts = {} }) => Object.hasOwn(parts, part));
  const [only] = having;
  if (having.length === 1 && selected.length === 1 && only !== undefined) return only;
  if (only === undefined) {
    const problem = names.length === 0 ? "no selected stack has parts" : "no selected stack has such a part";
    throw new FleetError("part-unknown", `--only: ${problem}; got ${JSON.stringify(part)}; expected ${oneOf(names)}`, {
      source: "user", fix: suggestion(part, names, "select the stack that has it, or leave --only out"),
    });
  }
  throw new FleetError("part-ambiguous", `--only: goes with exactly one stack; got ${selected.length} selected stacks`, {
    source: "user", fix: `name the stack: ${having.map(({ name }) => `${name} --only ${part}`).join(", or ")}`,
  });
}
