/** The engine's volumes: folders of the container runtime, declared by a stack or made by the container that mounts them. */
import { mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import type { CloudContext, ResourceRecord } from "../../model";
import { labelMap, VOLUME } from "../define";
import { EngineError } from "../errors";
import type { EngineState } from "./state";

export interface VolumeView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  /** The folder on this machine. */
  readonly mountpoint: string;
  /** The resource that declares it, if one does. */
  readonly record?: ResourceRecord;
}

// Source: moby, volume/local and daemon/names: RestrictedNameChars.
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export class Volumes {
  /** @param users containers, in any state, that mount a volume */
  constructor(private readonly cloud: CloudContext, private readonly state: EngineState, private readonly users: (volume: string) => readonly string[]) {}

  list(): VolumeView[] {
    const declared = this.cloud.store.list(VOLUME).map((record): VolumeView => this.view(record.id, labelMap(record.inputs["labels"]), record.createdAt, record));
    const names = new Set(declared.map(({ name }) => name));
    return [...declared, ...this.state.volumes.filter(({ name }) => !names.has(name)).map(({ name, labels, createdAt }) => this.view(name, labels, createdAt))];
  }

  find(name: string): VolumeView | undefined {
    return this.list().find((volume) => volume.name === name);
  }

  mountpoint(name: string): string {
    return path.join(this.cloud.dataDir, "volumes", encodeURIComponent(name));
  }

  /** Makes the folder. @throws {EngineError} 400 for a name that Docker refuses */
  prepare(name: string): void {
    if (!NAME.test(name)) {
      throw new EngineError(400, `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`);
    }
    mkdirSync(this.mountpoint(name), { recursive: true });
  }

  /** A volume that a container mounts and nobody declared comes to be with it. */
  ensure(name: string): void {
    this.prepare(name);
    if (this.find(name) !== undefined) return;
    this.state.change({ volumes: [...this.state.volumes, { name, labels: {}, createdAt: this.cloud.clock.now().toISOString() }] });
  }

  /** What keeps it from being removed. */
  inUse(name: string): string | undefined {
    const users = this.users(name);
    return users.length === 0 ? undefined : `remove ${name}: volume is in use - [${users.join(", ")}]`;
  }

  /** With its data. @throws {EngineError} 409 while a container mounts it */
  remove(name: string): void {
    const reason = this.inUse(name);
    if (reason !== undefined) throw new EngineError(409, reason);
    this.discard(name);
  }

  /** A volume that nobody else can know, with its data. */
  discard(name: string): void {
    rmSync(this.mountpoint(name), { recursive: true, force: true });
    this.state.change({ volumes: this.state.volumes.filter((volume) => volume.name !== name) });
  }

  private view(name: string, labels: Readonly<Record<string, string>>, createdAt: string, record?: ResourceRecord): VolumeView {
    return { name, labels, createdAt, mountpoint: this.mountpoint(name), ...(record && { record }) };
  }
}
