/** Random histories of a simulated cluster: what happens, in what order, and what must be true in the end. */
import * as fc from "fast-check";
import { expect } from "vitest";
import { compareWrites, type MetadataStore } from "../../../workloads/chunkstore/metadata";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import { Cluster, type ClusterSize } from "./cluster";

const HOUR_MS = 3_600_000;
/** Few names, so that writes meet. */
const NAMES = ["alpha", "beta", "gamma"];

const which = fc.nat(100);
const name = fc.constantFrom(...NAMES);
export const calm = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), which, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), which, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("partition" as const), sides: fc.array(fc.nat(1), { minLength: 10, maxLength: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rejoin" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("start" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clock" as const), which, skew: fc.integer({ min: -HOUR_MS, max: HOUR_MS }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("weather" as const), loss: fc.constantFrom(0, 0.1, 0.5), doubled: fc.constantFrom(0, 0.3), most: fc.constantFrom(5, 100, 1_500) }) },
);
export const rough = fc.oneof(
  { weight: 12, arbitrary: calm },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), which }) },
);
export const storage = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("upload" as const), which, name, chunks: fc.nat(2) }) },
  { weight: 8, arbitrary: rough },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash-chunkserver" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("start-chunkserver" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose-chunkserver" as const), which }) },
);
type Step = typeof storage extends fc.Arbitrary<infer Generated> ? Generated : never;

const pauses = fc.constantFrom(0, 1, 5, 40, 700, 2_500);
export const historiesOf = (step: fc.Arbitrary<Step>): fc.Arbitrary<{ step: Step; pause: number }[]> => fc.array(fc.record({ step, pause: pauses }), { minLength: 1, maxLength: 16 });

function pick<T>(list: readonly T[], index: number): T {
  const one = list[index % list.length];
  if (one === undefined) throw new Error("nothing to pick");
  return one;
}

function apply(cluster: Cluster, step: Step): void {
  const { controllers, chunkservers, network } = cluster;
  switch (step.do) {
    case "write": return void cluster.write(pick(controllers, step.which), step.name);
    case "delete": return void cluster.write(pick(controllers, step.which), step.name, true);
    case "upload": return void cluster.upload(pick(controllers, step.which), step.name, step.chunks);
    case "partition": return network.partition(Object.fromEntries([...controllers, ...chunkservers].map(({ id }, index) => [id, step.sides[index] ?? 0])));
    case "rejoin": return network.partition({});
    case "crash": return pick(controllers, step.which).crash();
    case "start": return pick(controllers, step.which).start();
    case "lose": return cluster.loseController(pick(controllers, step.which));
    case "clock": return void (pick(controllers, step.which).clock.skew = step.skew);
    case "weather": return void Object.assign(network, { loss: step.loss, doubled: step.doubled, latency: { least: 1, most: step.most } });
    case "crash-chunkserver": return pick(chunkservers, step.which).crash();
    case "start-chunkserver": return pick(chunkservers, step.which).start();
    case "lose-chunkserver": return cluster.loseChunkserver(pick(chunkservers, step.which));
  }
}

export async function play(cluster: Cluster, history: readonly { readonly step: Step; readonly pause: number }[]): Promise<void> {
  await cluster.run(100);
  for (const { step, pause } of history) {
    apply(cluster, step);
    await cluster.run(pause);
  }
}

const stores = (cluster: Cluster): MetadataStore[] => cluster.controllers.flatMap(({ store }) => store ?? []);

/** One digest, and as the digests say, one set of records. */
export function expectAgreement(cluster: Cluster): readonly FileRecord[] {
  const [first, ...others] = stores(cluster);
  expect(others.length).toBe(cluster.controllers.length - 1);
  for (const other of others) {
    expect(other.digest()).toBe(first?.digest());
    expect(other.all()).toEqual(first?.all());
  }
  return first?.all() ?? [];
}

/** The winners are those of the reference: the last of all writes, or one that nobody had to keep and somebody kept. */
export function expectWinners(cluster: Cluster, records: readonly FileRecord[]): void {
  const held = new Map(records.map((record) => [record.name, record]));
  for (const [file, expected] of cluster.expected()) {
    const record = held.get(file);
    expect(record, file).toBeDefined();
    if (record) expect(compareWrites(record, expected), file).toBeGreaterThanOrEqual(0);
  }
  const written = cluster.written.map(({ record }) => record);
  for (const record of records) expect(written.some((write) => compareWrites(write, record) === 0), record.name).toBe(true);
}

export async function inCluster(size: ClusterSize, seed: number, test: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = new Cluster(size, seed);
  try {
    await test(cluster);
  } finally {
    cluster.dispose();
  }
}
