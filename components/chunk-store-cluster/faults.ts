/** What is wrong with the arguments of a chunk store cluster. Pure. */
import { isIP } from "node:net";
import { type ArgumentFault, integerFaults } from "../arguments";
import { type CompleteArgs, DEFAULTS, DOCKER_DEFAULTS, type DockerPlatform, LOG_LEVELS, type NodeSize } from "./args";
import { HEARTBEAT_DEFAULTS, MOST_SECONDS, TIMINGS } from "./timings";

const MOST_NODES = 99;
/** What a node needs for Node.js itself and the chunks that it works on. */
const LEAST_MEMORY_MIB = 256;
/** What a container of one machine can have at most, and more: 1 TiB, 1024 CPUs. */
const MOST_MEMORY_MIB = 1024 * 1024;
const CPUS = { min: 0.1, max: 1024 } as const;
/** One chunk, and a PiB. */
const CAPACITY_MIB = { min: 4, max: 1024 ** 3 } as const;
/** Source: workloads/chunkstore/transport/tls.ts, MIN_KEY_BYTES. */
const LEAST_KEY_BYTES = 32;
const PASSWORD_CHARACTERS = { min: 8, max: 1024 } as const;
const USER_NAME = /^[^\p{Cc}]{1,128}$/u;
/** Becomes part of host names, whose labels have at most 63 characters: `<name>-chunkserver-99`. */
const COMPONENT_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,46}[A-Za-z0-9])?$/;
/** Source: moby, daemon/names: RestrictedNameChars. */
const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** Networks that an engine makes itself. */
const TAKEN_NETWORKS: readonly string[] = ["bridge", "host", "none", "default", "ingress", "docker_gwbridge"];
const PORTS = { min: 1, max: 65_535 } as const;

/** Everything that is wrong; empty when nothing is. Secrets are judged only where they are plain text, and never shown. */
export function faultsOf(name: string, args: CompleteArgs): readonly ArgumentFault[] {
  const counts = countFaults(args);
  return [
    ...nameFaults(name),
    ...counts,
    // The factor and the ports can be judged only when the counts make sense.
    ...(counts.length === 0 ? replicationFaults(args) : []),
    ...keyFaults(args.clusterKey),
    ...accountFaults(args.accounts),
    ...sizeFaults("controllerSize", args.controllerSize),
    ...sizeFaults("chunkserverSize", args.chunkserverSize),
    ...optionFaults(args),
    ...timingFaults(args),
    ...platformFaults(args.platform, counts.length === 0 ? args.controllers : 1),
  ];
}

function nameFaults(name: string): ArgumentFault[] {
  if (COMPONENT_NAME.test(name)) return [];
  return [{ path: "name", problem: "no part of a host name", got: name, expected: "1 to 48 letters, digits and -, a letter or digit at both ends", fix: "give the component another name" }];
}

function countFaults({ controllers, chunkservers }: CompleteArgs): ArgumentFault[] {
  return [
    ...integerFaults("controllers", controllers, { min: 1, max: MOST_NODES }, `leave it out for ${DEFAULTS.controllers}`),
    ...integerFaults("chunkservers", chunkservers, { min: 1, max: MOST_NODES }, `leave it out for ${DEFAULTS.chunkservers}`),
  ];
}

function replicationFaults({ replicationFactor, chunkservers }: CompleteArgs): ArgumentFault[] {
  if (replicationFactor === "all") return [];
  if (Number.isInteger(replicationFactor) && replicationFactor >= 1 && replicationFactor <= chunkservers) return [];
  const got = typeof replicationFactor === "number" && !Number.isFinite(replicationFactor) ? String(replicationFactor) : replicationFactor;
  return [{
    path: "replicationFactor", problem: "not a number of chunkservers", got, expected: `"all", or a whole number from 1 to the ${chunkservers} chunkservers there are`,
    fix: "lower it, or add chunkservers",
  }];
}

function keyFaults(key: unknown): ArgumentFault[] {
  if (typeof key !== "string" || Buffer.byteLength(key.trim()) >= LEAST_KEY_BYTES) return [];
  return [{
    path: "clusterKey", problem: "too short to be a secret", got: `text of ${Buffer.byteLength(key.trim())} bytes`, expected: `at least ${LEAST_KEY_BYTES} bytes`,
    fix: "make one with `openssl rand -hex 32`",
  }];
}

function accountFaults(accounts: CompleteArgs["accounts"]): ArgumentFault[] {
  const users = Object.entries(accounts);
  if (users.length === 0) return [{ path: "accounts", problem: "nobody could log in", got: accounts, expected: "at least one user with a password", fix: "add one" }];
  return users.flatMap(([user, password]) => [
    ...(USER_NAME.test(user) ? [] : [{ path: "accounts", problem: "not a user name", got: user, expected: "1 to 128 characters, none of them a control character", fix: "rename the user" }]),
    ...passwordFaults(`accounts[${JSON.stringify(user)}]`, password),
  ]);
}

function passwordFaults(path: string, password: unknown): ArgumentFault[] {
  const { min, max } = PASSWORD_CHARACTERS;
  if (typeof password !== "string" || (password.length >= min && password.length <= max)) return [];
  return [{ path, problem: password.length < min ? "password too short" : "password too long", got: `text of ${password.length} characters`, expected: `${min} to ${max} characters`, fix: "choose another password" }];
}

