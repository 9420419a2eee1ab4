/** Uploads and downloads beside copies of the same bytes on the same disk. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import * as path from "node:path";
import { ACCOUNT, CHUNKSERVERS, type BenchCluster } from "./cluster";
import type { Item, JobResult } from "./jobs";
import type { Workers } from "./processes";

export interface Row { readonly size: number; readonly clients: number; readonly files: number }
export interface Throughput extends Row { readonly upload: JobResult; readonly copies: JobResult; readonly download: JobResult; readonly copy: JobResult }

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Files a row, by size: enough to be measured, and no more. */
const PLAN: readonly { readonly size: number; readonly files: readonly [one: number, many: number] }[] = [
  { size: KIB, files: [200, 800] }, { size: 4 * MIB, files: [32, 128] }, { size: 256 * MIB, files: [2, 16] }, { size: GIB, files: [1, 16] },
];
const QUICK_PLAN: typeof PLAN = [{ size: KIB, files: [50, 160] }, { size: 4 * MIB, files: [8, 32] }, { size: 64 * MIB, files: [2, 4] }];
export const MANY_CLIENTS = 16;

/** The rows, none of which stores more than so many bytes at once. */
export function plan(quick: boolean, maxBytes: number): Row[] {
  const rows = (quick ? QUICK_PLAN : PLAN).flatMap(({ size, files }) => files.map((wanted, index) => {
    const count = Math.max(1, Math.min(wanted, Math.floor(maxBytes / size)));
    return { size, files: count, clients: index === 0 ? 1 : Math.min(MANY_CLIENTS, count) };
  }));
  // With room for one file only, many clients are one.
  return rows.filter((row, index) => row.clients !== rows[index - 1]?.clients || row.size !== rows[index - 1]?.size);
}

/** Measures one row, and removes all that it wrote. */
export async function measureRow(row: Row, dir: string, cluster: BenchCluster, { clients, copies: copier }: Workers): Promise<Throughput> {
  const source = path.join(dir, "source");
  const folders = Array.from({ length: CHUNKSERVERS }, (_, index) => path.join(dir, `copy-${index + 1}`));
  const target = path.join(dir, "downloads");
  for (const folder of [...folders, target]) mkdirSync(folder);
  writeRandom(source, row.size);
  const sources: Item[] = Array.from({ length: row.files }, (_, index) => ({ file: source, name: `bench-${index}` }));
  const targets = sources.map(({ name }): Item => ({ name, file: path.join(target, name) }));
  const store = { lanes: row.clients, endpoints: cluster.endpoints, user: ACCOUNT.user, password: ACCOUNT.password };
  const empty = (folder: string): void => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
  };
  try {
    const upload = await clients.run({ kind: "upload", items: sources, ...store });
    const download = await clients.run({ kind: "download", items: targets, ...store });
    await removeAll(sources, cluster);
    empty(target);
    const copies = await copier.run({ kind: "copy", items: sources, lanes: row.clients, folders });
    const [first = dir, ...others] = folders;
    others.forEach(empty);
    const copy = await copier.run({ kind: "copy", items: sources.map(({ name }) => ({ name, file: path.join(first, name) })), lanes: row.clients, folders: [target] });
    return { ...row, upload, copies, download, copy };
  } catch (error) {
    await removeAll(sources, cluster).catch(() => undefined); // some were never stored; the error that counts is the first one
    throw error;
  } finally {
    for (const folder of [source, ...folders, target]) rmSync(folder, { recursive: true, force: true });
  }
}

async function removeAll(items: readonly Item[], { client }: BenchCluster): Promise<void> {
  for (const { name } of items) await client.delete(name);
}

/** Content that nothing can compress or share. */
export function writeRandom(file: string, size: number): void {
  const descriptor = openSync(file, "w");
  try {
    for (let at = 0; at < size; at += MIB) writeSync(descriptor, randomBytes(Math.min(MIB, size - at)));
  } finally {
    closeSync(descriptor);
  }
}
