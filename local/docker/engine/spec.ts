/** A container of a stack as the container runtime takes it. */
import { createHash } from "node:crypto";
import type { Properties, ResourceRecord } from "../../model";
import { parseImage } from "../../runtime/images";
import type { ContainerSpec, HealthCheck } from "../../runtime/port";
import { labelMap, listOf, objectOf, textOf } from "../define";
import { parseDuration } from "../duration";
import type { ContainerInputs } from "../resources/containerArgs";
import type { ImageHealthCheck } from "./dockerfile";
import { DEFAULT_NETWORK } from "./networks";
import type { StoredImage } from "./state";

/** Docker's defaults of a health check, in seconds. Source: Dockerfile reference, HEALTHCHECK. */
const HEALTH_DEFAULTS = { interval: 30, timeout: 30, retries: 3, startPeriod: 0 } as const;
/** Seconds between the stop signal and SIGKILL. Source: docker stop. */
const STOP_SECONDS = 10;
/** Of files whose permissions are not given. Source: terraform-provider-docker, resourceDockerContainerCreate. */
const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o744;
/** Label of the runtime's container that names the image it was made from. */
export const IMAGE_LABEL = "docker.image";
/** A runtime id is a file name of at most 128 characters. */
const LONGEST_NAME = 100;

/** The inputs of a container's record, which were checked when it was created. */
export function containerInputs(record: ResourceRecord): ContainerInputs {
  return record.inputs as unknown as ContainerInputs;
}

/** Name and the start of the id: a later container of the same name has a log of its own. */
export function runtimeId(record: ResourceRecord): string {
  return `${textOf(record.outputs["name"]).slice(0, LONGEST_NAME)}-${record.id.slice(0, 12)}`;
}

/** How Docker calls a container that is given no host name: the first twelve digits of its id. */
export function hostname(record: ResourceRecord): string {
  return containerInputs(record).hostname ?? record.id.slice(0, 12);
}

/** Mounted volumes, with the names that anonymous ones got. */
export interface VolumeMount { readonly name: string; readonly mountPath: string; readonly readOnly: boolean; readonly anonymous: boolean }

/** An anonymous volume is named after its container and its place, so that it is found again. */
export function volumeMounts(record: ResourceRecord): VolumeMount[] {
  const { volumes = [], mounts = [] } = containerInputs(record);
  const own = (at: string) => `${record.id.slice(0, 32)}${createHash("sha256").update(at).digest("hex").slice(0, 32)}`;
  const mount = (name: string | undefined, mountPath: string, readOnly = false): VolumeMount =>
    (name === undefined || name === "" ? { name: own(mountPath), mountPath, readOnly, anonymous: true } : { name, mountPath, readOnly, anonymous: false });
  return [
    ...volumes.map((volume) => mount(volume.volumeName, volume.containerPath, volume.readOnly)),
    ...mounts.filter(({ type }) => type === "volume").map((volume) => mount(volume.source, volume.target, volume.readOnly)),
  ];
}

/** Networks that a container is created with: references as the program gives them, names or ids. */
export function askedNetworks(record: ResourceRecord): readonly { readonly reference: string; readonly aliases: readonly string[] }[] {
  const { networksAdvanced = [], networkMode = DEFAULT_NETWORK } = containerInputs(record);
  const advanced = networksAdvanced.map(({ name, aliases = [] }) => ({ reference: name, aliases }));
  // The provider takes a container off the default network when it names others; off a network named by its mode, it doesn't.
  const mode = networkMode === "default" ? DEFAULT_NETWORK : networkMode;
  if (mode === "none" || (mode === DEFAULT_NETWORK && advanced.length > 0)) return advanced;
  return [{ reference: mode, aliases: [] }, ...advanced.filter(({ reference }) => reference !== mode)];
}

/** Names to which a container answers on a network: on the default one, none (as in Docker). */
export function namesOn(network: string, record: ResourceRecord, aliases: readonly string[]): string[] {
  if (network === DEFAULT_NETWORK) return [];
  return [...new Set([textOf(record.outputs["name"]), record.id.slice(0, 12), ...aliases])];
}

export interface PublishedPort { readonly internal: number; readonly external: number; readonly ip: string; readonly protocol: string }

/** Published ports with the numbers that were chosen for those without one. */
export function publishedPorts(outputs: Properties): PublishedPort[] {
  return listOf(outputs["ports"]).map(objectOf).map(({ internal, external, ip, protocol }) => ({
    internal: Number(internal), external: typeof external === "number" ? external : 0, ip: textOf(ip, "0.0.0.0") || "0.0.0.0", protocol: textOf(protocol, "tcp"),
  }));
}

/** Where a published port really listens: the loopback only. */
export function hostAddress(ip: string): string {
  return ip === "0.0.0.0" || ip === "::" ? "127.0.0.1" : ip;
}

