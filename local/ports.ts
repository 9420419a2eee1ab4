/** The daemon's ports: chosen once for a folder, then kept, because shells and state refer to them. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import * as path from "node:path";
import { z } from "zod";
import { LocalCloudError, systemCode } from "./errors";
import { readIfExists, writePrivate } from "./files";
import { daemonInfoSchema, type DaemonInfo } from "./protocol";
import { pollUntil } from "./wait";

export type Ports = DaemonInfo["ports"];

// Below every system's ephemeral range (Linux: 32768, macOS and Windows: 49152), so that no outgoing connection takes a kept port.
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;
/** A daemon that has just ended may hold its port for a moment: a process that is being started while a socket closes has it until it runs its own program. */
const HELD_MS = 1_000;
const FILE = "ports.json";

/**
 * @param packages names of the packages that need a provider port
 * @param services names of the services that need a port for their API
 * @throws {LocalCloudError} `port-taken` when another program has a kept port
 */
export async function claimPorts(dir: string, packages: readonly string[], services: readonly string[] = []): Promise<Ports> {
  const file = path.join(dir, FILE);
  const kept = readPorts(file);
  const taken = new Set<number>(kept ? [kept.control, kept.aws, ...Object.values(kept.providers), ...Object.values(kept.services)] : []);
  const claim = async (port: number | undefined, use: string) => {
    if (port === undefined) return freePort(taken);
    if (!(await pollUntil(() => isFree(port), HELD_MS))) {
      throw new LocalCloudError("port-taken", `port ${port} (${use}) is taken by another program; it was chosen for this folder and is kept`,
        `end that program, or delete ${file} and load the variables of \`stackfleet env\` again in every shell`);
    }
    return port;
  };
  const control = await claim(kept?.control, "control");
  const aws = await claim(kept?.aws, "AWS APIs");
  const providers: Record<string, number> = {};
  for (const name of packages) providers[name] = await claim(kept?.providers[name], `provider ${name}`);
  const apis: Record<string, number> = {};
  for (const name of services) apis[name] = await claim(kept?.services[name], `API of ${name}`);
  const ports = { control, aws, providers, services: apis };
  writePrivate(file, `${JSON.stringify(ports, undefined, 2)}\n`);
  return ports;
}

function readPorts(file: string): Ports | undefined {
  const text = readIfExists(file);
  if (text === undefined) return undefined;
  try {
    return daemonInfoSchema.shape.ports.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll(/\s+/g, " ") : "not JSON";
    throw new LocalCloudError("ports-invalid", `${file}: can't be read; got ${reason}; expected what the local cloud wrote`,
      "delete the file and load the variables of `stackfleet env` again in every shell", { cause });
  }
}

async function freePort(taken: Set<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new LocalCloudError("no-free-port", `no free loopback port; got ${ATTEMPTS} taken ones between ${LOWEST} and ${HIGHEST}`, "end programs that listen there");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => (systemCode(error) === "EADDRINUSE" ? resolve(false) : reject(error)));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
