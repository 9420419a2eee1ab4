/** Reads that a controller has in memory, beside a static file server: the same requests, one server after the other. */
import { rmSync } from "node:fs";
import * as path from "node:path";
import { ACCOUNT, type BenchCluster } from "./cluster";
import type { JobResult } from "./jobs";
import { startStaticServer, type Worker } from "./processes";
import { MANY_CLIENTS, writeRandom } from "./throughput";

export interface CachedRead { readonly size: number; readonly lanes: number; readonly store: JobResult; readonly server: JobResult; readonly count: number }

const KIB = 1024;
const MIB = 1024 * KIB;

/** The largest one fits a controller's cache of chunks, 48 MiB. */
const READS: readonly { readonly size: number; readonly count: number }[] = [{ size: KIB, count: 4_000 }, { size: 4 * MIB, count: 300 }, { size: 32 * MIB, count: 40 }];

export async function benchCachedReads(dir: string, cluster: BenchCluster, worker: Worker, quick: boolean): Promise<CachedRead[]> {
  const [endpoint = ""] = cluster.endpoints;
  const { token } = await cluster.client.login(ACCOUNT.user, ACCOUNT.password);
  const server = await startStaticServer(dir);
  const results: CachedRead[] = [];
  try {
    for (const { size, count: full } of READS) {
      const name = `cached-${size}`;
      const file = path.join(dir, name);
      const count = quick ? Math.ceil(full / 5) : full;
      writeRandom(file, size);
      await cluster.client.upload(file);
      for (const lanes of [1, MANY_CLIENTS]) {
        const read = (url: string, headers: Readonly<Record<string, string>>, times: number): Promise<JobResult> => worker.run({ kind: "get", url, headers, count: times, lanes });
        const store = (times: number): Promise<JobResult> => read(`${endpoint}/v1/files/${name}`, { authorization: `Bearer ${token}` }, times);
        const plain = (times: number): Promise<JobResult> => read(`${server.url}/${name}`, {}, times);
        await store(lanes); // fills the caches of both
        await plain(lanes);
        results.push({ size, lanes, count, store: await store(count), server: await plain(count) });
      }
      await cluster.client.delete(name);
      rmSync(file);
    }
    return results;
  } finally {
    server.close();
  }
}
