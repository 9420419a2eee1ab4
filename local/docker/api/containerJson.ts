/** Containers in the form of the Engine API. Uploaded files, which hold secrets, are in none. */
import type { CloudContext } from "../../model";
import type { ContainerView } from "../engine/containers";
import { engineOf } from "../engine/index";
import { containerInputs, healthCheckOf, hostAddress, hostname, publishedPorts, volumeMounts, type PublishedPort } from "../engine/spec";
import { nanoseconds } from "../duration";
import { macAddress } from "../resources/containerOutputs";

/** Go's zero time, which Docker gives where nothing has happened yet. */
const NEVER = "0001-01-01T00:00:00Z";
const MIB = 1024 * 1024;

/** One line of `docker ps`. */
export function summaryOf(view: ContainerView, cloud: CloudContext): object {
  const inputs = containerInputs(view.record);
  return {
    Id: view.id, Names: [`/${view.name}`], Image: inputs.image, ImageID: engineOf(cloud).containers.imageOf(view), Command: (inputs.command ?? []).join(" "),
    Created: Math.floor(Date.parse(view.record.createdAt) / 1_000), State: view.status, Status: statusText(view, cloud.clock.now()), Labels: view.labels,
    Ports: publishedPorts(view.record.outputs).map(({ internal, external, ip, protocol }) => ({ PrivatePort: internal, Type: protocol, ...(view.running && { IP: ip, PublicPort: external }) })),
    HostConfig: { NetworkMode: inputs.networkMode ?? "bridge" }, NetworkSettings: { Networks: endpoints(view, cloud) }, Mounts: mounts(view, cloud),
  };
}

/** `docker inspect`. */
export function inspectionOf(view: ContainerView, cloud: CloudContext): object {
  const { record, state } = view;
  const { containers } = engineOf(cloud);
  const command = containerInputs(record).command ?? [];
  return {
    Id: view.id, Name: `/${view.name}`, Created: record.createdAt, Path: command[0] ?? "", Args: command.slice(1), State: stateOf(view), Image: containers.imageOf(view),
    RestartCount: state?.restarts ?? 0, Driver: "overlay2", Platform: "linux", LogPath: state?.logFile ?? "", HostConfig: hostConfig(view), Mounts: mounts(view, cloud),
    Config: config(view, cloud), GraphDriver: { Name: "overlay2", Data: null }, ExecIDs: null, AppArmorProfile: "", ProcessLabel: "", MountLabel: "",
    NetworkSettings: { Bridge: "", SandboxID: "", SandboxKey: "", Ports: view.running ? portMap(publishedPorts(record.outputs)) : {}, Networks: endpoints(view, cloud) },
  };
}

function stateOf({ status, running, state }: ContainerView): object {
  const health = state === undefined || state.health === "none" ? undefined : { Status: state.health, FailingStreak: state.health === "unhealthy" ? 1 : 0, Log: [] };
  return {
    Status: status, Running: running, Paused: false, Restarting: status === "restarting", OOMKilled: false, Dead: false, Pid: running ? state?.pid ?? 0 : 0,
    ExitCode: running ? 0 : state?.exitCode ?? 0, Error: "", StartedAt: state?.startedAt ?? NEVER, FinishedAt: state?.finishedAt ?? NEVER, ...(health && { Health: health }),
  };
}

function config(view: ContainerView, cloud: CloudContext): object {
  const { record } = view;
  const inputs = containerInputs(record);
  const image = engineOf(cloud).images.find(engineOf(cloud).containers.imageOf(view));
  const check = healthCheckOf(record, image);
  return {
    Hostname: hostname(record), Domainname: inputs.domainname ?? "", User: inputs.user ?? "", Env: inputs.envs ?? [], Cmd: inputs.command ?? null, Entrypoint: null,
    Image: inputs.image, WorkingDir: "", Labels: { ...image?.labels, ...view.labels }, Tty: false, OpenStdin: inputs.stdinOpen ?? false, Volumes: null,
    ExposedPorts: Object.fromEntries(publishedPorts(record.outputs).map(({ internal, protocol }) => [`${internal}/${protocol}`, {}])),
    ...(inputs.stopSignal !== undefined && { StopSignal: inputs.stopSignal }), ...(inputs.stopTimeout !== undefined && { StopTimeout: inputs.stopTimeout }),
    ...(check && { Healthcheck: {
      Test: check.command, Interval: nanoseconds(check.intervalSeconds), Timeout: nanoseconds(check.timeoutSeconds), StartPeriod: nanoseconds(check.startPeriodSeconds), Retries: check.retries,
    } }),
  };
}

