/** The real store and the real gossip in a simulated network with virtual time: whatever happens, all controllers end with the same records. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareWrites } from "../../../workloads/chunkstore/metadata";
import type { FileState } from "../../../workloads/chunkstore/contract/record";
import { calm, expectAgreement, expectWinners, historiesOf, inCluster, play, rough, storage } from "./histories";
import { runs } from "./support";

describe("controllers", { timeout: 240_000 }, () => {
  it("agree on the last of all writes after partitions, crashes, lost and doubled messages and wrong clocks, 6 s after the trouble ends", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 2, max: 4 }), fc.nat(), historiesOf(calm), (controllers, seed, history) => inCluster({ controllers }, seed, async (cluster) => {
      await play(cluster, history);
      cluster.heal();
      await cluster.run(6_000);
      const records = expectAgreement(cluster);
      expectWinners(cluster, records);
      expect(records.length).toBe(cluster.expected().size);
      for (const [file, expected] of cluster.expected()) expect(records.find((record) => record.name === file)?.stamp).toEqual(expected.stamp);
    })), runs(1_500));
  });

  it("agree, and have lost nothing but what was on lost volumes alone, when volumes are lost", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 2, max: 4 }), fc.nat(), historiesOf(rough), (controllers, seed, history) => inCluster({ controllers }, seed, async (cluster) => {
      await play(cluster, history);
      cluster.heal();
      await cluster.run(6_000);
      expectWinners(cluster, expectAgreement(cluster));
    })), runs(1_000));
  });
});

describe("an acknowledged upload", { timeout: 240_000 }, () => {
  it("is there in the end, on every controller and with all its chunks, unless a later or concurrent write or delete won", async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), historiesOf(storage), (seed, history) => inCluster({ controllers: 3, chunkservers: 4 }, seed, async (cluster) => {
      await play(cluster, history);
      cluster.heal();
      await cluster.run(9_000);
      const records = expectAgreement(cluster);
      expectWinners(cluster, records);
      const held = new Map(records.map((record) => [record.name, record]));
      for (const upload of cluster.acknowledged) {
        const record = held.get(upload.name);
        expect(record).toBeDefined();
        if (record === undefined || compareWrites(record, upload) > 0) continue;
        expect(record.stamp).toEqual(upload.stamp);
        expect(cluster.chunkservers.some((one) => one.has(upload.state as FileState))).toBe(true);
      }
    })), runs(1_000));
  });
});

