import { describe, expect, it } from "vitest";
import { during, listing, noFailures, reading, Workload, writing, type KnownFile, type Operation } from "../../../drills/chunkstore/workload";
import type { StoreClient } from "../../../drills/chunkstore/client";
import { FakeClock } from "./fakes";

const known: readonly KnownFile[] = [{ name: "a", content: { file: "/a", size: 1, sha256: "aa" } }];
const signal = new AbortController().signal;

/** An operation that does as it is told, each time, and stops the test's patience after so many. */
function scripted(results: readonly (string | undefined)[], kind: Operation["kind"] = "download"): { readonly operation: Operation; readonly all: Promise<void> } {
  let turn = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  return { all: promise, operation: { kind, once: () => {
    const failure = results[turn++];
    if (turn >= results.length) resolve();
    return failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure));
  } } };
}

describe("clients at work", () => {
  it("count what they did, and keep every failure with its reason", async () => {
    const { operation, all } = scripted([undefined, "connection refused", undefined]);
    const workload = new Workload({ clock: new FakeClock(), signal, operations: [operation] });
    await all;
    const account = await workload.stop();
    expect(account.counts["download"]).toBeGreaterThanOrEqual(2);
    expect(account.failures).toEqual([{ kind: "download", atSeconds: expect.any(Number) as number, reason: "connection refused" }]);
    expect(noFailures(account)).toMatchObject({ ok: false, detail: expect.stringMatching(/^1 failed .*download: connection refused$/) as string });
  });

  it("that did nothing at all are no success", () => {
    expect(noFailures({ counts: { ls: 3, upload: 0 }, failures: [], slowestSeconds: 0, seconds: 1 })).toEqual({ ok: false, seconds: 1, detail: "no upload came to its end in 1.0 s" });
  });

  it("stop when what they accompany fails", async () => {
    const seen: number[] = [];
    let count = 0;
    const operation: Operation = { kind: "ls", once: () => Promise.resolve(void count++) };
    await expect(during({ clock: new FakeClock(), signal, operations: [operation] }, () => Promise.reject(new Error("the drill failed")))).rejects.toThrow("the drill failed");
    seen.push(count);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBe(seen[0]);
  });

  it("end without a failure when the drill is interrupted", async () => {
    const abort = new AbortController();
    const workload = new Workload({ clock: new FakeClock(), signal: abort.signal, operations: [{ kind: "ls", once: (given) => new Promise((_, reject) => given.addEventListener("abort", () => reject(new Error("aborted")))) }] });
    abort.abort();
    expect((await workload.stop()).failures).toEqual([]);
  });
});

describe("an operation", () => {
  const client = (parts: Partial<StoreClient>): StoreClient => parts as StoreClient;

  it("ls fails when a file that was there is not listed", async () => {
    await expect(listing(client({ list: () => Promise.resolve([]) }), known).once(signal)).rejects.toThrow("a is not listed");
  });
  it("download fails when other bytes come", async () => {
    await expect(reading(client({ read: () => Promise.resolve("bb") }), known, () => 0).once(signal)).rejects.toThrow("a came with other bytes than were stored");
    await reading(client({ read: () => Promise.resolve("aa") }), known, () => 0.99).once(signal);
  });
  it("upload tells what was acknowledged, and nothing else", async () => {
    const told: string[] = [];
    let fail = false;
    const operation = writing(client({ upload: () => (fail ? Promise.reject(new Error("no")) : Promise.resolve()) }), { file: "/a", size: 1, sha256: "aa" }, "x", ({ name }) => told.push(name));
    await operation.once(signal);
    fail = true;
    await expect(operation.once(signal)).rejects.toThrow("no");
    fail = false;
    await operation.once(signal);
    expect(told).toEqual(["x-0", "x-2"]);
  });
});