function hostConfig({ record }: ContainerView): object {
  const inputs = containerInputs(record);
  return {
    Binds: volumeMounts(record).filter(({ anonymous }) => !anonymous).map(({ name, mountPath, readOnly }) => `${name}:${mountPath}:${readOnly ? "ro" : "rw"}`),
    NetworkMode: inputs.networkMode ?? "bridge", PortBindings: portMap(publishedPorts(record.outputs)),
    RestartPolicy: { Name: inputs.restart ?? "no", MaximumRetryCount: inputs.maxRetryCount ?? 0 }, AutoRemove: false, Privileged: false,
    ReadonlyRootfs: inputs.readOnly ?? false, Init: inputs.init ?? false, CapAdd: inputs.capabilities?.adds ?? null, CapDrop: inputs.capabilities?.drops ?? null,
    SecurityOpt: inputs.securityOpts ?? null, Memory: (inputs.memory ?? 0) * MIB, MemoryReservation: (inputs.memoryReservation ?? 0) * MIB,
    NanoCpus: Math.round(Number(inputs.cpus ?? 0) * 1e9), CpuShares: inputs.cpuShares ?? 0, CpusetCpus: inputs.cpuSet ?? "", Tmpfs: inputs.tmpfs ?? {},
    LogConfig: { Type: inputs.logDriver ?? "json-file", Config: inputs.logOpts ?? {} }, GroupAdd: inputs.groupAdds ?? null, IpcMode: inputs.ipcMode ?? "private", Runtime: inputs.runtime ?? "runc",
  };
}

/** Addresses only while it runs, as Docker has it. */
function endpoints(view: ContainerView, cloud: CloudContext): Record<string, object> {
  const { containers, networks } = engineOf(cloud);
  return Object.fromEntries(containers.networksOf(view).map(({ name, aliases }) => {
    const network = networks.find(name);
    const address = view.running ? view.state?.address ?? "" : "";
    const own = aliases.filter((alias) => alias !== view.name && alias !== view.id.slice(0, 12));
    return [name, {
      IPAMConfig: null, Links: null, Aliases: own.length > 0 ? own : null, DNSNames: aliases, DriverOpts: null, NetworkID: network?.id ?? "", EndpointID: view.running ? endpointId(view, name) : "",
      Gateway: view.running ? "127.0.0.1" : "", IPAddress: address, IPPrefixLen: view.running ? 10 : 0, MacAddress: view.running ? macAddress(view) : "",
      IPv6Gateway: "", GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0,
    }];
  }));
}

/** The same for the same container on the same network. */
export function endpointId({ id }: Pick<ContainerView, "id">, network: string): string {
  return `${Buffer.from(network).toString("hex").slice(0, 32)}${id}`.slice(0, 64);
}

function mounts({ record }: ContainerView, cloud: CloudContext): object[] {
  const { volumes } = engineOf(cloud);
  return volumeMounts(record).map(({ name, mountPath, readOnly }) => ({
    Type: "volume", Name: name, Source: volumes.mountpoint(name), Destination: mountPath, Driver: "local", Mode: readOnly ? "ro" : "rw", RW: !readOnly, Propagation: "",
  }));
}

function portMap(ports: readonly PublishedPort[]): Record<string, object[]> {
  return Object.fromEntries(ports.map(({ internal, external, ip, protocol }) => [`${internal}/${protocol}`, [{ HostIp: ip === "0.0.0.0" ? hostAddress(ip) : ip, HostPort: String(external) }]]));
}

function statusText({ status, running, state }: ContainerView, now: Date): string {
  if (status === "created") return "Created";
  if (status === "removing") return "Removal In Progress";
  if (!running) return `Exited (${state?.exitCode ?? 0}) ${sinceText(state?.finishedAt, now)} ago`.replace(/ +ago$/, (end) => (state?.finishedAt === undefined ? "" : end));
  const health = state === undefined || state.health === "none" ? "" : ` (${state.health === "starting" ? "health: starting" : state.health})`;
  return status === "restarting" ? `Restarting (${state?.exitCode ?? 0})` : `Up ${sinceText(state?.startedAt, now)}${health}`;
}

/** Docker's short form: the largest unit only. */
function sinceText(time: string | undefined, now: Date): string {
  if (time === undefined) return "";
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(time)) / 1_000));
  if (seconds < 1) return "Less than a second";
  const [amount, unit] = seconds < 60 ? [seconds, "second"] : seconds < 3_600 ? [Math.floor(seconds / 60), "minute"]
    : seconds < 86_400 ? [Math.floor(seconds / 3_600), "hour"] : [Math.floor(seconds / 86_400), "day"];
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}
