/** The benchmark's results as Markdown tables. */
import type { CachedRead } from "./cached";
import type { ProcessFigures } from "./cluster";
import type { JobResult } from "./jobs";
import type { Times } from "./recovery";
import type { Throughput } from "./throughput";

const MIB = 2 ** 20;

/** MiB/s, and files/s where a file is small. */
function rate({ bytes, seconds }: JobResult, size: number): string {
  const mib = bytes / MIB / seconds;
  return size < MIB ? `${(bytes / size / seconds).toFixed(0)} files/s` : `${mib.toFixed(0)} MiB/s`;
}

function ratio(own: JobResult, other: JobResult): string {
  return `${(own.bytes / own.seconds / (other.bytes / other.seconds)).toFixed(2)}x`;
}

function sizeText(bytes: number): string {
  return bytes < MIB ? `${bytes / 1024} KiB` : bytes < 1024 * MIB ? `${bytes / MIB} MiB` : `${bytes / MIB / 1024} GiB`;
}

function markdown(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return ["", title, "", `| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...rows.map((row) => `| ${row.join(" | ")} |`), ""].join("\n");
}

export function throughputTable(rows: readonly Throughput[]): string {
  return markdown("Throughput; five replicas, beside copying the same bytes to five folders (upload) and to one (download), with SHA-256 and fsync",
    ["size", "clients", "files", "upload", "five copies", "ratio", "download", "one copy", "ratio"],
    rows.map(({ size, clients, files, upload, copies, download, copy }) => [sizeText(size), String(clients), String(files),
      rate(upload, size), rate(copies, size), ratio(upload, copies), rate(download, size), rate(copy, size), ratio(download, copy)]));
}

export function cachedTable(reads: readonly CachedRead[]): string {
  return markdown("Cached reads through one controller, beside a static file server (target: 0.50x)", ["size", "connections", "reads", "store", "static server", "ratio"],
    reads.map(({ size, lanes, count, store, server }) => [sizeText(size), String(lanes), String(count), rate(store, size), rate(server, size), ratio(store, server)]));
}

export function timesTable(startSeconds: number, times: readonly Times[]): string {
  const row = (what: string, seconds: readonly number[], target: number): string[] => {
    const sorted = seconds.toSorted((a, b) => a - b);
    return [what, String(seconds.length), (sorted[Math.floor(sorted.length / 2)] ?? NaN).toFixed(2), (sorted.at(-1) ?? NaN).toFixed(2), String(target)];
  };
  return markdown("Seconds", ["what", "times", "median", "longest", "target"], [row("start → 8 nodes healthy", [startSeconds], START_SECONDS), ...times.map(({ what, seconds, target }) => row(what, seconds, target))]);
}

/** Specification of the chunk store, section "Targets". */
const START_SECONDS = 10;
const PEAK_MIB = 200;

export function figuresTable(roles: ReadonlyMap<string, readonly ProcessFigures[]>): string {
  return markdown(`CPU and memory of all of the above (target: ${PEAK_MIB} MiB for each process)`, ["role", "processes", "CPU-s together", "CPU-s of the busiest", "peak MiB of the largest"],
    [...roles].map(([role, all]) => [role, String(all.length), all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0).toFixed(1),
      Math.max(...all.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1), (Math.max(...all.map(({ peakBytes }) => peakBytes)) / MIB).toFixed(0)]));
}
