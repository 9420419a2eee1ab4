/** The engine's networks: Docker's own, those of stacks, and those made through the API. The container runtime knows them by name. */
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import { labelMap, NETWORK, objectOf, textOf } from "../define";
import { EngineError } from "../errors";
import type { EngineState, StoredNetwork } from "./state";

export type Driver = "bridge" | "overlay" | "host" | "null";

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  readonly driver: Driver;
  /** `swarm`: every node of the swarm knows it. */
  readonly scope: "local" | "swarm";
  readonly attachable: boolean;
  readonly internal: boolean;
  readonly ingress: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly ipam: readonly Properties[];
  readonly createdAt: string;
  /** Made by Docker itself. */
  readonly predefined: boolean;
  /** The resource that declares it, if one does. */
  readonly record?: ResourceRecord;
}

/** Containers have addresses of the machine's loopback range, whatever network they are on. */
export const IPAM: readonly Properties[] = [{ subnet: "127.64.0.0/10", gateway: "127.0.0.1" }];
/** The network of a container that names none. */
export const DEFAULT_NETWORK = "bridge";

const PREDEFINED: readonly NetworkView[] = [
  predefined("bridge", "bridge", "b"), predefined("host", "host", "c"), predefined("none", "null", "d"), predefined("docker_gwbridge", "bridge", "e"),
  { ...predefined("ingress", "overlay", "f"), id: "ingress0000000000000000000", scope: "swarm", ingress: true },
];

// Source: moby, daemon/network.go: no name that looks like a path or is empty.
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export class Networks {
  /** @param members names of containers, running or not, that are on a network */
  constructor(private readonly cloud: CloudContext, private readonly state: EngineState, private readonly members: (network: string) => readonly { readonly name: string; readonly id: string }[]) {}

  list(): NetworkView[] {
    return [...PREDEFINED, ...this.cloud.store.list(NETWORK).map(ofRecord), ...this.state.networks.map(ofStored)];
  }

  /** By id, by name, or by the start of an id. */
  find(reference: string): NetworkView | undefined {
    const all = this.list();
    return all.find(({ id }) => id === reference) ?? all.find(({ name }) => name === reference) ?? only(all.filter(({ id }) => reference.length >= 4 && id.startsWith(reference)));
  }

  /** @throws {EngineError} 404 */
  get(reference: string): NetworkView {
    const found = this.find(reference);
    if (found !== undefined) return found;
    throw new EngineError(404, `network ${reference} not found`);
  }

  /** @throws {EngineError} 409 for a name that is taken, 403 for Docker's own */
  requireFree(name: string): void {
    if (!NAME.test(name)) throw new EngineError(400, `invalid network name: ${name}`);
    const taken = this.list().find((network) => network.name === name);
    if (taken?.predefined === true) throw new EngineError(403, `operation is not permitted on predefined ${name} network`);
    if (taken !== undefined) throw new EngineError(409, `network with name ${name} already exists`);
  }

  /** Overlay networks of a swarm have ids of another form. */
  newId(driver: string): string {
    return driver === "overlay" ? this.cloud.ids.alphanumeric(25).toLowerCase() : this.cloud.ids.hex(64);
  }

  /** Through the API. @throws {EngineError} as {@link requireFree} */
  create(network: Omit<StoredNetwork, "id" | "createdAt">): NetworkView {
    this.requireFree(network.name);
    const stored = { ...network, id: this.newId(network.driver), createdAt: this.cloud.clock.now().toISOString() };
    this.state.change({ networks: [...this.state.networks, stored] });
    return ofStored(stored);
  }

  /** What keeps it from being removed. */
  inUse({ name, id }: Pick<NetworkView, "name" | "id">): string | undefined {
    const members = this.members(name);
    if (members.length === 0) return undefined;
    return `error while removing network: network ${name} id ${id} has active endpoints (${members.map((member) => `name:"${member.name}" id:"${member.id.slice(0, 12)}"`).join(", ")})`;
  }

  /** Through the API. @throws {EngineError} 403 for Docker's own, and while containers are on it */
  remove(network: NetworkView): void {
    if (network.predefined) throw new EngineError(403, `${network.name} is a pre-defined network and cannot be removed`);
    const reason = this.inUse(network);
    if (reason !== undefined) throw new EngineError(403, reason);
    if (network.record !== undefined) this.cloud.discard(network.record);
    else this.state.change({ networks: this.state.networks.filter(({ id }) => id !== network.id) });
  }

  /** Containers of no swarm service may join. @throws {EngineError} 403 */
  requireAttachable({ name, scope, attachable, driver }: NetworkView): void {
    if (driver === "host" || driver === "null") throw new EngineError(403, `container cannot be connected to ${name} network: it is not a network of its own`);
    if (scope !== "swarm" || attachable) return;
    throw new EngineError(403, `Could not attach to network ${name}: rpc error: code = PermissionDenied desc = network ${name} not manually attachable`);
  }
}

function ofRecord(record: ResourceRecord): NetworkView {
  const { outputs } = record;
  const driver = outputs["driver"] === "overlay" ? "overlay" : "bridge";
  const options = Object.entries(objectOf(outputs["options"])).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const ipam = outputs["ipamConfigs"];
  return {
    id: record.id, name: textOf(outputs["name"]), driver, scope: driver === "overlay" ? "swarm" : "local",
    attachable: outputs["attachable"] === true, internal: outputs["internal"] === true, ingress: false,
    labels: labelMap(record.inputs["labels"]), options: Object.fromEntries(options), ipam: Array.isArray(ipam) ? ipam.map(objectOf) : IPAM,
    createdAt: record.createdAt, predefined: false, record,
  };
}

function ofStored(stored: StoredNetwork): NetworkView {
  return { ...stored, scope: stored.driver === "overlay" ? "swarm" : "local", ingress: false, ipam: IPAM, predefined: false };
}

function predefined(name: string, driver: Driver, digit: string): NetworkView {
  return {
    id: digit.repeat(64), name, driver, scope: "local", attachable: false, internal: false, ingress: false, labels: {}, options: {},
    ipam: driver === "bridge" ? IPAM : [], createdAt: "1970-01-01T00:00:00.000Z", predefined: true,
  };
}

function only<T>(found: readonly T[]): T | undefined {
  return found.length === 1 ? found[0] : undefined;
}
