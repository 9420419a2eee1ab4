/**
 * Name resolution by network alias. Each network has one file, `<dataDir>/networks/<network>.json`, which the preload in
 * the workloads reads by itself: no round trip to the daemon, and names go on resolving while the daemon is down.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import type { ContainerSpec } from "./port";
import { replaceFile } from "./replace";

/** The form of a network's file; the preload reads the same. */
export interface NetworkTable {
  readonly network: string;
  /** Name → addresses of the running containers that answer to it. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** Addresses of all containers on the network; those that don't run refuse connections. */
  readonly members: readonly string[];
}

/** A container on its networks. */
export interface Member {
  readonly id: string;
  readonly address: string;
  readonly networks: ContainerSpec["networks"];
  /** Its names resolve. */
  readonly running: boolean;
}

/** Tables of all networks that the members join. A container answers to its id and its aliases, on each network it joins. */
export function networkTables(members: Iterable<Member>): Map<string, NetworkTable> {
  const tables = new Map<string, { network: string; names: Record<string, string[]>; members: string[] }>();
  for (const { id, address, networks, running } of members) {
    for (const { name: network, aliases } of networks) {
      const table = tables.get(network) ?? { network, names: Object.create(null) as Record<string, string[]>, members: [] };
      tables.set(network, table);
      table.members.push(address);
      if (!running) continue;
      // Names are compared as DNS does, without regard to case.
      for (const name of new Set([id, ...aliases].map((alias) => alias.toLowerCase()))) (table.names[name] ??= []).push(address);
    }
  }
  return tables;
}

/** The file of one network; names such as `vpc-1/default` become one safe file name. */
export function networkFile(dataDir: string, network: string): string {
  return path.join(dataDir, "networks", `${encodeURIComponent(network)}.json`);
}

/** Keeps the networks' files in step with the members. */
export class NameTables {
  private readonly written = new Map<string, string>();
  private tables = new Map<string, NetworkTable>();
  private turn = 0;

  constructor(private readonly dataDir: string) {
    const folder = path.join(dataDir, "networks");
    mkdirSync(folder, { recursive: true });
    // Files of an earlier daemon count as written, with unknown content: the first publish renews or removes each.
    for (const file of readdirSync(folder)) this.written.set(decodeURIComponent(file.replace(/\.json(\.new)?$/, "")), "");
  }

  /** Writes the tables that changed; a network without members loses its file. */
  publish(members: Iterable<Member>): void {
    this.tables = networkTables(members);
    for (const [network, table] of this.tables) {
      const text = JSON.stringify(table);
      if (this.written.get(network) === text) continue;
      const file = networkFile(this.dataDir, network);
      replaceFile(file, text);
      this.written.set(network, text);
    }
    for (const network of [...this.written.keys()].filter((name) => !this.tables.has(name))) {
      rmSync(networkFile(this.dataDir, network), { force: true });
      this.written.delete(network);
    }
  }

  /** Addresses of a name on these networks, rotated by one each time, as a DNS round robin. */
  resolve(networks: ContainerSpec["networks"], name: string): string[] {
    const key = name.toLowerCase();
    const addresses = [...new Set(networks.flatMap((network) => this.tables.get(network.name)?.names[key] ?? []))];
    const shift = addresses.length === 0 ? 0 : this.turn++ % addresses.length;
    return [...addresses.slice(shift), ...addresses.slice(0, shift)];
  }
}