/** `NAME=value`; a name alone would take the variable from the image, which sets what it sets here too. */
export function environmentOf(envs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(envs.filter((entry) => entry.indexOf("=") > 0).map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
}

/** The container's own check, else the image's; undefined when there is none, or it is switched off. */
export function healthCheckOf(record: ResourceRecord, image: StoredImage | undefined): HealthCheck | undefined {
  const { healthcheck } = containerInputs(record);
  const own = healthcheck && asImageCheck(healthcheck);
  const check: ImageHealthCheck | undefined = own && own.test.length > 0 ? own : image?.healthCheck && { ...image.healthCheck, ...withoutZeros(own) };
  if (check === undefined || check.test[0] === "NONE") return undefined;
  const positive = (value: number | undefined, fallback: number) => (value !== undefined && value > 0 ? value : fallback);
  return {
    command: check.test, intervalSeconds: positive(check.intervalSeconds, HEALTH_DEFAULTS.interval), timeoutSeconds: positive(check.timeoutSeconds, HEALTH_DEFAULTS.timeout),
    retries: positive(check.retries, HEALTH_DEFAULTS.retries), startPeriodSeconds: check.startPeriodSeconds ?? HEALTH_DEFAULTS.startPeriod,
  };
}

function asImageCheck({ tests = [], interval, timeout, startPeriod, retries }: NonNullable<ContainerInputs["healthcheck"]>): ImageHealthCheck {
  const seconds = (text: string | undefined): number => parseDuration(text ?? "0") ?? 0;
  return { test: tests, intervalSeconds: seconds(interval), timeoutSeconds: seconds(timeout), startPeriodSeconds: seconds(startPeriod), retries: retries ?? 0 };
}

/** What a container says of a check that is the image's: zeros mean the image's own values. */
function withoutZeros(check: ImageHealthCheck | undefined): Partial<ImageHealthCheck> {
  const { test: _test, ...numbers } = check ?? { test: [] };
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0));
}

/** @param networks the networks to join, by name */
export function specOf(record: ResourceRecord, image: StoredImage, networks: readonly { readonly name: string; readonly aliases: readonly string[] }[]): ContainerSpec {
  const inputs = containerInputs(record);
  const healthCheck = healthCheckOf(record, image);
  const ports = publishedPorts(record.outputs);
  const stopSignal = signalName(inputs.stopSignal ?? "");
  return {
    id: runtimeId(record),
    image: image.tags.find((tag) => parseImage(tag).repository === image.repository) ?? image.repository,
    ...(inputs.command && { command: inputs.command }),
    environment: environmentOf(inputs.envs),
    networks: networks.map(({ name, aliases }) => ({ name, aliases: namesOn(name, record, aliases) })),
    volumes: volumeMounts(record).map(({ name, mountPath, readOnly }) => ({ name, mountPath, readOnly })),
    files: (inputs.uploads ?? []).map((upload) => ({ path: upload.file, content: uploadedContent(upload), mode: uploadedMode(upload) })),
    publish: ports.map(({ internal, external, ip }) => ({ containerPort: internal, hostAddress: hostAddress(ip), hostPort: external })),
    ...(healthCheck && { healthCheck }),
    restart: inputs.restart === "always" || inputs.restart === "unless-stopped" || inputs.restart === "on-failure" ? inputs.restart : "no",
    ...(inputs.maxRetryCount !== undefined && inputs.maxRetryCount > 0 && { maxRestarts: inputs.maxRetryCount }),
    ...(stopSignal && { stopSignal }),
    stopGraceSeconds: inputs.stopTimeout ?? STOP_SECONDS,
    labels: { ...labelMap(record.inputs["labels"]), stack: record.stack, "docker.name": textOf(record.outputs["name"]), "docker.id": record.id, [IMAGE_LABEL]: image.id },
    hostname: hostname(record),
  };
}

// Numbers as Linux has them: signal(7).
const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map<string, NodeJS.Signals>([
  ["1", "SIGHUP"], ["2", "SIGINT"], ["3", "SIGQUIT"], ["6", "SIGABRT"], ["9", "SIGKILL"], ["10", "SIGUSR1"], ["12", "SIGUSR2"], ["15", "SIGTERM"], ["18", "SIGCONT"], ["19", "SIGSTOP"], ["20", "SIGTSTP"], ["28", "SIGWINCH"],
]);

/** The signal called `TERM`, `SIGTERM` or `15`; undefined for others than containers are sent. */
export function signalName(text: string): NodeJS.Signals | undefined {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, "")}`;
  return SIGNALS.get(text) ?? [...SIGNALS.values()].find((signal) => signal === name);
}

type Upload = NonNullable<ContainerInputs["uploads"]>[number];

/** Text of an uploaded file. */
export function uploadedContent({ content, contentBase64 }: Upload): string {
  return contentBase64 === undefined ? content ?? "" : Buffer.from(contentBase64, "base64").toString("utf8");
}

/** Permission bits of an uploaded file. */
export function uploadedMode({ permissions, executable = false }: Upload): number {
  if (permissions !== undefined) return Number.parseInt(permissions, 8);
  return executable ? EXECUTABLE_MODE : FILE_MODE;
}
