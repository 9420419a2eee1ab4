/** The engine's containers: what the stacks declared, with what the container runtime tells of each, and what can be done to them. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { CloudContext, ResourceRecord } from "../../model";
import type { ContainerState } from "../../runtime/port";
import { CONTAINER, labelMap, textOf } from "../define";
import { EngineError, notModelled } from "../errors";
import type { ImageUser } from "./images";
import type { NetworkView } from "./networks";
import { askedNetworks, hostAddress, IMAGE_LABEL, namesOn, publishedPorts, runtimeId, signalName, volumeMounts } from "./spec";

/** Docker's words for what a container is doing. */
export type Status = "created" | "running" | "restarting" | "removing" | "exited";

export interface ContainerView {
  readonly record: ResourceRecord;
  readonly id: string;
  readonly name: string;
  readonly runtimeId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: Status;
  /** As Docker counts it: one that waits for its next start runs too. */
  readonly running: boolean;
  /** Undefined until its first start. */
  readonly state?: ContainerState;
}

/** A negative grace means that nobody kills it. */
const FOREVER_SECONDS = 7 * 24 * 3_600;

export class Containers {
  /**
   * @param networkNamed the network behind a name or an id
   * @param imageNamed the id of the image behind a name or an id
   */
  constructor(
    private readonly cloud: CloudContext,
    private readonly networkNamed: (reference: string) => NetworkView | undefined,
    private readonly imageNamed: (reference: string) => string | undefined,
  ) {}

  list(): ContainerView[] {
    return this.cloud.store.list(CONTAINER).map((record) => this.view(record));
  }

  view(record: ResourceRecord): ContainerView {
    const id = runtimeId(record);
    const state = this.cloud.runtime.get(id);
    const status = record.status === "deleting" ? "removing" : statusOf(state);
    return {
      record, id: record.id, name: textOf(record.outputs["name"]), runtimeId: id, labels: labelMap(record.inputs["labels"]), status,
      running: status === "running" || status === "restarting", ...(state && { state }),
    };
  }

