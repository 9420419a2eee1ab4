import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClusterTime, ONE_WAY_ROUND_TRIP_MS, SAMPLE_TTL_MS } from "../../../workloads/chunkstore/metadata";
import { MAX_STAMP_TIME } from "../../../workloads/chunkstore/contract/record";
import { Cluster } from "./cluster";
import { runs, TestClock } from "./support";

const HOUR_MS = 3_600_000;

function setUp(): { clock: TestClock; time: ClusterTime; hear: (peer: string, ahead: number, roundTrip?: number) => void } {
  const clock = new TestClock();
  const truth = clock.skew;
  const time = new ClusterTime(clock);
  return { clock, time, hear: (peer, ahead, roundTrip = 10) => time.sample(peer, truth + clock.elapsed + ahead - roundTrip / 2, roundTrip) };
}

describe("cluster time", () => {
  it("is the own clock while no other is known", () => {
    const { clock, time } = setUp();
    expect(time.now()).toBe(clock.now());
    expect(time.offsetMs).toBe(0);
  });
  it("follows the majority when the own clock is an hour wrong, and says by how much", () => {
    const { clock, time, hear } = setUp();
    const truth = clock.now();
    clock.skew += HOUR_MS;
    hear("b", 20);
    hear("c", -30);
    expect(time.now()).toBe(truth + 20);
    expect(time.offsetMs).toBe(HOUR_MS - 20);
  });
  it("does not move when one peer's clock is a year wrong", () => {
    const { clock, time, hear } = setUp();
    hear("b", 365 * 24 * HOUR_MS);
    hear("c", 5);
    expect(time.now()).toBe(clock.now() + 5);
  });
  it("does not jump when the own clock is set while the peers are out of reach", () => {
    const { clock, time, hear } = setUp();
    hear("b", 0);
    hear("c", 0);
    clock.elapsed += 600_000;
    const before = time.now();
    clock.skew += HOUR_MS;
    expect(time.now()).toBe(before);
    clock.elapsed += 1_000;
    expect(time.now()).toBe(before + 1_000);
  });
  it("takes the middle of two clocks, of which nobody knows which is wrong", () => {
    const { clock, time, hear } = setUp();
    hear("b", 1_000);
    expect(time.now()).toBe(clock.now() + 500);
  });
  it("keeps an exact sample when a slow answer says the same, and drops it when the peer's clock was set", () => {
    const { clock, time, hear } = setUp();
    hear("b", 0);
    hear("c", 0);
    for (const peer of ["b", "c"]) hear(peer, 700, 1_500);
    expect(time.now()).toBe(clock.now());
    for (const peer of ["b", "c"]) hear(peer, HOUR_MS, ONE_WAY_ROUND_TRIP_MS);
    expect(time.now()).toBe(clock.now() + HOUR_MS);
  });
  it("forgets peers that were not heard of for an hour, or are members no more", () => {
    const { clock, time, hear } = setUp();
    hear("b", 5_000);
    hear("c", 5_000);
    expect(time.offsetMs).toBe(-5_000);
    time.forget("c");
    expect(time.offsetMs).toBe(-2_500);
    clock.elapsed += SAMPLE_TTL_MS + 1;
    expect(time.offsetMs).toBe(0);
  });
  it.each([[Number.NaN, 1], [-1, 1], [Number.POSITIVE_INFINITY, 1], [MAX_STAMP_TIME + 1, 1], [5, Number.NaN], [5, -1]])("ignores nonsense: a clock of %s after %s ms", (now, roundTrip) => {
    const { clock, time } = setUp();
    time.sample("b", now, roundTrip);
    expect(time.now()).toBe(clock.now());
  });
  it("stays within what stamps can say, whatever the own clock says", () => {
    const { clock, time } = setUp();
    clock.skew = -5_000;
    expect(time.now()).toBe(1);
    clock.skew = 1e17;
    expect(time.now()).toBe(MAX_STAMP_TIME);
  });
  it("is within the span of the right clocks when fewer than half are wrong", () => {
    const right = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 6 });
    fc.assert(fc.property(right, fc.array(fc.integer({ min: -HOUR_MS, max: HOUR_MS }), { maxLength: 6 }), (good, bad) => {
      const { clock, time, hear } = setUp();
      good.forEach((ahead, index) => hear(`good-${index}`, ahead));
      // This node is one of the right ones.
      bad.slice(0, good.length).forEach((ahead, index) => hear(`bad-${index}`, ahead));
      const ahead = time.now() - clock.now();
      expect(ahead).toBeGreaterThanOrEqual(Math.min(0, ...good) - 1);
      expect(ahead).toBeLessThanOrEqual(Math.max(0, ...good) + 1);
    }), runs(500));
  });
});

describe("conflicts", { timeout: 120_000 }, () => {
  it("are won by the write that was later in truth, though one controller's clock is wrong by up to an hour, before or during the partition", async () => {
    const skews = fc.integer({ min: -HOUR_MS, max: HOUR_MS });
    await fc.assert(fc.asyncProperty(fc.nat(), fc.nat(2), skews, fc.boolean(), fc.nat(2), fc.nat(2), async (seed, wrong, skew, isEarly, first, second) => {
      const cluster = new Cluster({ controllers: 3 }, seed);
      try {
        const [victim, one, two] = [wrong, first, second].map((index) => cluster.controllers[index]);
        if (!victim || !one || !two) throw new Error("three controllers expected");
        if (isEarly) victim.clock.skew = skew;
        await cluster.run(7_000);
        cluster.network.partition({ c0: 0, c1: 1, c2: 2 });
        if (!isEarly) victim.clock.skew = skew;
        await cluster.run(5_000);
        cluster.write(one, "n");
        await cluster.run(200);
        const last = cluster.write(two, "n");
        cluster.heal();
        await cluster.run(6_000);
        for (const { store } of cluster.controllers) expect(store?.get("n")?.stamp).toEqual(last?.stamp);
      } finally {
        cluster.dispose();
      }
    }), runs(150));
  });
});
