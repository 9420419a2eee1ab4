/** The arguments of a container that are modelled, and what the provider and the engine refuse of them. */
import { isUtf8 } from "node:buffer";
import * as path from "node:path";
import { z } from "zod";
import type { CheckFault, Properties } from "../../model";
import { labelList, listOf, objectOf, textOf } from "../define";
import { parseDuration } from "../duration";
import { signalName } from "../engine/spec";

export const FILE = "local/docker/resources/containerArgs.ts";

const text = z.string();
const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());
const count = z.number().int().min(0, "must be 0 or more");
const duration = text.refine((value) => parseDuration(value) !== undefined, "is not a duration; expected 0 or one of the form 5s, 1m30s, 500ms");
const absolute = text.refine((value) => path.posix.isAbsolute(value), "must be an absolute path");
// The kinds of refusal that the provider's own schema makes.
const RESTART = /^(no|on-failure|always|unless-stopped)$/;
const PERMISSIONS = /^0[0-7]{3}$/;
const CPU_SET = /^\d+([,-]\d+)*$/;

export const containerShape = {
  name: text.regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/, 'Invalid container name, only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed').optional(),
  image: text.min(1, "empty image name is not allowed"),
  command: z.array(z.string().min(1, "values for command may not be empty")).optional(),
  envs: texts.optional(),
  hostname: text.optional(),
  domainname: text.optional(),
  labels: labelList,
  // Running it
  start: z.boolean().optional(),
  mustRun: z.boolean().optional(),
  wait: z.boolean().optional(),
  waitTimeout: count.optional(),
  attach: z.boolean().optional(),
  logs: z.boolean().optional(),
  restart: text.regex(RESTART, "expected no, on-failure, always or unless-stopped").optional(),
  maxRetryCount: count.optional(),
  stopSignal: text.refine((value) => value === "" || signalName(value) !== undefined, "expected a signal's name, as SIGTERM").optional(),
  stopTimeout: count.optional(),
  destroyGraceSeconds: count.optional(),
  removeVolumes: z.boolean().optional(),
  rm: z.literal(false, "a container that removes itself is not modelled by the local cloud").optional(),
  containerReadRefreshTimeoutMilliseconds: count.optional(),
  healthcheck: z.strictObject({
    tests: texts.optional(), interval: duration.optional(), timeout: duration.optional(), startPeriod: duration.optional(), startInterval: duration.optional(), retries: count.optional(),
  }).optional(),
  // Networks
  networkMode: text.optional(),
  networksAdvanced: z.array(z.strictObject({ name: text, aliases: texts.optional(), driverOpts: texts.optional(), gwPriority: count.optional() })).optional(),
  ports: z.array(z.strictObject({
    internal: z.number().int().min(1).max(65_535), external: z.number().int().min(0).max(65_535).optional(), ip: text.optional(), protocol: text.optional(),
  })).optional(),
  dns: texts.optional(),
  dnsOpts: texts.optional(),
  dnsSearches: texts.optional(),
  // Files
  volumes: z.array(z.strictObject({
    volumeName: text.optional(), containerPath: absolute, readOnly: z.boolean().optional(), selinuxRelabel: text.regex(/^[zZ]$/, "expected z or Z").optional(),
  })).optional(),
  mounts: z.array(z.strictObject({
    type: z.enum(["volume", "tmpfs"], 'only "volume" and "tmpfs" are modelled: a process of the local cloud sees the machine\'s folders as they are'),
    target: absolute, source: text.optional(), readOnly: z.boolean().optional(),
    volumeOptions: z.strictObject({ noCopy: z.boolean().optional(), labels: labelList }).optional(),
    tmpfsOptions: z.strictObject({ mode: count.optional(), sizeBytes: count.optional() }).optional(),
  })).optional(),
  uploads: z.array(z.strictObject({
    file: absolute, content: text.optional(), contentBase64: text.refine(isBase64, "is not base64 of UTF-8 text; other bytes are not modelled by the local cloud").optional(), executable: z.boolean().optional(),
    permissions: text.regex(PERMISSIONS, "expected four octal digits, the first 0, as 0400").optional(), owner: text.optional(), group: text.optional(),
  })).optional(),
  tmpfs: textMap.optional(),
  // Recorded, shown and compared, but without effect on a local process
  user: text.optional(),
  groupAdds: texts.optional(),
  readOnly: z.boolean().optional(),
  init: z.boolean().optional(),
  capabilities: z.strictObject({ adds: texts.optional(), drops: texts.optional() }).optional(),
  privileged: z.literal(false, "privileged containers are not modelled by the local cloud").optional(),
  securityOpts: texts.optional(),
  memory: count.optional(),
  memoryReservation: count.optional(),
  memorySwap: z.number().int().min(-1).optional(),
  shmSize: count.optional(),
  cpus: text.regex(/^\d+(\.\d+)?$/, "expected a number as text, as 1.5").optional(),
  cpuShares: count.optional(),
  cpuSet: text.regex(CPU_SET, "expected CPUs, as 0-1 or 0,2").optional(),
  cpuPeriod: count.optional(),
  cpuQuota: count.optional(),
  ulimits: z.array(z.strictObject({ name: text, soft: z.number().int(), hard: z.number().int() })).optional(),
  sysctls: textMap.optional(),
  logDriver: text.optional(),
  logOpts: textMap.optional(),
  platform: text.optional(),
  runtime: text.optional(),
  ipcMode: text.optional(),
  tty: z.literal(false, "terminals are not modelled by the local cloud").optional(),
  stdinOpen: z.boolean().optional(),
} as const;