function sizeFaults(path: string, { memoryMiB, cpus }: NodeSize): ArgumentFault[] {
  const memory = integerFaults(`${path}.memoryMiB`, memoryMiB, { min: LEAST_MEMORY_MIB, max: MOST_MEMORY_MIB }, "use 512, which is enough for most");
  return cpus >= CPUS.min && cpus <= CPUS.max ? memory : [...memory, {
    path: `${path}.cpus`, problem: "out of range", got: Number.isFinite(cpus) ? cpus : String(cpus), expected: `a number from ${CPUS.min} to ${CPUS.max}`, fix: "use 1 for one processor",
  }];
}

function optionFaults({ chunkserverCapacityMiB, chunkCacheMiB, controllerSize, logLevel, image }: CompleteArgs): ArgumentFault[] {
  return [
    ...(chunkserverCapacityMiB === undefined ? [] : integerFaults("chunkserverCapacityMiB", chunkserverCapacityMiB, CAPACITY_MIB, "leave it out to use the whole disk")),
    ...(chunkCacheMiB === undefined ? [] : integerFaults("chunkCacheMiB", chunkCacheMiB, { min: 0, max: Math.max(0, Math.floor(controllerSize.memoryMiB / 2)) || 0 }, "lower it, or raise controllerSize.memoryMiB")),
    ...(logLevel === undefined || LOG_LEVELS.includes(logLevel) ? [] : [{ path: "logLevel", problem: "unknown level", got: logLevel, expected: `one of ${LOG_LEVELS.join(", ")}`, fix: "leave it out for info" }]),
    ...(image === "" ? [{ path: "image", problem: "no image", got: image, expected: "an image reference such as registry.example/chunkstore:1", fix: "leave it out to have it built" }] : []),
  ];
}

function timingFaults(args: CompleteArgs): ArgumentFault[] {
  const ranges = TIMINGS.flatMap(({ argument, least }): ArgumentFault[] => {
    const seconds = args[argument];
    if (seconds === undefined || (seconds >= least && seconds <= MOST_SECONDS)) return [];
    return [{
      path: argument, problem: "out of range", got: Number.isFinite(seconds) ? seconds : String(seconds), expected: `seconds from ${least} to ${MOST_SECONDS}`, fix: "leave it out for the store's own",
    }];
  });
  const { heartbeatIntervalSeconds: interval = HEARTBEAT_DEFAULTS.interval, heartbeatTimeoutSeconds: timeout = HEARTBEAT_DEFAULTS.timeout } = args;
  if (ranges.length > 0 || timeout >= 2 * interval) return ranges;
  return [{
    path: "heartbeatTimeoutSeconds", problem: "one lost heartbeat would count as a failure", got: timeout, expected: `at least twice the interval, ${2 * interval}`, fix: "raise it, or lower heartbeatIntervalSeconds",
  }];
}

function platformFaults(platform: DockerPlatform, controllers: number): ArgumentFault[] {
  const { kind, networkName = DOCKER_DEFAULTS.networkName, publish, providers } = platform;
  if (kind !== "docker") return [{ path: "platform.kind", problem: "unknown platform", got: kind, expected: "docker", fix: "leave platform out" }];
  return [
    ...(NETWORK_NAME.test(networkName) && !TAKEN_NETWORKS.includes(networkName) ? [] : [{
      path: "platform.networkName", problem: TAKEN_NETWORKS.includes(networkName) ? "a network of Docker's own" : "not a network's name", got: networkName,
      expected: "letters, digits, _ . -, a letter or digit first", fix: `leave it out for ${DOCKER_DEFAULTS.networkName}`,
    }]),
    ...(platform.baseImage === "" ? [{ path: "platform.baseImage", problem: "no image", got: "", expected: "an image with Node 24", fix: `leave it out for ${DOCKER_DEFAULTS.baseImage}` }] : []),
    ...(providers?.length === 0 ? [{ path: "platform.providers", problem: "no engine", got: [], expected: "at least one provider", fix: "leave it out for the component's own" }] : []),
    ...(publish === undefined ? [] : publishFaults(publish, controllers, providers?.length ?? 1)),
  ];
}

function publishFaults({ firstPort, address = DOCKER_DEFAULTS.address, hosts }: NonNullable<DockerPlatform["publish"]>, controllers: number, engines: number): ArgumentFault[] {
  const range = { min: PORTS.min, max: PORTS.max - controllers + 1 };
  return [
    ...integerFaults("platform.publish.firstPort", firstPort, range, `leave room for ${controllers === 1 ? "one port" : `${controllers} ports, one a controller`}`),
    ...(isIP(address) !== 0 ? [] : [{ path: "platform.publish.address", problem: "not an IP address", got: address, expected: "an address of the machine, such as 127.0.0.1", fix: `leave it out for ${DOCKER_DEFAULTS.address}` }]),
    ...hostFaults(hosts, engines),
  ];
}

/** Several machines can't be reached by one address. */
function hostFaults(hosts: readonly string[] | undefined, engines: number): ArgumentFault[] {
  if (hosts === undefined ? engines <= 1 : hosts.length === engines && hosts.every((host) => host !== "")) return [];
  return [{ path: "platform.publish.hosts", problem: "not one host for each engine", got: hosts, expected: `${engines} names or addresses, in the order of platform.providers`, fix: "say how clients reach each engine's machine" }];
}
