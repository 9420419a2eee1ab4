/** The daemon, assembled: lock, ports, cloud, provider servers, AWS APIs, control API. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { controlServer } from "./control/server";
import { openCloud, type Cloud, type ServiceFaults } from "./core/cloud";
import { messageOf } from "./errors";
import { writePrivate } from "./files";
import { lockFolder } from "./lock";
import { modelLog, openLog } from "./log";
import type { CloudContext, PackageModel } from "./model";
import { claimPorts, type Ports } from "./ports";
import type { DaemonInfo } from "./protocol";
import { serveProvider } from "./provider/server";
import { providerService } from "./provider/service";
import type { ContainerRuntime, FunctionRuntime } from "./runtime/port";
import { startOf } from "./runtime/processes";
import { claimSocket } from "./sockets";
import { packageVersion } from "./version";

export const INFO_FILE = "daemon.json";

type Log = CloudContext["log"];
type OwnedContainers = ContainerRuntime & { restore(): Promise<void>; close(options: { stopContainers: boolean }): Promise<void> };
type OwnedFunctions = FunctionRuntime & { close(): Promise<void> };

/** What the daemon serves; `main.ts` names the real parts. */
export interface DaemonParts {
  readonly packages: readonly PackageModel[];
  createContainers(options: { readonly dataDir: string; readonly log: Log }): Promise<OwnedContainers>;
  createFunctions(options: { readonly dataDir: string; readonly log: Log; readonly endpointUrl: () => string }): OwnedFunctions;
  registerApis(app: FastifyInstance, cloud: CloudContext): Promise<void> | void;
  /** Services with an API of their own. @default none */
  readonly services?: readonly HttpService[];
  /** Services whose API is on a unix socket. @default none */
  readonly sockets?: readonly SocketService[];
}

/** A service that its clients talk to over HTTP on a unix socket. */
export interface SocketService {
  readonly name: string;
  serve(cloud: Cloud): FastifyInstance;
  /** Variables that attach clients. */
  environment(socket: string): Record<string, string>;
}

/** A service that its real clients and its real provider talk to over HTTP. */
export interface HttpService {
  readonly name: string;
  readonly resources: PackageModel["resources"];
  /** Faults that only this service has, by the type that they are planned for. */
  readonly faults?: ServiceFaults;
  /** @param secret kept over restarts; keys of the local account are made from it */
  serve(cloud: Cloud, secret: string): FastifyInstance;
  /** Variables that attach clients. */
  environment(port: number, secret: string): Record<string, string>;
}

export interface DaemonOptions {
  /** Made when missing, for the user alone. */
  readonly dir: string;
  /** @default the scale of the last start, else 60 */
  readonly timeScale?: number;
  /** Called once when the control API asks for a stop. */
  readonly onStopRequest?: () => void;
}

export interface RunningDaemon {
  readonly info: DaemonInfo;
  readonly cloud: Cloud;
  /** Interrupts what is under way (the next daemon goes on with it), stops containers, releases the folder. */
  stop(options?: { readonly stopContainers?: boolean }): Promise<void>;
}

/** What to undo, last first. */
class Unwinding {
  readonly #steps: (() => Promise<void> | void)[] = [];

