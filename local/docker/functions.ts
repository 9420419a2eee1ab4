/** Functions (invokes) of the docker package. */
import type { FunctionModel } from "../model";
import { textOf } from "./define";
import { engineOf } from "./engine/index";
import { linesOf } from "./lines";
import { macAddress } from "./resources/containerOutputs";

const FILE = "local/docker/functions.ts";

const getNetwork: FunctionModel = {
  token: "docker:index/getNetwork:getNetwork",
  file: FILE,
  async invoke(args, _scope, cloud) {
    const { networks, containers } = engineOf(cloud);
    const network = failing("Could not find docker network", () => networks.get(textOf(args["name"])));
    return {
      id: network.id, name: network.name, driver: network.driver, scope: network.scope, internal: network.internal, options: { ...network.options },
      ipamConfigs: network.ipam.map((config) => ({ ...config })),
      containers: containers.membersOf(network.name).filter(({ running }) => running).map((container) => ({
        containerId: container.id, name: container.name, endpointId: "", macAddress: macAddress(container), ipv4Address: `${container.state?.address ?? ""}/10`, ipv6Address: "",
      })),
    };
  },
};

const getRemoteImage: FunctionModel = {
  token: "docker:index/getRemoteImage:getRemoteImage",
  file: FILE,
  async invoke(args, _scope, cloud) {
    const name = textOf(args["name"]);
    const image = engineOf(cloud).images.find(name);
    if (image === undefined) throw new Error(`did not find docker image '${name}'`);
    return { id: image.id, name, repoDigest: image.digest ?? "" };
  },
};

/** Lines of a container's log; `logsListStrings` without the headers that Docker's stream has. */
const getLogs: FunctionModel = {
  token: "docker:index/getLogs:getLogs",
  file: FILE,
  async invoke(args, _scope, cloud) {
    for (const argument of ["follow", "timestamps", "details", "since", "until"]) {
      if (args[argument] !== undefined && args[argument] !== false && args[argument] !== "") throw new Error(`argument "${argument}" is not modelled by the local cloud; extend ${FILE}`);
    }
    const container = failing("error while asking for logs", () => engineOf(cloud).containers.get(textOf(args["name"])));
    const { tail } = args;
    const lines = args["showStdout"] === false || container.state === undefined ? [] : await linesOf(container.runtimeId, cloud, typeof tail === "string" && /^\d+$/.test(tail) ? Number(tail) : undefined);
    return { ...args, id: textOf(args["name"]), logsListStrings: args["logsListStringEnabled"] === false ? [] : lines };
  },
};

function failing<T>(prefix: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new Error(`${prefix}: Error response from daemon: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

export const dockerFunctions: readonly FunctionModel[] = [getNetwork, getRemoteImage, getLogs];
