/** What the provider reads of a container. */
import type { CloudContext, Properties } from "../../model";
import { textOf } from "../define";
import type { ContainerView } from "../engine/containers";
import { engineOf } from "../engine/index";
import { containerInputs, hostname } from "../engine/spec";

/** Prefix of the loopback range in which all containers have their addresses. */
const PREFIX_LENGTH = 10;
/** Docker's default size of /dev/shm, in MiB. */
const SHM_SIZE = 64;

/** Live outputs; those of a stopped container lack addresses, as Docker's do. */
export function containerOutputs(view: ContainerView, cloud: CloudContext): Properties {
  const { record, running, state } = view;
  const inputs = containerInputs(record);
  const mustRun = inputs.mustRun ?? true;
  return {
    name: view.name,
    bridge: "",
    hostname: hostname(record),
    mustRun: mustRun && running,
    ...(!running && { exitCode: state?.exitCode ?? 0 }),
    ...(running && { exitCode: null }),
    networkDatas: networkDatas(view, cloud),
    init: inputs.init ?? false,
    ipcMode: inputs.ipcMode ?? "private",
    logDriver: inputs.logDriver ?? "json-file",
    networkMode: inputs.networkMode ?? "bridge",
    runtime: inputs.runtime ?? "runc",
    shmSize: inputs.shmSize ?? SHM_SIZE,
    securityOpts: inputs.securityOpts ?? [],
    stopSignal: inputs.stopSignal ?? "",
    stopTimeout: inputs.stopTimeout ?? 0,
    envs: inputs.envs ?? [],
    command: inputs.command ?? [],
    entrypoints: [],
  };
}

function networkDatas(view: ContainerView, cloud: CloudContext): Properties[] {
  const { containers, networks } = engineOf(cloud);
  return containers.networksOf(view).map(({ name }) => {
    const [ipam] = networks.find(name)?.ipam ?? [];
    return {
      networkName: name,
      ipAddress: view.running ? view.state?.address ?? "" : "",
      ipPrefixLength: view.running ? PREFIX_LENGTH : 0,
      gateway: view.running ? textOf(ipam?.["gateway"]) : "",
      macAddress: view.running ? macAddress(view) : "",
      globalIpv6Address: "", globalIpv6PrefixLength: 0, ipv6Gateway: "",
    };
  });
}

/** Docker makes it of the address: 02:42, then its four bytes. */
export function macAddress({ state }: Pick<ContainerView, "state">): string {
  return ["02", "42", ...(state?.address.split(".") ?? []).map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");
}
