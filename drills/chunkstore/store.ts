/** A chunk store under drill: its nodes as containers of an engine, its clients, what counts as whole, and how things are put back. */
import type { ClusterStatus } from "../../workloads/chunkstore/contract/clientApi";
import { EngineRefusal, type DockerEngine } from "../engine/client";
import type { Container } from "../engine/schemas";
import { addressOn, leaveSide } from "../engine/partition";
import { reasonOf } from "../errors";
import type { Clock, Drillable, DrillContext, UndoHandle } from "../model";
import { until } from "../wait";
import type { ControllerNode, StoreAccess, StoreNode } from "./access";
import type { ClientFactory, StoreClient } from "./client";
import { makeContent, type Content } from "./content";
import { DEADLINES } from "./targets";
import { describeUndo, type StoreUndo } from "./undo";

export interface ChunkStoreOptions {
  readonly engine: DockerEngine;
  readonly access: StoreAccess;
  readonly clients: ClientFactory;
  readonly clock: Clock;
  /** A folder for test files, which its owner removes. */
  readonly folder: string;
  /** Shrinks the files that drills store; tests need no real sizes. @default 1 */
  readonly sizeScale?: number;
  /** True for an engine that isn't the local cloud: what could cost somebody's data is left out. */
  readonly realEngine: boolean;
}

/** How long a network may take to notice that nobody uses it. */
const NETWORK_SECONDS = 15;
/** Replicas that an acknowledged upload has, where that many are wanted. */
const WRITE_QUORUM = 2;

export type StoreDrillContext = DrillContext<StoreUndo>;

export class ChunkStore implements Drillable<StoreUndo> {
  readonly wholeDeadlineSeconds = DEADLINES.healed;
  private files = 0;

  constructor(private readonly options: ChunkStoreOptions) {}

  get engine(): DockerEngine { return this.options.engine; }
  get realEngine(): boolean { return this.options.realEngine; }
  get network(): string { return this.options.access.network; }
  get controllers(): readonly ControllerNode[] { return this.options.access.controllers; }
  get chunkservers(): readonly StoreNode[] { return this.options.access.chunkservers; }
  get nodes(): readonly StoreNode[] { return [...this.controllers, ...this.chunkservers]; }
  /** Chunkservers that are to hold each chunk when all live. */
  get replicas(): number {
    const { replicationFactor } = this.options.access;
    return replicationFactor === "all" ? this.chunkservers.length : Math.min(replicationFactor, this.chunkservers.length);
  }

  /** Chunkservers that acknowledge an upload, at least (`MIN_WRITE_REPLICAS`). */
  get writeQuorum(): number {
    return Math.min(WRITE_QUORUM, this.replicas);
  }

  /** Chunkservers that may be lost: enough must stay to keep an upload safe, and every chunk must have one replica left. */
  get mostLosses(): number {
    return Math.min(this.chunkservers.length - this.writeQuorum, this.replicas - 1);
  }

  /** A client of some controllers, or of all: it fails over among them, in this order. */
  client(...controllers: readonly ControllerNode[]): StoreClient {
    return this.options.clients((controllers.length === 0 ? this.controllers : controllers).map(({ endpoint }) => endpoint));
  }

  /** A local file with seeded bytes. */
  content(context: StoreDrillContext, size: number): Promise<Content> {
    const { folder, sizeScale = 1 } = this.options;
    return makeContent(folder, `${context.tag}-content-${this.files++}`, Math.ceil(size * sizeScale), Math.floor(context.random() * 2 ** 32));
  }

  inspect(node: StoreNode, signal?: AbortSignal): Promise<Container> {
    return this.engine.inspect(node.container, signal);
  }

  /** Stops a node, to be started again at the end at the latest. */
  async stop(context: StoreDrillContext, node: StoreNode): Promise<UndoHandle> {
    const handle = await context.undo.add({ kind: "start", container: node.container, node: node.name });
    await this.engine.stop(node.container, context.signal);
    return handle;
  }

  /** SIGKILL, and the same promise. */
  async kill(context: StoreDrillContext, node: StoreNode): Promise<UndoHandle> {
    const handle = await context.undo.add({ kind: "start", container: node.container, node: node.name });
    await this.engine.kill(node.container, context.signal);
    return handle;
  }

  /** Status by each of the controllers. */
  statuses(signal: AbortSignal, controllers: readonly ControllerNode[] = this.controllers): Promise<ClusterStatus[]> {
    return Promise.all(controllers.map((controller) => this.client(controller).cluster(signal)));
  }

  /** What is wrong with the metadata: undefined when all these controllers hold the same. */
  async unequal(signal: AbortSignal, controllers: readonly ControllerNode[] = this.controllers): Promise<string | undefined> {
    const digests = (await this.statuses(signal, controllers)).map(({ metadataDigest }) => metadataDigest);
    return new Set(digests).size === 1 ? undefined : `controllers hold different metadata: ${controllers.map(({ name }, index) => `${name} ${(digests[index] ?? "").slice(0, 8)}`).join(", ")}`;
  }

