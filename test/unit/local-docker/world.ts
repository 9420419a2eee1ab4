/** A cloud with the docker package, simulated time that flies, and containers without processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { openCloud, type Cloud } from "../../../local/core/cloud";
import type { AnyModel, ResourceCall } from "../../../local/core/lifecycle";
import { dockerPackage } from "../../../local/docker/index";
import { engineOf, type Engine } from "../../../local/docker/engine/index";
import { ServiceError, type Properties, type ResourceRecord } from "../../../local/model";
import { checkInputs } from "../../../local/provider/check";
import type { ContainerRuntime, ContainerSpec, ContainerState } from "../../../local/runtime/port";
import { noFunctions } from "../../support/chain";

export const IMAGE = "stackfleet/loadtest:1";

/** Containers that are states only; networks as the real runtime has them. */
export class FakeContainers implements ContainerRuntime {
  readonly states = new Map<string, ContainerState>();
  readonly networks = new Map<string, Map<string, readonly string[]>>();
  readonly stops: { readonly id: string; readonly grace: number | undefined }[] = [];
  readonly signals: string[] = [];
  readonly lines = new Map<string, string[]>();
  /** What a start fails with. */
  failure: Error | undefined;
  /** What becomes of a container that is started. */
  onStart: (spec: ContainerSpec) => Partial<ContainerState> = (spec) => ({ status: "running", health: spec.healthCheck ? "healthy" : "none" });
  readonly #listeners = new Set<(state: ContainerState) => void>();
  #addresses = 0;

  async run(spec: ContainerSpec): Promise<ContainerState> {
    if (this.failure) throw this.failure;
    this.networks.set(spec.id, new Map(spec.networks.map(({ name, aliases }) => [name, aliases])));
    return this.#set({ spec, status: "running", health: "none", address: `127.64.9.${++this.#addresses}`, restarts: 0, logFile: "", startedAt: new Date(0).toISOString(), pid: 1_000_000, ...this.onStart(spec) });
  }
  async remove(id: string, grace?: number): Promise<void> {
    this.stops.push({ id, grace });
    this.states.delete(id);
    this.networks.delete(id);
  }
  async stop(id: string, grace?: number): Promise<void> {
    this.stops.push({ id, grace });
    this.change(id, { status: "exited", exitCode: grace === 0 ? 137 : 143 });
  }
  async start(id: string): Promise<ContainerState> {
    if (this.failure) throw this.failure;
    return this.change(id, this.onStart(this.state(id).spec));
  }
  get(id: string): ContainerState | undefined {
    return this.states.get(id);
  }
  list(): ContainerState[] {
    return [...this.states.values()];
  }
  waitHealthy(id: string, signal?: AbortSignal): Promise<ContainerState> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const state = this.state(id);
        if (state.health === "healthy") resolve(state);
        else if (state.status === "exited") reject(new ServiceError("ContainerExited", "it has ended"));
      };
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      this.onChange(look);
      look();
    });
  }
  onChange(listener: (state: ContainerState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async kill(id: string, { signal = "SIGKILL" }: { readonly signal?: NodeJS.Signals } = {}): Promise<void> {
    this.signals.push(signal);
    if (signal === "SIGKILL") this.change(id, { status: "exited", exitCode: 137 });
  }
  async *logs(id: string, { tail }: { readonly tail?: number }): AsyncGenerator<string> {
    const lines = this.lines.get(id) ?? [];
    yield* tail === undefined ? lines : lines.slice(-tail);
  }
  resolve(): string[] {
    return [];
  }
  connect(id: string, network: string, aliases: readonly string[]): void {
    this.networks.get(id)?.set(network, aliases);
  }
  disconnect(id: string, network: string): void {
    this.networks.get(id)?.delete(network);
  }
  networksOf(id: string): { name: string; aliases: readonly string[] }[] {
    return [...(this.networks.get(id) ?? [])].map(([name, aliases]) => ({ name, aliases }));
  }
  setLink(): void {}
  links(): never[] {
    return [];
  }
  change(id: string, changes: Partial<ContainerState>): ContainerState {
    const { pid, ...before } = this.state(id);
    const running = changes.status === undefined || changes.status === "running";
    return this.#set({ ...before, ...(running && { pid: pid ?? 1_000_000 }), ...changes });
  }
  state(id: string): ContainerState {
    const state = this.states.get(id);
    if (!state) throw new Error(`no container ${id}`);
    return state;
  }
  #set(state: ContainerState): ContainerState {
    this.states.set(state.spec.id, state);
    for (const listener of this.#listeners) listener(state);
    return state;
  }
}

export class DockerWorld {
  readonly dir = mkdtempSync(path.join(tmpdir(), "stackfleet-docker-"));
  readonly runtime = new FakeContainers();
  readonly cloud: Cloud;
  readonly engine: Engine;
  #count = 0;

  constructor() {
    this.cloud = openCloud({
      dir: this.dir, packages: [dockerPackage], runtime: this.runtime, functions: noFunctions(), endpointUrl: "http://127.0.0.1:1", timeScale: 1_000_000, seed: "test",
      log: { info: () => undefined, warn: () => undefined },
    });
    this.engine = engineOf(this.cloud.context);
  }

  close(): void {
    this.cloud.shutdown();
    this.cloud.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  model(type: string): AnyModel {
    const found = dockerPackage.resources.find((model) => model.type === type);
    if (!found) throw new Error(`no model of ${type}`);
    return found;
  }

  call(type: string, name = `r${++this.#count}`): ResourceCall {
    const scope = { region: "local", account: "000000000000", stack: "s", urn: `urn:pulumi:s::p::${type}::${name}`, type, name, signal: new AbortController().signal };
    return { model: this.model(type), scope };
  }

  /** Faults of a check, as `property: reason`. */
  faults(type: string, inputs: Properties): string[] {
    const { faults } = checkInputs({ model: this.model(type), name: "x", scope: { region: "local", account: "0" }, olds: {}, news: inputs as never, randomSeed: new Uint8Array([1]), defaultTags: {} });
    return faults.map(({ property, reason }) => `${property}: ${reason}`);
  }

  create(type: string, inputs: Properties, name?: string): Promise<ResourceRecord> {
    return this.cloud.lifecycle.create(this.call(type, name), inputs);
  }

  read(record: ResourceRecord): Promise<ResourceRecord | undefined> {
    return this.cloud.lifecycle.read(this.call(record.type), record.id);
  }

  update(record: ResourceRecord, inputs: Properties): Promise<ResourceRecord> {
    return this.cloud.lifecycle.update(this.call(record.type), record.id, inputs);
  }

  delete(record: ResourceRecord): Promise<void> {
    return this.cloud.lifecycle.delete(this.call(record.type), record.id);
  }

  /** State of a container's process. */
  state(record: ResourceRecord): ContainerState {
    return this.runtime.state(this.engine.containers.view(record).runtimeId);
  }
}

/** Message of the error that a call ends with. */
export function failure(call: Promise<unknown>): Promise<string> {
  return call.then(() => "no error", (error: unknown) => (error instanceof Error ? error.message : String(error)));
}
