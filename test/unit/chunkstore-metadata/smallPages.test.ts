/** Convergence with pages of two records and comparisons of three names: every exchange has several pages, and most catch up by comparing. */
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { expectAgreement, expectWinners, historiesOf, inCluster, play, rough } from "./histories";
import { runs } from "./support";

vi.mock("../../../workloads/chunkstore/contract/nodeApi", async (original) => ({ ...(await original<object>()), RECORDS_PER_MESSAGE: 2 }));
vi.mock("../../../workloads/chunkstore/metadata/messages", async (original) => ({ ...(await original<object>()), MAX_NAMES: 3 }));

describe("controllers that exchange small pages", { timeout: 240_000 }, () => {
  it("agree in the end", async () => {
    const crowds = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 14 })), { maxLength: 3 });
    let compared = 0;
    await fc.assert(fc.asyncProperty(fc.integer({ min: 2, max: 3 }), fc.nat(), crowds, historiesOf(rough), (controllers, seed, crowd, history) =>
      inCluster({ controllers, antiEntropyMs: 3_000 }, seed, async (cluster) => {
        const half = history.length >> 1;
        await play(cluster, history.slice(0, half));
        for (const [which, count] of crowd) {
          const controller = cluster.controllers[which % controllers];
          for (let index = 0; controller && index < count; index += 1) cluster.write(controller, `crowd-${index}`);
        }
        await play(cluster, history.slice(half));
        cluster.heal();
        await cluster.run(8_000);
        expectWinners(cluster, expectAgreement(cluster));
        compared += cluster.network.requestsTo("/v1/anti-entropy");
      })), runs(400));
    expect(compared).toBeGreaterThan(1_000);
  });
});
