/** A worker process of the benchmark: takes one job after the other by IPC. */
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import { Agent, get } from "node:http";
import * as path from "node:path";
import { ChunkStoreClient } from "../../workloads/chunkstore/client";
import type { Item, Job, JobResult, WorkerMessage } from "./jobs";

const BLOCK_BYTES = 1024 * 1024;

async function run(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "upload": return withClients(job, async (client, { file, name }) => (await client.upload(file, { name })).size);
    case "download": return withClients(job, async (client, { file, name }) => (await client.download(name, file, { force: true })).size);
    case "copy": return timed(job.lanes, job.items, (item) => copy(item, job.folders));
    case "get": return getMany(job);
  }
}

/** Runs all tasks, so many at once. */
async function timed<T>(lanes: number, tasks: readonly T[], work: (task: T, lane: number) => Promise<number>): Promise<JobResult> {
  const queue = tasks[Symbol.iterator]();
  let bytes = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (const task of queue) {
      const done = await work(task, lane); // apart from the sum, which other lanes add to meanwhile
      bytes += done;
    }
  }));
  return { seconds: (performance.now() - began) / 1000, bytes };
}

async function withClients(job: Extract<Job, { readonly kind: "upload" | "download" }>, work: (client: ChunkStoreClient, item: Item) => Promise<number>): Promise<JobResult> {
  const rotated = (by: number): readonly string[] => job.endpoints.map((_, index) => job.endpoints[(index + by) % job.endpoints.length] ?? "");
  const clients = Array.from({ length: job.lanes }, (_, lane) => new ChunkStoreClient({ endpoints: rotated(lane) }));
  try {
    for (const client of clients) await client.login(job.user, job.password); // one after the other: a password's hash costs a controller 100 ms
    return await timed(job.lanes, job.items, (item, lane) => work(clients[lane] ?? neverClient(), item));
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

function neverClient(): never {
  throw new Error("a lane without a client");
}

/** Reads once, hashes once, writes everywhere; the files and their folders are on disk when it returns. */
async function copy({ file, name }: Item, folders: readonly string[]): Promise<number> {
  const source = await fs.open(file);
  const parts = folders.map((folder) => path.join(folder, `${name}.part`));
  const targets = await Promise.all(parts.map((part) => fs.open(part, "w")));
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for (;;) {
      const { bytesRead, buffer } = await source.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, bytes);
      if (bytesRead === 0) break;
      const block = buffer.subarray(0, bytesRead);
      hash.update(block);
      await Promise.all(targets.map((target) => target.write(block, 0, bytesRead, bytes)));
      bytes += bytesRead;
    }
    await Promise.all(targets.map((target) => target.sync()));
  } finally {
    await Promise.all([source, ...targets].map((handle) => handle.close()));
  }
  await Promise.all(folders.map(async (folder, index) => {
    await fs.rename(parts[index] ?? "", path.join(folder, name));
    const handle = await fs.open(folder);
    await handle.sync();
    await handle.close();
  }));
  return bytes;
}

async function getMany({ url, headers, count, lanes }: Extract<Job, { readonly kind: "get" }>): Promise<JobResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  const one = (): Promise<number> => new Promise((resolve, reject) => {
    get(url, { agent, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (piece: Buffer) => (bytes += piece.length));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`${url}: status ${String(answer.statusCode)}`))));
      answer.on("error", reject);
    }).on("error", reject);
  });
  try {
    return await timed(lanes, Array.from({ length: count }), one);
  } finally {
    agent.destroy();
  }
}

const reply = (message: WorkerMessage): void => void process.send?.(message);
process.on("message", (job: Job) => {
  run(job).then((ok) => reply({ ok }), (error: unknown) => reply({ failed: error instanceof Error ? error.message : String(error) }));
});
process.on("disconnect", () => process.exit()); // the benchmark is gone
