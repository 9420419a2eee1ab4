import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferPool, ByteBudget, type Lease } from "../../../workloads/chunkstore/controller/memory";

const never = new AbortController().signal;

describe("the memory budget", () => {
  it("is never exceeded, serves in the order of asking, and ends empty", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 30 }), fc.integer({ min: 1, max: 150 }), async (shares, total) => {
      const budget = new ByteBudget(total);
      const granted: { lease: Lease; bytes: number }[] = [];
      const order: number[] = [];
      const asked = shares.map(async (bytes, at) => {
        const lease = await budget.acquire(bytes, never);
        order.push(at);
        granted.push({ lease, bytes });
        // A share larger than the budget goes alone.
        expect(budget.used <= total || granted.length === 1).toBe(true);
      });
      for (let round = 0; round <= shares.length; round += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        const first = granted.shift();
        first?.lease.release();
        first?.lease.release();
      }
      await Promise.all(asked);
      expect(order).toEqual(shares.map((_, at) => at));
      expect([budget.used, budget.waiting]).toEqual([0, 0]);
    }), { numRuns: 50 });
  });

  it("lets those behind go on when one that waits gives up", async () => {
    const budget = new ByteBudget(10);
    const held = await budget.acquire(8, never);
    const stop = new AbortController();
    const large = budget.acquire(9, stop.signal);
    const small = budget.acquire(2, never);
    expect(budget.tryAcquire(1)).toBeUndefined(); // nobody overtakes
    stop.abort(new Error("gone"));
    await expect(large).rejects.toThrow("gone");
    (await small).release();
    held.release();
    expect(budget.used).toBe(0);
    await expect(budget.acquire(1, stop.signal)).rejects.toThrow("gone");
  });
});

describe("the pool of buffers", () => {
  it("hands a buffer that was given back out again, whatever part of it was used", () => {
    const pool = new BufferPool(1_024, 1);
    const first = pool.take(900);
    expect(first.length).toBe(900);
    pool.give(first);
    const second = pool.take(1_024);
    expect(second.length).toBe(1_024);
    expect(second.buffer).toBe(first.buffer);
    expect(pool.take(1_024).buffer).not.toBe(first.buffer);
    expect(pool.take(10).buffer.byteLength).toBe(10);
    pool.give(pool.take(10));
    expect(pool.take(1_000).length).toBe(1_000);
  });
});
