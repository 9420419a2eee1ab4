/** Entry of a `pulumi up` by hand: runs the program of the selected stack of the fleet. */
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { findConfig } from "../automation/topology/load";
import { runStack } from "./run";

/** The fleet config: `STACKFLEET_CONFIG`, else the nearest one from the working directory upwards. */
function configFile(): string {
  const given = process.env["STACKFLEET_CONFIG"];
  if (given) return path.resolve(given);
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const found = findConfig(folder);
    if (found !== undefined) return found;
    if (folder === path.dirname(folder)) throw new pulumi.RunError(`no fleet config; got nothing from ${process.cwd()} upwards; expected a fleet.config.ts; make one, or name it in STACKFLEET_CONFIG`);
  }
}

// Pulumi calls an exported function and takes what it resolves to as the stack's outputs.
export = (): Promise<Record<string, unknown>> => runStack({ configFile: configFile(), stack: pulumi.getStack() });
