/**
 * What each container is told of its network: one file a container, `containers/<id>/.stackfleet/network.json`, replaced whole,
 * which the preload in its processes reads and watches. Files are written only when their content changes.
 */
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import type { SetLink } from "./links";
import { networkFile } from "./names";
import type { ContainerSpec, Link } from "./port";
import { publishedAddress } from "./publish";
import { replaceFile } from "./replace";

/** Folder of the runtime's own files within a container's. */
export const PRIVATE_FOLDER = ".stackfleet";

/** How traffic with one other container fares; absent: open. */
export interface LinkView {
  /** What the other sends. */
  readonly in?: Link;
  /** What this container sends. */
  readonly out?: Link;
}

/** The form of the file. */
export interface ContainerView {
  readonly hostname?: string;
  /** Files of the networks that the container is on; see {@link networkFile}. */
  readonly networks: readonly string[];
  readonly publish?: ContainerSpec["publish"];
  /** By the other container's address; those that are open both ways are left out. */
  readonly links: Readonly<Record<string, LinkView>>;
}

/** A container as the network knows it. */
export interface Node {
  readonly spec: ContainerSpec;
  readonly address: string;
  /** The networks it is on now. */
  readonly networks: ContainerSpec["networks"];
  /** Networks it has been on since it was made. */
  readonly joined: ReadonlySet<string>;
  /** Its names resolve. */
  readonly running: boolean;
}

const CUT: Link = { kind: "cut" };

/**
 * How links fare that aren't open, by container and by the other's address: as they were set, and cut where two have shared a
 * network and share none any more. Two that never shared one need no entry: they can't have met, and a connect looks at the networks.
 */
export function linkViews(nodes: readonly Node[], links: Iterable<SetLink>): Map<string, Record<string, LinkView>> {
  const views = new Map<string, Record<string, LinkView>>();
  const add = (from: Node, to: Node, link: Link): void => {
    const [sender, receiver] = [views.get(from.spec.id) ?? {}, views.get(to.spec.id) ?? {}];
    views.set(from.spec.id, { ...sender, [to.address]: { ...sender[to.address], out: link } });
    views.set(to.spec.id, { ...receiver, [from.address]: { ...receiver[from.address], in: link } });
  };
  const byId = new Map(nodes.map((node) => [node.spec.id, node]));
  for (const { from, to, link } of links) {
    const [sender, receiver] = [byId.get(from), byId.get(to)];
    if (sender !== undefined && receiver !== undefined) add(sender, receiver, link);
  }
  for (const moved of nodes.filter(hasMoved)) {
    for (const other of nodes) {
      if (other === moved || !haveParted(moved, other)) continue;
      add(moved, other, CUT);
      add(other, moved, CUT);
    }
  }
  return views;
}

function haveParted(a: Node, b: Node): boolean {
  const now = new Set(a.networks.map(({ name }) => name));
  return !b.networks.some(({ name }) => now.has(name)) && [...b.joined].some((name) => a.joined.has(name));
}

/** It has left a network, and not come back. */
function hasMoved({ networks, joined }: Node): boolean {
  return joined.size > networks.length;
}

/** A container's file. */
export function viewFile(dataDir: string, id: string): string {
  return path.join(dataDir, "containers", id, PRIVATE_FOLDER, "network.json");
}

/** Keeps the containers' files in step with networks and links. */
export class Views {
  private readonly written = new Map<string, string>();

  constructor(private readonly dataDir: string) {}

  /** Writes what changed. */
  publish(nodes: readonly Node[], links: Iterable<SetLink>): void {
    const views = linkViews(nodes, links);
    for (const node of nodes) this.write(node, views.get(node.spec.id) ?? {});
  }

  private write(node: Node, links: Record<string, LinkView>): void {
    const { id, hostname, publish } = node.spec;
    const view: ContainerView = {
      ...(hostname !== undefined && { hostname }),
      networks: node.networks.map(({ name }) => networkFile(this.dataDir, name)),
      ...(publish !== undefined && { publish: publish.map((port) => ({ ...port, hostAddress: publishedAddress(port.hostAddress) })) }),
      links,
    };
    const text = JSON.stringify(view);
    if (this.written.get(id) === text) return;
    const file = viewFile(this.dataDir, id);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    replaceFile(file, text);
    this.written.set(id, text);
  }

  /** Its folder was removed. */
  forget(id: string): void {
    this.written.delete(id);
  }
}
