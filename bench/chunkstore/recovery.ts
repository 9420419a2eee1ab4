/** Seconds until the cluster agrees again: after a write, and after a partition. */
import type { BenchCluster } from "./cluster";
import { CONTROLLERS } from "./cluster";

export interface Times { readonly what: string; readonly seconds: readonly number[]; /** What section of the specification asks for. */ readonly target: number }

/** Specification of the chunk store, section "Targets". */
const CONVERGED_SECONDS = 6;
const HEALED_SECONDS = 30;

/** Writes through one controller after the other; how long until all hold the same. */
export async function convergence(cluster: BenchCluster, repeats: number): Promise<Times> {
  const seconds: number[] = [];
  for (let index = 0; index < repeats; index++) {
    const through = index % CONTROLLERS;
    await writeThrough(cluster, through, `converge-${index}`);
    seconds.push(await cluster.converged(through));
  }
  await remove(cluster, "converge-", repeats);
  return { what: "write → all controllers hold it", seconds, target: CONVERGED_SECONDS };
}

/** One controller is cut off, the others take writes; how long from the joining until all hold the same. */
export async function healing(cluster: BenchCluster, repeats: number): Promise<Times> {
  const seconds: number[] = [];
  const [first = "", second = ""] = cluster.endpoints;
  for (let index = 0; index < repeats; index++) {
    cluster.link("controller-3", "cut");
    try {
      await cluster.until("the controller is missed", ({ controllers }) => controllers.filter(({ alive }) => alive).length === CONTROLLERS - 1, { endpoints: [first, second] });
      await writeThrough(cluster, 0, `heal-${index}`);
    } finally {
      cluster.link("controller-3", "open");
    }
    seconds.push(await cluster.converged(0));
    await cluster.until("all know each other", ({ controllers }) => controllers.every(({ alive }) => alive));
  }
  await remove(cluster, "heal-", repeats);
  return { what: "controller's partition healed → all hold the same", seconds, target: HEALED_SECONDS };
}

/** One chunkserver is cut off while files are written; how long from the joining until every chunk is on all of them. */
export async function rereplication(cluster: BenchCluster, repeats: number): Promise<Times> {
  const seconds: number[] = [];
  for (let index = 0; index < repeats; index++) {
    cluster.link("chunkserver-5", "cut");
    try {
      await cluster.until("the chunkserver is missed", ({ chunkservers }) => chunkservers.some(({ alive }) => !alive));
      await writeThrough(cluster, 0, `replicate-${index}`);
    } finally {
      cluster.link("chunkserver-5", "open");
    }
    const began = performance.now();
    await cluster.until("the chunkserver is back", ({ chunkservers }) => chunkservers.every(({ alive }) => alive));
    await cluster.until("every chunk is everywhere", ({ underReplicatedChunks }) => underReplicatedChunks === 0);
    seconds.push((performance.now() - began) / 1000);
  }
  await remove(cluster, "replicate-", repeats);
  return { what: "chunkserver's partition healed → every chunk on all", seconds, target: HEALED_SECONDS };
}

const WRITE_BYTES = 64 * 1024;

async function writeThrough(cluster: BenchCluster, controller: number, name: string): Promise<void> {
  const endpoint = cluster.endpoints[controller] ?? "";
  cluster.client.prefer(endpoint);
  await cluster.client.upload(Buffer.alloc(WRITE_BYTES, name), { name });
  if (cluster.client.lastGood !== endpoint) throw new Error(`${endpoint} didn't take the write`);
}

async function remove(cluster: BenchCluster, prefix: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await cluster.client.delete(`${prefix}${index}`);
}