  push(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

/** The parts that are open, and how they are closed. */
interface Opened {
  readonly dir: string;
  readonly log: Log;
  readonly ports: Ports;
  /** By the service's name. */
  readonly sockets: Readonly<Record<string, string>>;
  readonly runtime: OwnedContainers;
  readonly cloud: Cloud;
  readonly undo: Unwinding;
  /** Whether closing ends the containers too. */
  readonly ending: { stopContainers: boolean };
}

/**
 * Starts the daemon of a folder in this process; resolves when it serves.
 * @throws {LocalCloudError} `already-running`, `port-taken`, `database-version`
 */
export async function startDaemon(parts: DaemonParts, options: DaemonOptions): Promise<RunningDaemon> {
  const dir = path.resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const undo = new Unwinding();
  try {
    const lock = lockFolder(dir);
    undo.push(() => lock.release());
    const opened = await open(parts, { ...options, dir }, undo);
    const token = randomBytes(32).toString("base64url");
    await serve(parts, opened, token, options.onStopRequest);
    return running(parts, opened, token);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function open(parts: DaemonParts, { dir, timeScale }: DaemonOptions, undo: Unwinding): Promise<Opened> {
  const log = modelLog(openLog(dir));
  const services = parts.services ?? [];
  const ports = await claimPorts(dir, parts.packages.map((model) => model.name), services.map((service) => service.name));
  const sockets = Object.fromEntries((parts.sockets ?? []).map(({ name }) => {
    const place = claimSocket(dir, name);
    undo.push(() => place.release());
    return [name, place.path];
  }));
  const endpointUrl = `http://127.0.0.1:${ports.aws}`;
  const runtime = await parts.createContainers({ dataDir: dir, log });
  const ending = { stopContainers: true };
  undo.push(() => runtime.close(ending));
  const functions = parts.createFunctions({ dataDir: dir, log, endpointUrl: () => endpointUrl });
  undo.push(() => functions.close());
  const cloud = openCloud({ dir, packages: parts.packages, services, runtime, functions, endpointUrl, log, ...(timeScale !== undefined && { timeScale }) });
  undo.push(() => cloud.close());
  return { dir, log, ports, sockets, runtime, cloud, undo, ending };
}

/** Opens the ports, in the order in which they are needed. */
async function serve(parts: DaemonParts, { ports, sockets, runtime, cloud, undo }: Opened, token: string, onStopRequest?: () => void): Promise<void> {
  const apis = fastify({ forceCloseConnections: true });
  await parts.registerApis(apis, cloud.context);
  const control = controlServer({ cloud, runtime, version: packageVersion(), token, stop: () => onStopRequest?.() });
  undo.push(() => apis.close());
  undo.push(() => control.close());
  undo.push(() => cloud.shutdown());
  // The APIs answer before anything is restored: restored containers call them at once.
  await apis.listen({ host: "127.0.0.1", port: ports.aws });
  await runtime.restore();
  await cloud.resume();
  for (const service of parts.services ?? []) {
    const api = service.serve(cloud, cloud.secret);
    undo.push(() => api.close());
    await api.listen({ host: "127.0.0.1", port: ports.services[service.name] ?? 0 });
  }
  for (const service of parts.sockets ?? []) {
    const api = service.serve(cloud);
    undo.push(() => api.close());
    const socket = sockets[service.name] ?? "";
    await api.listen({ path: socket });
    chmodSync(socket, 0o600); // its folder lets nobody else in either
  }
  for (const model of parts.packages) {
    const service = providerService({ model, lifecycle: cloud.lifecycle, cloud: cloud.context });
    const server = await serveProvider(service, ports.providers[model.name] ?? 0);
    undo.push(() => server.close());
  }
  await control.listen({ host: "127.0.0.1", port: ports.control });
}

/** Tells where the daemon is reached, and how it ends. */
function running(parts: DaemonParts, opened: Opened, token: string): RunningDaemon {
  const { dir, log, ports, sockets, cloud, undo, ending } = opened;
  const info: DaemonInfo = {
    version: packageVersion(), pid: process.pid, pidStart: startOf(process.pid) ?? "", startedAt: new Date().toISOString(),
    timeScale: cloud.context.clock.timeScale, token, ports, sockets,
    environment: Object.assign(
      {},
      ...(parts.services ?? []).map((service) => service.environment(ports.services[service.name] ?? 0, cloud.secret)),
      ...(parts.sockets ?? []).map((service) => service.environment(sockets[service.name] ?? "")),
    ) as Record<string, string>,
  };
  const file = path.join(dir, INFO_FILE);
  const publish = (timeScale: number) => writePrivate(file, `${JSON.stringify({ ...info, timeScale }, undefined, 2)}\n`);
  publish(info.timeScale);
  cloud.onTimeScale(publish);
  undo.push(() => rmSync(file, { force: true }));
  log.info("serving", { ports, timeScale: info.timeScale, resources: cloud.store.size });
  return {
    info, cloud,
    stop: async ({ stopContainers = true } = {}) => {
      ending.stopContainers = stopContainers;
      log.info("stopping", { stopContainers });
      await undo.run().catch((error: unknown) => {
        log.warn("the stop failed", { reason: messageOf(error) });
        throw error;
      });
    },
  };
}
