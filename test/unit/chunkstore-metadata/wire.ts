/** Controllers with the real gossip that reach each other at once, for tests of single conversations. */
import type { ZodType } from "zod";
import { ClusterTime, createGossip, GOSSIP_PATH, Membership, openRecordStore, type Gossip, type MetadataStore } from "../../../workloads/chunkstore/metadata";
import { record, TestClock } from "./support";

export interface Logged { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }

export interface Node {
  readonly id: string;
  store: MetadataStore;
  gossip: Gossip;
  readonly clock: TestClock;
  readonly time: ClusterTime;
  readonly membership: Membership;
  readonly logged: Logged[];
  readonly messages: () => string[];
}

export const PORT = 8_001;

/** Controllers that reach each other at once; `cut` and `garble` by address. */
export class Wire {
  readonly nodes = new Map<string, Node>();
  readonly cut = new Set<string>();
  readonly garble = new Map<string, unknown>();
  readonly requests: { readonly from: string; readonly to: string; readonly path: string; readonly bytes: number }[] = [];

  /** Called before a request arrives. */
  onRequest: ((request: { readonly to: string; readonly path: string }) => void) | undefined;

  /** A node at the address `id`; in place of the one that is there. */
  add(id: string, nodeId = id): Node {
    const clock = new TestClock();
    const time = new ClusterTime(clock);
    const logged: Logged[] = [];
    const note = (level: string) => (fields: object, message: string): void => void logged.push({ level, message, fields: { ...fields } });
    const log = { debug: note("debug"), info: note("info"), warn: note("warn") };
    const membership = new Membership({ self: { id: nodeId, role: "controller" }, clock, log });
    const transport = { post: <T>(to: { address: string }, path: string, body: unknown, schema: ZodType<T>) => this.#post(id, to.address, path, body, schema) };
    const store = openRecordStore({ database: ":memory:", nodeId, time });
    const gossip = createGossip({ store, self: { id: nodeId, port: PORT }, clock, clusterTime: time, membership, transport, log });
    const node: Node = { id, store, gossip, clock, time, membership, logged, messages: () => logged.map(({ message }) => message) };
    this.nodes.get(id)?.store.close();
    this.nodes.set(id, node);
    for (const one of this.nodes.values()) one.membership.seeds([...this.nodes.keys()].map((address) => ({ address, port: PORT })));
    return node;
  }

  async #post<T>(from: string, to: string, path: string, body: unknown, schema: ZodType<T>): Promise<T> {
    const text = JSON.stringify(body);
    this.requests.push({ from, to, path, bytes: text.length });
    await Promise.resolve();
    this.onRequest?.({ to, path });
    const node = this.nodes.get(to);
    if (node === undefined || this.cut.has(to) || this.cut.has(from)) throw new Error("connection refused");
    if (this.garble.has(to)) return schema.parse(this.garble.get(to));
    const reply = path === GOSSIP_PATH ? node.gossip.handle(JSON.parse(text), from) : node.gossip.handleAntiEntropy(JSON.parse(text), from);
    return schema.parse(JSON.parse(JSON.stringify(reply)));
  }

  sent(path: string): number {
    return this.requests.filter((one) => one.path === path).length;
  }

  close(): void {
    for (const { store } of this.nodes.values()) store.close();
  }
}

/** Records that all have one origin, the same on every node. */
export function fill(store: MetadataStore, count: number, prefix = "file"): void {
  store.merge(Array.from({ length: count }, (_, index) => record(`${prefix}-${index}`, { z: 1 }, 1, "z")));
}
