/** `npm run bench -- chunkstore [--quick] [--max-gib N]`: the chunk store beside plain copies and a static file server; times, CPU and memory. */
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { benchCachedReads, type CachedRead } from "./cached";
import { BenchCluster } from "./cluster";
import { Worker, type Workers } from "./processes";
import { convergence, healing, rereplication } from "./recovery";
import { cachedTable, figuresTable, throughputTable, timesTable } from "./tables";
import { measureRow, plan, type Throughput } from "./throughput";

/** Of content at once. */
const DEFAULT_MAX_GIB = "4";
const QUICK_MAX_GIB = "0.25";
/** Content takes six times its size: five replicas and a download, later five copies and one more. Some room is left to others. */
const DISK_SHARE = 8;
const GIB = 2 ** 30;

export async function benchChunkstore(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], strict: false, options: { quick: { type: "boolean", default: false }, "max-gib": { type: "string" } } });
  const quick = values.quick === true;
  const maxGiB = Number(values["max-gib"] ?? (quick ? QUICK_MAX_GIB : DEFAULT_MAX_GIB));
  if (!(maxGiB > 0)) throw new Error(`--max-gib: got ${String(values["max-gib"])}; expected a number above 0`);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const dir = mkdtempSync(path.join(tmpdir(), "stackfleet-bench-chunks-"));
  const { bavail, bsize } = statfsSync(dir);
  const maxBytes = Math.min(maxGiB * GIB, (bavail * bsize) / DISK_SHARE);
  const workers: Workers = { clients: new Worker(), copies: new Worker() };
  say("starting 3 controllers and 5 chunkservers");
  const starting = BenchCluster.start(path.join(dir, "cluster"));
  try {
    await Promise.race([interruption(), starting.then((cluster) => measureAll(cluster, workers, path.join(dir, "data"), { quick, maxBytes, say }))]);
  } finally {
    for (const worker of Object.values(workers)) worker.close();
    // The nodes are no children of this process: they would outlive it.
    await starting.then((cluster) => cluster.close(), () => undefined);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Rejects at the first signal, so that all is put away. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });
}

async function measureAll(cluster: BenchCluster, workers: Workers, dir: string, { quick, maxBytes, say }: { readonly quick: boolean; readonly maxBytes: number; readonly say: (line: string) => void }): Promise<void> {
  mkdirSync(dir);
  const rows: Throughput[] = [];
  for (const row of plan(quick, maxBytes)) {
    say(`${row.files} files of ${row.size} bytes, ${row.clients} at once`);
    rows.push(await measureRow(row, dir, cluster, workers));
  }
  process.stdout.write(throughputTable(rows));
  say("cached reads beside a static file server");
  const cached: CachedRead[] = await benchCachedReads(dir, cluster, workers.clients, quick);
  process.stdout.write(cachedTable(cached));
  say("convergence and healing");
  const repeats = quick ? 2 : 5;
  const times = [await convergence(cluster, quick ? 5 : 12), await healing(cluster, repeats), await rereplication(cluster, repeats)];
  process.stdout.write(timesTable(cluster.startSeconds, times));
  process.stdout.write(figuresTable(new Map([...cluster.figures(), ["clients (one process)", [workers.clients.figures()]]])));
}
