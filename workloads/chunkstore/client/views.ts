/** Results as text. Sizes in binary units, times in UTC, names of others made safe for the terminal. */
import type { ClusterStatus, FileEntry, FileLocations } from "../contract/clientApi";
import { plural, safe, size, table, time } from "./text";

export function filesView(files: readonly FileEntry[]): string {
  return table(["NAME", "SIZE", "TAGS", "REPLICAS", "MODIFIED"], files.map((file) => [file.name, size(file.size), file.tags.join(", "), String(file.replicas), time(file.modifiedAt)]), [1, 3]);
}

export function storedView(file: FileEntry): string {
  return `stored ${safe(file.name)}: ${size(file.size)}, ${plural(file.replicas, "replica")}, SHA-256 ${file.sha256}\n`;
}

export function locationsView({ chunks }: FileLocations): string {
  return table(["CHUNK", "SIZE", "SHA-256", "REPLICAS", "CHUNKSERVERS"],
    chunks.map((chunk) => [String(chunk.index), size(chunk.size), chunk.sha256.slice(0, 16), String(chunk.chunkservers.length), chunk.chunkservers.join(", ")]), [0, 1, 3]);
}

export function statusView(status: ClusterStatus): string {
  const { controllers, chunkservers } = status;
  const living = (nodes: readonly { readonly alive: boolean }[]): string => `${nodes.filter(({ alive }) => alive).length} of ${nodes.length}`;
  const seen = (seconds: number): string => `${seconds.toFixed(1)} s ago`;
  const nodes = [
    ...controllers.map((node) => [node.id, "controller", node.alive ? "alive" : "lost", node.address, seen(node.secondsSinceSeen), "", "", ""]),
    ...chunkservers.map((node) => [node.id, "chunkserver", node.alive ? "alive" : "lost", node.address, seen(node.secondsSinceSeen), String(node.chunks), size(node.freeBytes), size(node.capacityBytes)]),
  ];
  return `${living(controllers)} controllers and ${living(chunkservers)} chunkservers alive, as ${safe(status.nodeId)} sees it\n`
    + `${plural(status.files, "file")}, ${plural(status.chunks, "chunk")}, ${status.underReplicatedChunks} under-replicated; replication factor ${status.replicationFactor}; metadata ${safe(status.metadataDigest).slice(0, 12)}\n\n`
    + table(["NODE", "ROLE", "STATE", "ADDRESS", "SEEN", "CHUNKS", "FREE", "CAPACITY"], nodes, [4, 5, 6]);
}
