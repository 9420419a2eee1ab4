import fc from "fast-check";
import { createHash, randomUUID } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { UploadSession, type SessionOptions } from "../../../workloads/chunkstore/controller/uploadSession";
import { FakeFleet, recordOf, silent, type Trouble } from "./fakes";

afterEach(() => vi.useRealTimers());

const SERVERS = ["s1", "s2", "s3", "s4", "s5"];
const data = (index: number): Buffer => Buffer.from(`chunk ${index}`);
const info = (index: number) => ({ sha256: createHash("sha256").update(data(index)).digest("hex"), size: data(index).length });

function sessionOf(fleet: FakeFleet, over: Partial<SessionOptions> = {}): { session: UploadSession; upload: string } {
  const upload = randomUUID();
  const session = new UploadSession({
    upload, targets: SERVERS, spares: [], minReplicas: 2, chunkservers: fleet.servers, api: fleet, log: silent, monotonic: () => Date.now(), delay: async () => undefined, ...over,
  });
  return { session, upload };
}

async function run(session: UploadSession, upload: string, chunks: number): Promise<void> {
  for (let index = 0; index < chunks; index += 1) await session.send(index, info(index), data(index));
  await session.complete();
  await session.commit(recordOf("f", upload, Array.from({ length: chunks }, (_, index) => info(index))));
}

/** Chunkservers that could serve the whole file alone. */
function whole(fleet: FakeFleet, upload: string, chunks: number): string[] {
  return SERVERS.filter((id) => (fleet.manifestsAt.get(id)?.length ?? 0) > 0 && Array.from({ length: chunks }, (_, index) => index).every((index) => fleet.holders(upload, index).includes(id)));
}

