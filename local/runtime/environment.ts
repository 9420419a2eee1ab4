/** The folder and the environment a container's processes see: the spec's variables and little else, never the daemon's. */
import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import * as path from "node:path";
import { ServiceError } from "../model";
import { containerFolder, realPath, volumeFolder } from "./files";
import { findImage, type Launch } from "./images";
import type { ContainerSpec } from "./port";
import { RUNTIME_MARKER } from "./processes";
import { viewFile } from "./views";

/** Where the runtime keeps and finds its files. */
export interface RuntimePaths {
  readonly dataDir: string;
  readonly bundlesDir: string;
  /** The compiled `preload.ts`. */
  readonly preload: string;
}

/** All that is needed to start the container's program or a health check beside it. */
export interface Prepared {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes the container's folder (the image's files and the volumes appear in it as links) and its environment.
 * Volumes are not mounted: a program that opens `/data` itself sees the machine's; an image maps paths by variables. `readOnly`
 * is recorded and not enforced, as are limits of CPU and memory.
 * @throws ServiceError for an unknown image or program, or a mount path that leaves the folder
 */
export function prepareContainer(spec: ContainerSpec, address: string, paths: RuntimePaths): Prepared {
  const folder = containerFolder(paths.dataDir, spec.id);
  mkdirSync(folder, { recursive: true });
  const volumes = mountVolumes(spec, folder, paths.dataDir);
  const files = Object.fromEntries((spec.files ?? []).map((file) => [file.path, realPath(paths.dataDir, spec, file.path)]));
  const launch = findImage(spec.image).launch({ bundlesDir: paths.bundlesDir, folder, command: spec.command, volumes, files });
  for (const [name, target] of Object.entries(launch.files)) link(path.join(folder, name), target);
  return { argv: launch.argv, cwd: folder, env: environmentOf(spec, address, folder, launch, paths) };
}

function environmentOf(spec: ContainerSpec, address: string, folder: string, launch: Launch, paths: RuntimePaths): Record<string, string> {
  const given: Record<string, string> = { ...launch.environment, ...spec.environment };
  for (const name of launch.pathVariables ?? []) {
    const value = given[name];
    if (value !== undefined && path.posix.isAbsolute(value)) given[name] = realPath(paths.dataDir, spec, value);
  }
  return {
    // `node` in a command is the Node that runs the daemon.
    PATH: [path.dirname(process.execPath), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(path.delimiter),
    HOME: folder,
    TZ: "UTC",
    ...(spec.hostname !== undefined && { HOSTNAME: spec.hostname }),
    ...given,
    NODE_OPTIONS: [`--require ${quoteNodeOption(paths.preload)}`, given["NODE_OPTIONS"]].filter((option) => option !== undefined).join(" "),
    STACKFLEET_CONTAINER: spec.id,
    STACKFLEET_ADDRESS: address,
    STACKFLEET_NETWORK: viewFile(paths.dataDir, spec.id),
    [RUNTIME_MARKER]: paths.dataDir,
  };
}

/** NODE_OPTIONS takes double quotes with backslash escapes (Node's command-line documentation). */
function quoteNodeOption(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

function mountVolumes(spec: ContainerSpec, folder: string, dataDir: string): Record<string, string> {
  const mounted: Record<string, string> = {};
  for (const { name, mountPath } of spec.volumes ?? []) {
    const real = volumeFolder(dataDir, name);
    const at = path.join(folder, mountPath);
    if (at === folder || !at.startsWith(folder + path.sep)) {
      throw new ServiceError("InvalidParameterException", `volumes[${name}].mountPath: leaves the container; got "${mountPath}"; expected a path below /; choose another`);
    }
    mkdirSync(real, { recursive: true });
    mkdirSync(path.dirname(at), { recursive: true });
    link(at, real);
    mounted[mountPath] = real;
  }
  return mounted;
}

/** Makes or renews a symbolic link. A restart finds the links of the run before. */
function link(at: string, target: string): void {
  const stat = lstatSync(at, { throwIfNoEntry: false });
  // A file that the deployment has put in the place of the image's.
  if (stat !== undefined && !stat.isSymbolicLink()) return;
  if (stat !== undefined) {
    if (readlinkSync(at) === target) return;
    rmSync(at);
  }
  symlinkSync(target, at);
}
