/** Physical names, for the few resources whose service makes none up. Everything else is named by Pulumi: logical name, `-`, random hex. */
import * as pulumi from "@pulumi/pulumi";

/** `<project>-<part>-<part>` in the characters that ECS allows: letters, digits, `-` and `_`. At most 255 characters. */
export function physicalName(...parts: readonly string[]): string {
  return [pulumi.getProject(), ...parts].join("-").replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 255);
}
