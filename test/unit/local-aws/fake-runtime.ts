/** Containers and functions without processes. */
import { ServiceError } from "../../../local/model";
import type { ContainerRuntime, ContainerSpec, ContainerState, FunctionRuntime, FunctionSpec } from "../../../local/runtime/port";

/** Containers that are states only. Healthy at once unless told otherwise. */
export class FakeRuntime implements ContainerRuntime {
  readonly states = new Map<string, ContainerState>();
  readonly #listeners = new Set<(state: ContainerState) => void>();
  removed: string[] = [];
  /** Images that can't be pulled. */
  broken = new Set<string>();
  healthAtStart: "healthy" | "starting" = "healthy";

  async run(spec: ContainerSpec): Promise<ContainerState> {
    if (this.broken.has(spec.image)) throw new ServiceError("CannotPullContainerError", `${spec.image} is not in the image table`);
    const state: ContainerState = {
      spec,
      status: "running",
      health: spec.healthCheck ? this.healthAtStart : "none",
      address: `127.64.0.${this.states.size + 1}`,
      restarts: 0,
      logFile: "",
      startedAt: "2026-11-21T09:00:00.000Z",
    };
    this.#set(state);
    return state;
  }
  async remove(id: string): Promise<void> {
    if (this.states.delete(id)) this.removed.push(id);
  }
  async stop(id: string): Promise<void> {
    this.change(id, { status: "exited", exitCode: 0 });
  }
  async start(id: string): Promise<ContainerState> {
    return this.change(id, { status: "running" });
  }
  get(id: string): ContainerState | undefined {
    return this.states.get(id);
  }
  list(labels: Readonly<Record<string, string>> = {}): ContainerState[] {
    return [...this.states.values()].filter((state) => Object.entries(labels).every(([name, value]) => state.spec.labels[name] === value));
  }
  async waitHealthy(): Promise<ContainerState> {
    throw new Error("not used");
  }
  onChange(listener: (state: ContainerState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async kill(id: string): Promise<void> {
    this.change(id, { status: "exited", exitCode: 137 });
  }
  async *logs(): AsyncGenerator<string> {}
  resolve(): string[] {
    return [];
  }
  connect(): void {}
  disconnect(): void {}
  networksOf(): [] {
    return [];
  }
  setLink(): void {}
  links(): [] {
    return [];
  }
  change(id: string, changes: Partial<ContainerState>): ContainerState {
    const before = this.states.get(id);
    if (!before) throw new Error(`no container ${id}`);
    const state = { ...before, ...changes };
    this.#set(state);
    return state;
  }
  #set(state: ContainerState): void {
    this.states.set(state.spec.id, state);
    for (const listener of this.#listeners) listener(state);
  }
}

/** Functions that answer with what they got. */
export class FakeFunctions implements FunctionRuntime {
  readonly deployed = new Map<string, FunctionSpec>();
  async deploy(fn: FunctionSpec): Promise<void> {
    this.deployed.set(fn.name, fn);
  }
  async remove(name: string): Promise<void> {
    this.deployed.delete(name);
  }
  async invoke(name: string, payload: Uint8Array): ReturnType<FunctionRuntime["invoke"]> {
    const input = JSON.parse(Buffer.from(payload).toString("utf8")) as { fail?: boolean };
    if (input.fail)
      return {
        payload: Buffer.from(JSON.stringify({ errorType: "Error", errorMessage: "failed as asked" })),
        functionError: "Unhandled",
        logTail: "boom",
      };
    return { payload: Buffer.from(JSON.stringify({ name, input })), logTail: "START\nEND" };
  }
}