  readonly whole = async (signal: AbortSignal): Promise<string | undefined> => {
    for (const look of [() => this.notRunning(signal), () => this.notWell(signal), () => this.notConnected(signal), () => this.unequal(signal)]) {
      const missing = await look();
      if (missing !== undefined) return missing;
    }
    return undefined;
  };

  /** Containers that don't run, fail their health check, or are off the network. */
  async notRunning(signal: AbortSignal): Promise<string | undefined> {
    const faults = await Promise.all(this.nodes.map(async (node) => {
      const { State: state, NetworkSettings: { Networks: networks } } = await this.inspect(node, signal);
      if (!state.Running) return `${node.name} is ${state.Status}`;
      if (state.Health && !["healthy", "none"].includes(state.Health.Status)) return `${node.name} is ${state.Health.Status}`;
      return networks[this.network] === undefined ? `${node.name} is not on network ${this.network}` : undefined;
    }));
    return listed(faults);
  }

  /** Controllers that don't call themselves well. */
  async notWell(signal: AbortSignal): Promise<string | undefined> {
    const faults = await Promise.all(this.controllers.map(async (controller) => {
      const { status, reasons } = await this.client(controller).health(signal);
      return status === "ok" ? undefined : `${controller.name} is ${status}${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}`;
    }));
    return listed(faults);
  }

  /** Controllers that miss others, or replicas. */
  private async notConnected(signal: AbortSignal): Promise<string | undefined> {
    const statuses = await this.statuses(signal);
    return listed(statuses.map((status, index) => {
      const name = this.controllers[index]?.name ?? "";
      const [controllers, chunkservers] = [alive(status.controllers), alive(status.chunkservers)];
      if (controllers !== this.controllers.length) return `${name} sees ${controllers} of ${this.controllers.length} controllers`;
      if (chunkservers !== this.chunkservers.length) return `${name} sees ${chunkservers} of ${this.chunkservers.length} chunkservers`;
      return status.underReplicatedChunks === 0 ? undefined : `${name} counts ${status.underReplicatedChunks} chunks with too few replicas`;
    }));
  }

  readonly describe = describeUndo;

  async perform(action: StoreUndo, signal: AbortSignal): Promise<void> {
    switch (action.kind) {
      case "start": return unlessGone(this.engine.start(action.container, signal));
      case "rejoin": return unlessGone(leaveSide(this.engine, action, signal));
      case "remove-network": return removeNetwork(this.engine, action.network, this.options.clock, signal);
      case "delete-files": return this.deleteFiles(action.prefix, signal);
    }
  }

  /** From the view of every controller: one that was away may still know a file that the others don't. */
  private async deleteFiles(prefix: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    const { missing } = await until(async (looking) => {
      const left = await Promise.all(this.controllers.map(async (controller) => {
        const client = this.client(controller);
        const names = (await client.list(looking)).map(({ name }) => name).filter((name) => name.startsWith(`${prefix}-`));
        for (const name of names) await client.remove(name, looking);
        return names.length;
      }));
      return left.every((count) => count === 0) ? undefined : `${Math.max(...left)} files of the drill are still listed`;
    }, { deadlineSeconds: DEADLINES.converged, clock, signal });
    if (missing !== undefined) throw new Error(missing);
  }

  /** Address of a node on the store's network, as other nodes know it. */
  async address(node: StoreNode, signal: AbortSignal): Promise<string | undefined> {
    return addressOn(await this.inspect(node, signal), this.network);
  }

  /** Folder of a node's data inside its container. */
  async dataFolder(node: StoreNode, signal: AbortSignal): Promise<string> {
    const { Config: { Env: variables } } = await this.inspect(node, signal);
    return variables?.find((variable) => variable.startsWith("DATA_DIR="))?.slice("DATA_DIR=".length) ?? "/data"; // DATA_DIR's default
  }
}

export function alive(nodes: readonly { readonly alive: boolean }[]): number {
  return nodes.filter((node) => node.alive).length;
}

function listed(faults: readonly (string | undefined)[]): string | undefined {
  const found = faults.filter((fault) => fault !== undefined);
  return found.length === 0 ? undefined : found.join(", ");
}

/** An overlay network is told of its last member's leaving only after a moment; until then it refuses to go. */
export async function removeNetwork(engine: Pick<DockerEngine, "removeNetwork">, network: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const { missing } = await until((looking) => engine.removeNetwork(network, looking).then(() => undefined), { deadlineSeconds: NETWORK_SECONDS, clock, signal });
  if (missing !== undefined) throw new Error(missing);
}

/** A container that was removed meanwhile can't be put back, and need not be. */
async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof EngineRefusal && error.status === 404 && /no such container/i.test(reasonOf(error))) return;
    throw error;
  }
}