  /** By id, by name (with or without its slash), or by the start of an id. @throws {EngineError} 404 */
  get(reference: string): ContainerView {
    const name = reference.replace(/^\//, "");
    const all = this.list();
    const started = all.filter(({ id }) => id.startsWith(reference));
    const found = all.find(({ id }) => id === reference) ?? all.find((container) => container.name === name) ?? (started.length === 1 ? started[0] : undefined);
    if (found !== undefined) return found;
    throw new EngineError(started.length > 1 ? 400 : 404, started.length > 1 ? `multiple IDs found with provided prefix: ${reference}` : `No such container: ${reference}`);
  }

  /** @throws {EngineError} 409 when a container has the name */
  requireFree(name: string): void {
    const taken = this.list().find((container) => container.name === name);
    if (taken === undefined) return;
    throw new EngineError(409, `Conflict. The container name "/${name}" is already in use by container "${taken.id}". You have to remove (or rename) that container to be able to reuse that name.`);
  }

  /** Networks of a container and the names that were given for it there; of one that never started, those that it asks for. */
  networksOf({ record, state, runtimeId: id }: Pick<ContainerView, "record" | "state" | "runtimeId">): { readonly name: string; readonly aliases: readonly string[] }[] {
    if (state !== undefined) return [...this.cloud.runtime.networksOf(id)];
    return askedNetworks(record).flatMap(({ reference, aliases }) => {
      const network = this.networkNamed(reference);
      return network === undefined ? [] : [{ name: network.name, aliases: namesOn(network.name, record, aliases) }];
    });
  }

  /** Containers, in whatever state, that are on a network. */
  membersOf(network: string): ContainerView[] {
    return this.list().filter((container) => this.networksOf(container).some(({ name }) => name === network));
  }

  mounting(volume: string): string[] {
    return this.list().filter(({ record }) => volumeMounts(record).some(({ name }) => name === volume)).map(({ id }) => id);
  }

  /** What the images must know of their users. */
  imageUsers(): ImageUser[] {
    return this.list().map((container) => ({ id: container.id, image: this.imageOf(container), running: container.running }));
  }

  /** Id of the image that it runs; a name that has moved to a newer one since makes no difference. */
  imageOf({ record, state }: Pick<ContainerView, "record" | "state">): string {
    return state?.spec.labels[IMAGE_LABEL] ?? this.imageNamed(textOf(record.inputs["image"])) ?? "";
  }

  /** Ports that have no number get a free one, and keep it. */
  async choosePorts(record: ResourceRecord): Promise<void> {
    const ports = publishedPorts(record.outputs);
    if (ports.every(({ external }) => external > 0)) return;
    const chosen = [];
    for (const port of ports) chosen.push(port.external > 0 ? port : { ...port, external: await freePort(hostAddress(port.ip)) });
    this.cloud.store.patch(record.key, { ports: chosen.map((port) => ({ ...port })) });
  }

  /** @throws {EngineError} 500 when a running container has one of the ports */
  requirePorts(record: ResourceRecord): void {
    const others = this.list().filter((other) => other.id !== record.id && other.running);
    for (const { ip, external } of publishedPorts(record.outputs)) {
      const owner = others.find((other) => publishedPorts(other.record.outputs).some((port) => port.external === external && hostAddress(port.ip) === hostAddress(ip)));
      if (owner !== undefined) throw portTaken(record, `Bind for ${ip}:${external} failed: port is already allocated`);
    }
  }

  /** @returns false when it runs already @throws {EngineError} */
  async start({ record, runtimeId: id, running, state }: ContainerView): Promise<boolean> {
    if (running) return false;
    if (state === undefined) throw notModelled("the first start of a container by hand", "local/docker/engine/containers.ts");
    this.requirePorts(record);
    try {
      await this.cloud.runtime.start(id);
    } catch (error) {
      throw startFailure(record, error);
    }
    return true;
  }

  /** @param seconds of grace @default the container's own, else 10 @returns false when it is stopped already */
  async stop(container: ContainerView, seconds?: number): Promise<boolean> {
    if (!container.running) return false;
    await this.cloud.runtime.stop(container.runtimeId, seconds !== undefined && seconds < 0 ? FOREVER_SECONDS : seconds);
    return true;
  }

  /**
   * Sends a signal. SIGKILL ends the container for good, whatever its restart policy, as in Docker.
   * @throws {EngineError} 409 when it doesn't run, 400 for an unknown signal
   */
  async kill(container: ContainerView, name = "SIGKILL"): Promise<void> {
    const signal = signalName(name);
    if (signal === undefined) throw new EngineError(400, `invalid signal: ${name}`);
    if (!container.running) throw new EngineError(409, `cannot kill container: ${container.id}: container ${container.id} is not running`);
    await this.cloud.runtime.kill(container.runtimeId, { signal, manual: true });
  }

  /** @throws {EngineError} 403 when it is on the network already, 501 for one that never started */
  connect(container: ContainerView, network: NetworkView, aliases: readonly string[]): void {
    if (container.state === undefined) throw notModelled("connecting a container that never started", "local/docker/engine/containers.ts");
    if (this.networksOf(container).some(({ name }) => name === network.name)) throw new EngineError(403, `endpoint with name ${container.name} already exists in network ${network.name}`);
    this.cloud.runtime.connect(container.runtimeId, network.name, namesOn(network.name, container.record, aliases));
  }

  /** @throws {EngineError} 500 when it isn't on the network */
  disconnect(container: ContainerView, network: NetworkView): void {
    if (container.state === undefined) throw notModelled("disconnecting a container that never started", "local/docker/engine/containers.ts");
    if (!this.networksOf(container).some(({ name }) => name === network.name)) throw new EngineError(500, `container ${container.id} is not connected to network ${network.name}`);
    this.cloud.runtime.disconnect(container.runtimeId, network.name);
  }

  /** Resolves when the container doesn't run, at once if so; the signal ends the wait. */
  async ended(reference: { readonly runtimeId: string }, signal: AbortSignal): Promise<void> {
    const running = () => !["created", "exited"].includes(statusOf(this.cloud.runtime.get(reference.runtimeId)));
    const done = new AbortController();
    const unsubscribe = this.cloud.runtime.onChange(({ spec }) => {
      if (spec.id === reference.runtimeId && !running()) done.abort();
    });
    try {
      if (running() && !signal.aborted) await once(AbortSignal.any([signal, done.signal]), "abort");
      signal.throwIfAborted();
    } finally {
      unsubscribe();
    }
  }
}

/** What a failed start is in Docker's words. */
export function startFailure(record: ResourceRecord, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return /already allocated|EADDRINUSE/.test(message) ? portTaken(record, message.replace(/^\w+: /, "")) : new EngineError(500, message);
}

function portTaken(record: ResourceRecord, reason: string): EngineError {
  const name = textOf(record.outputs["name"]);
  return new EngineError(500, `driver failed programming external connectivity on endpoint ${name} (${record.id}): ${reason}`);
}

function statusOf(state: ContainerState | undefined): Status {
  switch (state?.status) {
    case undefined: return "created";
    case "starting": case "running": case "stopping": return "running";
    case "restarting": return "restarting";
    case "exited": return "exited";
  }
}

async function freePort(address: string): Promise<number> {
  const probe = createServer();
  probe.listen(0, address);
  await once(probe, "listening");
  const bound = probe.address();
  probe.close();
  await once(probe, "close");
  if (bound === null || typeof bound === "string") throw new EngineError(500, `no free port on ${address}`);
  return bound.port;
}

