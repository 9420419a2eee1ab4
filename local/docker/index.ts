/** The Docker package of the local cloud: every resource type and function that is modelled. */
import { installedVersion } from "../aws/version";
import type { PackageModel } from "../model";
import { dockerFunctions } from "./functions";
import { container } from "./resources/container";
import { image, tag } from "./resources/image";
import { network } from "./resources/network";
import { remoteImage } from "./resources/remoteImage";
import { volume } from "./resources/volume";
import { dockerSettings } from "./settings";

/** Its version is that of the installed SDK: the engine compares the two. */
export const dockerPackage: PackageModel = {
  name: "docker",
  version: installedVersion("@pulumi/docker"),
  settings: dockerSettings,
  resources: [network, volume, container, remoteImage, image, tag],
  functions: dockerFunctions,
};
