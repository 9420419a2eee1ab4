/** Network partitions: some containers of a network are moved to a side network of their own, where they see each other only. */
import type { Undo, UndoHandle } from "../model";
import type { DockerEngine } from "./client";
import type { Container } from "./schemas";

/** A container to move, and how it was known on the network. */
export interface Rejoin {
  readonly container: string;
  readonly network: string;
  readonly aliases: readonly string[];
  readonly side: string;
}

export type PartitionUndo =
  | { readonly kind: "rejoin"; readonly container: string; readonly node: string; readonly network: string; readonly aliases: string[]; readonly side: string }
  | { readonly kind: "remove-network"; readonly network: string };

export interface PartitionOptions {
  readonly engine: DockerEngine;
  readonly undo: Undo<PartitionUndo>;
  readonly network: string;
  /** Name of the side network. */
  readonly side: string;
  readonly minority: readonly { readonly container: string; readonly name: string }[];
  readonly signal: AbortSignal;
}

/** @returns heals it */
export async function partition({ engine, undo, network, side, minority, signal }: PartitionOptions): Promise<() => Promise<void>> {
  const main = await engine.network(network, signal);
  if (main === undefined) throw new Error(`the engine has no network ${network}`);
  const removal = await undo.add({ kind: "remove-network", network: side });
  // A name is remembered before its network exists: an id would be lost when the drill dies between the two.
  await engine.createNetwork({ name: side, driver: main.Driver, labels: { "stackfleet:drill": side } }, signal);
  const moved: UndoHandle[] = [];
  for (const { container, name } of minority) {
    const aliases = aliasesOn(await engine.inspect(container, signal), network);
    moved.push(await undo.add({ kind: "rejoin", container, node: name, network, aliases, side }));
    await engine.connect(side, container, aliases, signal);
  }
  // All at once: until the last one has left, the two sides still meet.
  await Promise.all(minority.map(({ container }) => engine.disconnect(network, container, signal)));
  return async () => {
    await Promise.all(moved.map((handle) => handle.perform()));
    await removal.perform();
  };
}

/** Back to the network, and off the side network; what is in order already is left alone. */
export async function leaveSide(engine: DockerEngine, { container, network, aliases, side }: Rejoin, signal: AbortSignal): Promise<void> {
  const { NetworkSettings: { Networks: networks } } = await engine.inspect(container, signal);
  if (networks[network] === undefined) await engine.connect(network, container, aliases, signal);
  if (networks[side] !== undefined) await engine.disconnect(side, container, signal);
}

export function addressOn(container: Container, network: string): string | undefined {
  return container.NetworkSettings.Networks[network]?.IPAddress || undefined;
}

/** Without the short id, which engines before 25 list among the aliases and add by themselves. */
function aliasesOn(container: Container, network: string): string[] {
  return (container.NetworkSettings.Networks[network]?.Aliases ?? []).filter((alias) => alias !== container.Id.slice(0, 12));
}