describe("an upload's chunkservers", () => {
  it("all get every chunk and the manifest", async () => {
    const fleet = new FakeFleet(SERVERS);
    const { session, upload } = sessionOf(fleet);
    await run(session, upload, 3);
    await vi.waitFor(() => expect(whole(fleet, upload, 3)).toEqual(SERVERS));
    expect(fleet.requests.filter((request) => request.startsWith("put")).length).toBe(15);
  });

  it("keep an empty file by its manifest alone", async () => {
    const fleet = new FakeFleet(SERVERS);
    const { session, upload } = sessionOf(fleet);
    await run(session, upload, 0);
    await vi.waitFor(() => expect(whole(fleet, upload, 0)).toEqual(SERVERS));
  });

  it("are asked no more once they failed, and a spare gets all that it lacks", async () => {
    const fleet = new FakeFleet(SERVERS);
    fleet.trouble = (id, request, index) => (id === "s2" && request === "put" && index === 1 ? "unreachable" : undefined);
    const { session, upload } = sessionOf(fleet, { targets: ["s1", "s2"], spares: ["s3", "s4"] });
    await run(session, upload, 4);
    expect(whole(fleet, upload, 4)).toEqual(["s1", "s3"]);
    expect(fleet.requests.filter((request) => request.startsWith("put s2"))).toEqual(["put s2 0", "put s2 1"]);
    expect(fleet.requests.some((request) => request.startsWith("put s4"))).toBe(false);
  });

  it("fail the upload at once when too few are left", async () => {
    const fleet = new FakeFleet(SERVERS);
    fleet.trouble = (id, request) => (id !== "s1" && request === "put" ? "unreachable" : undefined);
    const { session } = sessionOf(fleet);
    await expect(session.send(0, info(0), data(0))).rejects.toMatchObject({ code: "not-enough-chunkservers" });
  });

  it("tell a full disk from other failures", async () => {
    const fleet = new FakeFleet(SERVERS);
    fleet.trouble = (_id, request) => (request === "put" ? "full" : undefined);
    const { session } = sessionOf(fleet);
    await expect(session.send(0, info(0), data(0))).rejects.toMatchObject({ code: "disk-full", status: 507 });
    expect(fleet.requests.length).toBe(5); // a full one gets no second try
  });

  it("get a second try when one hiccup each would end the upload", async () => {
    const fleet = new FakeFleet(SERVERS);
    const failed = new Set<string>();
    fleet.trouble = (id, request, index) => (request === "put" && index === 1 && !failed.has(id) ? (failed.add(id), "unreachable") : undefined);
    const { session, upload } = sessionOf(fleet, { targets: ["s1", "s2"] });
    await run(session, upload, 3);
    expect(whole(fleet, upload, 3)).toEqual(["s1", "s2"]);
  });

  it("are not waited for when others have the chunk and they hang", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "Date"] });
    const fleet = new FakeFleet(SERVERS);
    fleet.trouble = (id) => (id === "s5" ? "hangs" : undefined);
    const { session, upload } = sessionOf(fleet);
    const sent = session.send(0, info(0), data(0));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(fleet.holders(upload, 0)).toEqual(["s1", "s2", "s3", "s4"]);
    await vi.advanceTimersByTimeAsync(3_100);
    expect(await sent).toBe(false); // something may still refer to the data
    await session.send(1, info(1), data(1));
    expect(fleet.requests.filter((request) => request.startsWith("put s5"))).toEqual(["put s5 0"]);
  });

  it("are given up when their heartbeats stop", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "Date"] });
    let now = 0;
    const fleet = new FakeFleet(SERVERS, () => now);
    fleet.trouble = (id) => (id === "s1" ? undefined : "hangs");
    const { session } = sessionOf(fleet);
    const sent = expect(session.send(0, info(0), data(0))).rejects.toMatchObject({ code: "not-enough-chunkservers" });
    now = 6_001;
    fleet.beat("s1");
    await vi.advanceTimersByTimeAsync(600);
    await sent;
  });

  it("lose what they stored of an upload that is abandoned", async () => {
    const fleet = new FakeFleet(SERVERS);
    const { session, upload } = sessionOf(fleet);
    await session.send(0, info(0), data(0));
    await session.abandon();
    expect(fleet.holders(upload, 0)).toEqual([]);
    expect(fleet.removed.length).toBe(5);
  });

  it("count for the acknowledgement only with what they have when the manifest comes", async () => {
    const fleet = new FakeFleet(SERVERS);
    const { session, upload } = sessionOf(fleet);
    await session.send(0, info(0), data(0));
    await session.complete();
    for (const id of ["s1", "s2", "s3", "s4"]) fleet.chunks.get(id)?.clear();
    await expect(session.commit(recordOf("f", upload, [info(0)]))).rejects.toMatchObject({ code: "not-enough-chunkservers" });
    const again = sessionOf(fleet);
    await again.session.send(0, info(0), data(0));
    for (const id of ["s1", "s2", "s3"]) fleet.chunks.get(id)?.clear();
    await again.session.commit(recordOf("f", again.upload, [info(0)]));
  });

  it("hold enough whole replicas whenever an upload is acknowledged, whatever fails", async () => {
    const troubles = fc.constantFrom<Trouble | undefined>(undefined, undefined, undefined, "unreachable", "full", "refused");
    await fc.assert(fc.asyncProperty(fc.array(troubles, { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), async (script, chunks, targets, minReplicas) => {
      const fleet = new FakeFleet(SERVERS);
      let request = 0;
      fleet.trouble = () => script[request++ % script.length];
      const { session, upload } = sessionOf(fleet, { targets: SERVERS.slice(0, Math.max(targets, minReplicas)), spares: SERVERS.slice(Math.max(targets, minReplicas)), minReplicas });
      let acknowledged = false;
      try {
        await run(session, upload, chunks);
        acknowledged = true;
      } catch (error) {
        expect(error).toMatchObject({ name: "RequestRefused" });
      }
      if (acknowledged) expect(whole(fleet, upload, chunks).length).toBeGreaterThanOrEqual(minReplicas);
    }), { numRuns: 300 });
  });
});
