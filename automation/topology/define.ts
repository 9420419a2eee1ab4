/** The function that users write their fleet with. */
import type { FleetDeclaration } from "./types";

/**
 * Declares a fleet. Returns its argument: it is there for types and completion; checks come when the file is loaded, all at once.
 * @example
 * export default defineFleet({
 *   stacks: {
 *     network: { program: "./stacks/network.ts", region: "eu-west-1" },
 *     database: { program: "./stacks/database.ts", region: "eu-west-1", dependsOn: ["network"] },
 *   },
 * });
 */
export function defineFleet(declaration: FleetDeclaration): FleetDeclaration {
  return declaration;
}
