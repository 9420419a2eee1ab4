/** The daemon of `chain.ts`, as a process of its own: `node chain-daemon.mts --dir D`. Runs the compiled core. */
import { createRequire } from "node:module";
import * as path from "node:path";
import { parseArgs } from "node:util";

const require = createRequire(import.meta.url);
const dist = process.env["STACKFLEET_TEST_DIST"] ?? path.join(import.meta.dirname, "..", "..", "dist");
const { runDaemon } = require(path.join(dist, "local", "run.js")) as typeof import("../../local/run.js");
const { chainPackage, noContainers, noFunctions } = require("./chain.ts") as typeof import("./chain.js");

const { values } = parseArgs({ options: { dir: { type: "string" }, "time-scale": { type: "string" } } });
void runDaemon({
  packages: [chainPackage()],
  createContainers: async () => noContainers(),
  createFunctions: () => noFunctions(),
  registerApis: () => undefined,
}, values);