export type ContainerInputs = z.output<z.ZodObject<typeof containerShape>>;

/** Arguments whose change the provider applies to the living container, or only takes note of; every other one makes a new container. */
const IN_PLACE = new Set([
  "rm", "start", "wait", "waitTimeout", "attach", "logs", "mustRun", "restart", "maxRetryCount", "removeVolumes", "destroyGraceSeconds", "tmpfs",
  "memory", "memoryReservation", "memorySwap", "cpuShares", "cpuSet", "cpuPeriod", "cpuQuota", "healthcheck", "init", "containerReadRefreshTimeoutMilliseconds",
]);

/** `ForceNew` of the provider's schema (terraform-provider-docker 4.5, resource_docker_container.go). */
export const REPLACE_ON = Object.keys(containerShape).filter((name) => !IN_PLACE.has(name));

/** Docker's least memory for a container, in MiB. Source: moby, daemon/daemon_unix.go: linuxMinMemory. */
const LEAST_MEMORY_MIB = 6;

/** What no single argument tells. */
export function containerFaults(inputs: Properties): CheckFault[] {
  const faults: CheckFault[] = [];
  listOf(inputs["ports"]).forEach((item, index) => {
    const { ip, protocol } = objectOf(item);
    if (typeof ip === "string" && !isServed(ip)) {
      faults.push({ property: `ports[${index}].ip`, reason: `got "${ip}"; expected an address of 127.0.0.0/8, or 0.0.0.0, which answers on 127.0.0.1: the local cloud listens on the loopback only` });
    }
    if (typeof protocol === "string" && protocol !== "tcp") faults.push({ property: `ports[${index}].protocol`, reason: `got "${protocol}"; only tcp is modelled by the local cloud` });
  });
  const { networkMode, memory } = inputs;
  if (typeof networkMode === "string" && /^(host$|container:)/.test(networkMode)) {
    faults.push({ property: "networkMode", reason: `got "${networkMode}"; every container of the local cloud has an address of its own; expected bridge, none or a network's name` });
  }
  if (typeof memory === "number" && memory > 0 && memory < LEAST_MEMORY_MIB) faults.push({ property: "memory", reason: `Minimum memory limit allowed is ${LEAST_MEMORY_MIB}MB` });
  return [...faults, ...testFaults(inputs)];
}

/** Docker itself takes any words, and the check then fails for ever. */
function testFaults(inputs: Properties): CheckFault[] {
  const [kind] = listOf(objectOf(inputs["healthcheck"])["tests"]);
  if (typeof kind !== "string" || ["CMD", "CMD-SHELL", "NONE"].includes(kind)) return [];
  return [{ property: "healthcheck.tests", reason: `Unknown healthcheck type '${textOf(kind)}' (expected 'CMD'): the first word is CMD, CMD-SHELL or NONE` }];
}

/** Addresses on which a port can be published here. */
function isServed(ip: string): boolean {
  return ip === "" || ip === "0.0.0.0" || ip === "::" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(ip);
}

function isBase64(value: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value) && isUtf8(Buffer.from(value, "base64"));
}
