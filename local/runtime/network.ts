/** The network of one runtime: who is on which network, how the links fare, and the files that tell the containers' processes. */
import type { ContainerStore } from "./store";
import { LinkTable, type SetLink } from "./links";
import { NameTables } from "./names";
import { Views, type Node } from "./views";

/** Keeps the files in step with the containers. */
export class Network {
  private readonly names: NameTables;
  private readonly views: Views;
  private readonly table: LinkTable;
  private publishing: NodeJS.Immediate | undefined;

  constructor(dataDir: string, private readonly store: ContainerStore, private readonly nodes: () => Iterable<Node>) {
    this.names = new NameTables(dataDir);
    this.views = new Views(dataDir);
    this.table = new LinkTable(store.links());
  }

  /** Writes what changed. Names first: a connect that waits for its link finds the far side's network in order. */
  publish(): void {
    clearImmediate(this.publishing);
    this.publishing = undefined;
    const nodes = [...this.nodes()];
    this.names.publish(nodes.map(({ spec: { id }, address, networks, running }) => ({ id, address, networks, running })));
    this.views.publish(nodes, this.table.list());
  }

  /** The same, soon: many changes at once (a fleet that starts) are one write of the tables. */
  publishSoon(): void {
    this.publishing ??= setImmediate(() => this.publish());
  }

  /** Addresses of a name as a container sees it, one ahead each time. */
  resolve(node: Node, name: string): string[] {
    this.publish();
    return this.names.resolve(node.networks, name);
  }

  /** @throws ServiceError for a link of a container with itself, or a delay out of range */
  setLink(link: SetLink): void {
    this.table.set(link);
    this.store.saveLinks(this.table.list());
    this.publish();
  }

  links(): SetLink[] {
    return this.table.list();
  }

  /** The container and its folder are gone. */
  forget(id: string): void {
    this.views.forget(id);
    if (this.table.forget(id)) this.store.saveLinks(this.table.list());
    this.publish();
  }

  close(): void {
    clearImmediate(this.publishing);
  }
}
