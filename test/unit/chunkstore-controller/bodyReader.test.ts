import { PassThrough, Readable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BodyReader, ClientGone, SLOW_MS, STALL_MS } from "../../../workloads/chunkstore/controller/bodyReader";

afterEach(() => vi.useRealTimers());

describe("reading a request's body", () => {
  it.each([[[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], [[10]], [[3, 3, 4]], [[1, 9]]])("fills buffers from pieces of %j bytes", async (sizes) => {
    const content = Buffer.from("0123456789".repeat(10)).subarray(0, sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    const stream = Readable.from(sizes.map((size) => content.subarray(at, (at += size))), { objectMode: false });
    const reader = new BodyReader(stream, () => 0, () => false);
    const read: Buffer[] = [];
    for (let left = content.length; left > 0; left -= 4) {
      const buffer = Buffer.alloc(Math.min(4, left));
      await reader.fill(buffer);
      read.push(buffer);
    }
    reader.close();
    expect(Buffer.concat(read)).toEqual(content);
  });

  it("takes no more than it is asked for while nobody reads", async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    const reader = new BodyReader(stream, () => 0, () => false);
    stream.write(Buffer.alloc(12));
    await reader.fill(Buffer.alloc(4));
    let taken = 0;
    while (taken < 20 && stream.write(Buffer.alloc(12))) {
      taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(5);
    expect(stream.isPaused()).toBe(true);
    reader.close();
  });

  it("fails when the body ends early, breaks, or was over before", async () => {
    const ended = new PassThrough();
    const early = new BodyReader(ended, () => 0, () => false).fill(Buffer.alloc(4));
    ended.end("ab");
    await expect(early).rejects.toBeInstanceOf(ClientGone);

    const broken = new PassThrough();
    const reader = new BodyReader(broken, () => 0, () => false);
    const filling = reader.fill(Buffer.alloc(4));
    broken.destroy(new Error("reset"));
    await expect(filling).rejects.toThrow("reset");
    await expect(reader.fill(Buffer.alloc(1))).rejects.toThrow("reset");
  });

  it("gives up on a client that sends nothing", async () => {
    vi.useFakeTimers();
    let now = 0;
    const reader = new BodyReader(new PassThrough(), () => now, () => false);
    const filling = expect(reader.fill(Buffer.alloc(4))).rejects.toThrow("sent nothing");
    now = STALL_MS + 1;
    await vi.advanceTimersByTimeAsync(1_000);
    await filling;
    reader.close();
  });

  it("gives up on a client that trickles only while others wait", async () => {
    vi.useFakeTimers();
    let [now, crowded] = [0, false];
    const stream = new PassThrough();
    const reader = new BodyReader(stream, () => now, () => crowded);
    const filling = expect(reader.fill(Buffer.alloc(100))).rejects.toThrow("while others waited");
    for (now = 0; now <= SLOW_MS; now += 5_000) {
      stream.write("x");
      await vi.advanceTimersByTimeAsync(1_000);
    }
    now += 1;
    crowded = true;
    await vi.advanceTimersByTimeAsync(1_000);
    await filling;
    reader.close();
  });
});
