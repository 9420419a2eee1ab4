// Writes schema/fleet.schema.json from the zod schemas of the fleet config. Run it after a change there; a test compares the two.
import { mkdirSync, writeFileSync } from "node:fs";
import { register } from "tsx/cjs/api";
import { createRequire } from "node:module";

register();
const { fleetJsonSchema } = createRequire(import.meta.url)("../automation/topology/json-schema.ts");
mkdirSync("schema", { recursive: true });
writeFileSync("schema/fleet.schema.json", `${JSON.stringify(fleetJsonSchema(), undefined, 2)}\n`);
