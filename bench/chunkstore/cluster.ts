/** A cluster for the benchmark: the real programs as processes of the local container runtime, each with an address and a volume of its own. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { procStat, TICKS_PER_SECOND } from "../../automation/system/proc";
import { createContainerRuntime, type OwnedContainerRuntime } from "../../local/runtime/index";
import type { ContainerSpec } from "../../local/runtime/port";
import { ChunkStoreClient } from "../../workloads/chunkstore/client";
import type { ClusterStatus } from "../../workloads/chunkstore/contract/clientApi";

export const CONTROLLERS = 3;
export const CHUNKSERVERS = 5;
const NETWORK = "dfs-network";
export const ACCOUNT = { user: "bench", password: randomBytes(12).toString("hex") } as const;

/** CPU seconds and the highest resident memory of a process so far. */
export interface ProcessFigures { readonly cpuSeconds: number; readonly peakBytes: number }

export class BenchCluster {
  readonly client: ChunkStoreClient;
  /** One address a controller, in order. */
  readonly endpoints: readonly string[];

  /** The runtime's own timers don't keep a process alive. */
  private readonly alive: NodeJS.Timeout;

  private constructor(private readonly runtime: OwnedContainerRuntime, /** Until all were healthy and knew each other. */ readonly startSeconds: number, alive: NodeJS.Timeout) {
    this.alive = alive;
    this.endpoints = names("controller", CONTROLLERS).map((id) => `http://${runtime.get(id)?.address ?? ""}:8000`);
    this.client = new ChunkStoreClient({ endpoints: this.endpoints });
  }

  /** Starts all nodes with default settings. @param dir folder for volumes and logs */
  static async start(dir: string): Promise<BenchCluster> {
    const runtime = await createContainerRuntime({ dataDir: dir, log: { info: () => undefined, warn: (message) => void process.stderr.write(`${message}\n`) } });
    const alive = setInterval(() => undefined, 60_000);
    try {
      const began = performance.now();
      const key = randomBytes(32).toString("hex");
      const specs = [...names("chunkserver", CHUNKSERVERS).map((id) => specOf(id, "chunkserver", key)), ...names("controller", CONTROLLERS).map((id) => specOf(id, "controller", key))];
      await Promise.all(specs.map((spec) => runtime.run(spec)));
      const signal = AbortSignal.timeout(60_000);
      await Promise.all(specs.map(({ id }) => runtime.waitHealthy(id, signal)));
      const cluster = new BenchCluster(runtime, (performance.now() - began) / 1000, alive);
      await cluster.client.login(ACCOUNT.user, ACCOUNT.password);
      await cluster.until("all nodes know each other", ({ controllers, chunkservers }) => controllers.length === CONTROLLERS && chunkservers.length === CHUNKSERVERS);
      return cluster;
    } catch (error) {
      await runtime.close({ stopContainers: true });
      clearInterval(alive);
      throw error;
    }
  }

  /** Waits until what every controller says fulfils a condition. @returns seconds */
  async until(what: string, condition: (status: ClusterStatus) => boolean, { endpoints = this.endpoints, seconds = 90 } = {}): Promise<number> {
    const began = performance.now();
    for (;;) {
      const states = await Promise.all(endpoints.map((endpoint) => this.client.cluster({ endpoint }).catch(() => undefined)));
      const passed = (performance.now() - began) / 1000;
      if (states.every((status) => status !== undefined && condition(status))) return passed;
      if (passed > seconds) throw new Error(`${what}: not within ${seconds} s`);
      await delay(POLL_MS);
    }
  }

  /** Seconds until all controllers hold the same metadata as one of them. */
  async converged(as: number): Promise<number> {
    const { metadataDigest } = await this.client.cluster({ endpoint: this.endpoints[as] ?? "" });
    return this.until("the controllers agree", (status) => status.metadataDigest === metadataDigest);
  }

  /** Cuts a node off from all others, in both directions, or joins it again; clients reach it all the same. @param id `controller-3`, `chunkserver-5` */
  link(id: string, kind: "cut" | "open"): void {
    for (const other of [...names("controller", CONTROLLERS), ...names("chunkserver", CHUNKSERVERS)]) {
      if (other === id) continue;
      this.runtime.setLink(id, other, { kind });
      this.runtime.setLink(other, id, { kind });
    }
  }

  /** Figures of each process, by role. */
  figures(): ReadonlyMap<string, readonly ProcessFigures[]> {
    const roles = [["controller", CONTROLLERS], ["chunkserver", CHUNKSERVERS]] as const;
    return new Map(roles.map(([role, count]) => [role, names(role, count).map((id) => figuresOf(this.runtime.get(id)?.pid))]));
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.runtime.close({ stopContainers: true });
    clearInterval(this.alive);
  }
}

const POLL_MS = 20;

/** The kernel's own account: `VmHWM` and the CPU ticks of proc(5). */
export function figuresOf(pid: number | undefined): ProcessFigures {
  const stat = pid === undefined ? undefined : procStat(pid);
  if (pid === undefined || stat === undefined) throw new Error(`process ${String(pid)} is gone, or this system has no /proc`);
  const peakKiB = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuSeconds: (Number(stat.field(14)) + Number(stat.field(15))) / TICKS_PER_SECOND, peakBytes: Number(peakKiB) * 1024 };
}

function names(role: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index + 1}`);
}

function specOf(id: string, role: "controller" | "chunkserver", key: string): ContainerSpec {
  const secret = (name: string, content: string) => ({ path: path.posix.join("/run/secrets", name), content, mode: 0o400 });
  return {
    id, hostname: id, image: "stackfleet/chunkstore:bench", command: [role], environment: { LOG_LEVEL: "warn" }, networks: [{ name: NETWORK, aliases: [role] }],
    volumes: [{ name: `${id}-data`, mountPath: "/data" }],
    files: [secret("cluster-key", key), ...(role === "controller" ? [secret("accounts", JSON.stringify({ [ACCOUNT.user]: ACCOUNT.password }))] : [])],
    healthCheck: { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 1, timeoutSeconds: 3, retries: 3, startPeriodSeconds: 30 },
    restart: "no", labels: { role },
  };
}
