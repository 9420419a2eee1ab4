/** The daemon, assembled: lock, ports, cloud, provider servers, AWS APIs, control API. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { controlServer } from "./control/server";
import { openCloud, type Cloud } from "./core/cloud";
import { messageOf } from "./errors";
import { writePrivate } from "./files";
import { lockFolder } from "./lock";
import { modelLog, openLog } from "./log";
import type { CloudContext, PackageModel } from "./model";
import { claimPorts, type Ports } from "./ports";
import type { DaemonInfo } from "./protocol";
import { serveProvider, type ProviderServer } from "./provider/server";
import { providerService } from "./provider/service";
import type { ContainerRuntime, FunctionRuntime } from "./runtime/port";
import { startOf } from "./runtime/processes";
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

/**
 * Starts the daemon of a folder in this process; resolves when it serves.
 * @throws {LocalCloudError} `already-running`, `port-taken`, `database-version`
 */
export async function startDaemon(parts: DaemonParts, options: DaemonOptions): Promise<RunningDaemon> {
  const dir = path.resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = lockFolder(dir);
    undo.push(() => lock.release());
    return await assemble(parts, { ...options, dir }, undo, unwind);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function assemble(parts: DaemonParts, options: DaemonOptions, undo: (() => Promise<void> | void)[], unwind: () => Promise<void>): Promise<RunningDaemon> {
  const { dir } = options;
  const logger = openLog(dir);
  const log = modelLog(logger);
  const ports = await claimPorts(dir, parts.packages.map((model) => model.name));
  const endpointUrl = `http://127.0.0.1:${ports.aws}`;
  let stopContainers = true;

  const runtime = await parts.createContainers({ dataDir: dir, log });
  undo.push(() => runtime.close({ stopContainers }));
  const functions = parts.createFunctions({ dataDir: dir, log, endpointUrl: () => endpointUrl });
  undo.push(() => functions.close());
  const cloud = openCloud({ dir, packages: parts.packages, runtime, functions, endpointUrl, log, ...(options.timeScale !== undefined && { timeScale: options.timeScale }) });
  undo.push(() => cloud.close());

  const token = randomBytes(32).toString("base64url");
  const version = packageVersion();
  const control = controlServer({ cloud, runtime, version, token, stop: () => options.onStopRequest?.() });
  const apis = fastify({ forceCloseConnections: true });
  await parts.registerApis(apis, cloud.context);
  undo.push(() => apis.close(), () => control.close(), () => cloud.shutdown());
  // The APIs answer before anything is restored: restored containers call them at once.
  await apis.listen({ host: "127.0.0.1", port: ports.aws });
  await runtime.restore();
  await cloud.resume();
  for (const server of await serveProviders(parts.packages, cloud, ports)) undo.push(() => server.close());
  await control.listen({ host: "127.0.0.1", port: ports.control });

  const info: DaemonInfo = {
    version, pid: process.pid, pidStart: startOf(process.pid) ?? "", startedAt: new Date().toISOString(), timeScale: cloud.context.clock.timeScale, token, ports,
  };
  const infoFile = path.join(dir, INFO_FILE);
  const publish = (timeScale: number) => writePrivate(infoFile, `${JSON.stringify({ ...info, timeScale }, undefined, 2)}\n`);
  publish(info.timeScale);
  cloud.onTimeScale(publish);
  undo.push(() => rmSync(infoFile, { force: true }));
  log.info("serving", { ports, timeScale: info.timeScale, resources: cloud.store.size });
  return {
    info, cloud,
    stop: async (how = {}) => {
      stopContainers = how.stopContainers ?? true;
      log.info("stopping", { stopContainers });
      await unwind().catch((error: unknown) => {
        log.warn("the stop failed", { reason: messageOf(error) });
        throw error;
      });
    },
  };
}

function serveProviders(packages: readonly PackageModel[], cloud: Cloud, ports: Ports): Promise<ProviderServer[]> {
  return Promise.all(packages.map((model) => serveProvider(
    providerService({ model, lifecycle: cloud.lifecycle, cloud: cloud.context }), ports.providers[model.name] ?? 0)));
}
