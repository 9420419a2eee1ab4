/** The daemon's program: `node main.js --dir D [--time-scale N]`. Tells its starter over IPC when it serves, or why it can't. */
import { parseArgs } from "node:util";
import { awsPackage } from "./aws/index";
import { registerAwsApis } from "./aws/api/index";
import { dockerPackage } from "./docker/index";
import { dockerService } from "./docker/service";
import { aerospikeService } from "./aerospike/index";
import { runDaemon } from "./run";
import { createContainerRuntime } from "./runtime/index";
import { createFunctionRuntime } from "./runtime/functions";

const { values } = parseArgs({ options: { dir: { type: "string" }, "time-scale": { type: "string" } } });

void runDaemon({
  packages: [awsPackage, dockerPackage],
  createContainers: createContainerRuntime,
  createFunctions: createFunctionRuntime,
  registerApis: registerAwsApis,
  services: [aerospikeService],
  sockets: [dockerService],
}, values);
