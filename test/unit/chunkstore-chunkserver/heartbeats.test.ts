import { describe, expect, it, vi } from "vitest";
import { Heartbeats, type HeartbeatParts } from "../../../workloads/chunkstore/chunkserver/heartbeats";
import type { Heartbeat, Peer } from "../../../workloads/chunkstore/contract/nodeApi";
import { memoryLog } from "./support";

const HEARTBEAT: Heartbeat = { id: "cs", port: 50_051, capacityBytes: 1, freeBytes: 1, chunks: 0, full: false, inventory: { epoch: "e", seq: 0 }, manifests: { epoch: "e", seq: 0 }, now: 0 };
const peer = (address: string, ageMs = 0): Peer => ({ id: `c-${address}`, role: "controller", address, port: 8_001, ageMs });

/** Controllers by address: what they know of the others, or that they don't answer. */
function world(): { parts: HeartbeatParts; beats: Heartbeats; dns: string[]; controllers: Map<string, Peer[] | "dead" | "silent">; asked: string[]; log: ReturnType<typeof memoryLog>; clock: { ms: number }; release: () => void } {
  const dns: string[] = [];
  const controllers = new Map<string, Peer[] | "dead" | "silent">();
  const asked: string[] = [];
  const clock = { ms: 0 };
  const log = memoryLog();
  let release = (): void => undefined;
  const parts: HeartbeatParts = {
    client: {
      json: async (request, schema) => {
        asked.push(request.address);
        const state = controllers.get(request.address) ?? "dead";
        if (state === "silent") await new Promise<void>((resolve) => { release = resolve; });
        if (state === "dead" || state === "silent") throw new Error("no answer");
        return schema.parse({ id: `c-${request.address}`, controllers: state, now: 5_000 });
      },
    },
    discovery: { find: async () => dns },
    describe: async () => HEARTBEAT, controllerPort: 8_001, intervalMs: 1_000, timeoutMs: 6_000,
    clock: { now: () => clock.ms, monotonic: () => clock.ms }, time: { sample: vi.fn() }, metrics: { heartbeat: vi.fn() }, log, random: () => 0.5,
  };
  return { parts, beats: new Heartbeats(parts), dns, controllers, asked, log, clock, release: () => release() };
}

describe("heartbeats", () => {
  it("go to all controllers that DNS or another controller tells of", async () => {
    const { beats, dns, controllers, asked, parts } = world();
    dns.push("10.0.0.1");
    controllers.set("10.0.0.1", [peer("10.0.0.1"), peer("10.0.0.2"), { ...peer("10.0.0.9"), role: "chunkserver" }, peer("10.0.0.8", 60_000)]).set("10.0.0.2", []);
    await beats.round();
    expect(asked).toEqual(["10.0.0.1"]);
    await beats.round();
    expect(asked.slice(1).sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(beats.living).toBe(2);
    expect(parts.time.sample).toHaveBeenCalledWith("c-10.0.0.1", 5_000, 0);
  });

  it("are told at info once for each controller, then at debug; a lost one and its return are told", async () => {
    const { beats, dns, controllers, log, clock } = world();
    dns.push("10.0.0.1");
    controllers.set("10.0.0.1", []);
    await beats.round();
    await beats.round();
    controllers.set("10.0.0.1", "dead");
    clock.ms = 5_000;
    await beats.round();
    expect(beats.living).toBe(1);
    clock.ms = 6_001;
    await beats.round();
    expect(beats.living).toBe(0);
    controllers.set("10.0.0.1", []);
    await beats.round();
    expect(log.lines.filter(({ level }) => level !== "debug").map(({ message, fields }) => `${message} ${String(fields["controller"])}`)).toEqual([
      "heartbeat sent c-10.0.0.1", "lost controller c-10.0.0.1", "heartbeat sent c-10.0.0.1",
    ]);
    expect(log.lines.filter(({ level, message }) => level === "debug" && message === "heartbeat sent")).toHaveLength(1);
  });

  it("don't wait for a controller that is silent, and don't pile up at it", async () => {
    const { beats, dns, controllers, asked, release } = world();
    dns.push("10.0.0.1", "10.0.0.2");
    controllers.set("10.0.0.1", "silent").set("10.0.0.2", []);
    const first = beats.round();
    await vi.waitFor(() => expect(beats.living).toBe(1));
    await beats.round();
    await beats.round();
    expect(asked).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"]);
    release();
    await first;
    const again = beats.round();
    expect(beats.living).toBe(1);
    await vi.waitFor(() => expect(asked.filter((address) => address === "10.0.0.1")).toHaveLength(2));
    release();
    await again;
  });

  it("forget a controller that nobody tells of and that doesn't answer, and go on with one that does", async () => {
    const { beats, dns, controllers, asked, clock } = world();
    dns.push("10.0.0.1", "10.0.0.2");
    controllers.set("10.0.0.1", "dead").set("10.0.0.2", []);
    await beats.round();
    dns.length = 0;
    for (clock.ms = 1_000; clock.ms < 70_000; clock.ms += 1_000) await beats.round();
    asked.length = 0;
    await beats.round();
    expect(asked).toEqual(["10.0.0.2"]);
  });

  it("are left out while the disk can't be asked, and go on after", async () => {
    const { parts, asked, dns, controllers, log } = world();
    dns.push("10.0.0.1");
    controllers.set("10.0.0.1", []);
    let broken = true;
    const beats = new Heartbeats({ ...parts, describe: async () => { if (broken) throw new Error("EIO"); return HEARTBEAT; } });
    await beats.round();
    expect([asked, log.messages()]).toEqual([[], ["no heartbeat: the disk can't be asked"]]);
    broken = false;
    await beats.round();
    expect(asked).toEqual(["10.0.0.1"]);
  });

  it("come every interval until they are stopped", async () => {
    vi.useFakeTimers();
    try {
      const { beats, asked, dns, controllers } = world();
      dns.push("10.0.0.1");
      controllers.set("10.0.0.1", []);
      beats.start();
      await vi.advanceTimersByTimeAsync(3_500);
      expect(asked).toHaveLength(4);
      beats.stop();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(asked).toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });
});
