/** Each drill passes on a store that is right, and fails, by the check that is meant for it, on one that is wrong. */
import { describe, expect, it } from "vitest";
import { CHUNKSTORE_DRILLS } from "../../../drills/chunkstore";
import { FakeStore, type Fault } from "./fake-store";

const NAMES = CHUNKSTORE_DRILLS.map(({ name }) => name);

describe("a store that is right", () => {
  it.each(NAMES)("passes %s, which leaves everything as it was", async (name) => {
    const store = new FakeStore();
    const { finished } = await store.play(name);
    expect(finished.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(finished.status).toBe("succeeded");
    expect([...store.engine.containers.values()].every(({ running, networks }) => running && [...networks.keys()].join() === "dfs-network")).toBe(true);
    expect([...store.engine.networks.keys()]).toEqual(["dfs-network"]);
    expect([...store.engine.containers.values()].flatMap(({ files }) => [...files.keys()]).filter((file) => file.startsWith("/data/chunks"))).toEqual([]);
  });
});

describe("a store that is wrong", () => {
  it.each<[Fault, string, RegExp]>([
    ["clients-do-not-fail-over", "controller-restart", /no-failed-operations|ran-to-its-end/],
    ["restarted-controller-knows-nothing", "controller-restart", /controller-\d-converged/],
    ["reads-fail-while-nodes-are-away", "chunkserver-loss", /no-failed-reads/],
    ["never-repairs", "chunkserver-loss", /replicated-again/],
    ["acknowledges-without-chunkservers", "partition", /minority-refuses-uploads/],
    ["calls-itself-well-when-alone", "partition", /minority-knows-that-it-is-alone/],
    ["never-heals", "partition", /converged-after-the-first-gossip/],
    ["one-replica-too-few", "full-replication", /every-chunk-recorded/],
    ["loses-acknowledged-files", "crash-during-upload", /acknowledged-files-listed/],
    ["shows-partial-files", "crash-during-upload", /no-partial-file-visible|put-back|ran-to-its-end/],
    ["serves-corrupt-bytes", "disk-corruption", /corrupt-bytes-never-served/],
    ["never-repairs", "disk-corruption", /repaired/],
    ["controllers-disagree", "conflict", /same-winner|converged-after-the-first-gossip/],
    ["earlier-write-wins", "conflict", /same-winner/],
  ])("by '%s' fails %s", async (fault, drill, check) => {
    const { finished } = await new FakeStore(fault).play(drill);
    expect(finished.status).toBe("failed");
    expect(finished.checks.filter(({ ok }) => !ok).map((failed) => failed.check).join()).toMatch(check);
  });

  it("by a chunkserver that is down from the start fails the replication drill, which says where chunks are missing", async () => {
    const store = new FakeStore();
    const lost = store.engine.containers.get("chunkserver-4");
    if (lost) lost.running = false;
    const { finished } = await store.play("full-replication");
    expect(finished.checks.filter(({ ok }) => !ok)).toEqual([
      expect.objectContaining({ drill: "full-replication", check: "every-chunk-recorded", detail: expect.stringMatching(/knows chunk 0 of drill-\w+-0 on 4 of 5 chunkservers/) as string }),
      expect.objectContaining({ drill: "full-replication", check: "every-chunk-on-disk", detail: expect.stringMatching(/is on 4 of 5 disks; not on chunkserver-4/) as string }),
    ]);
  });

  it("by a node that is down is not broken further", async () => {
    const store = new FakeStore();
    const lost = store.engine.containers.get("chunkserver-4");
    if (lost) lost.running = false;
    const { finished } = await store.play("chunkserver-loss", "startup");
    expect(finished.checks).toEqual([expect.objectContaining({ check: "whole-before", ok: false, detail: "not after 20 s: chunkserver-4 is exited" }), expect.objectContaining({ drill: "startup", check: "whole-before", ok: false })]);
    expect(store.engine.calls).toEqual([]);
  });
});

describe("a smaller store", () => {
  it("skips what it has too few nodes for", async () => {
    const { events, finished } = await new FakeStore(undefined, ["controller-1"], ["chunkserver-1", "chunkserver-2"]).play("partition", "conflict", "chunkserver-loss", "controller-restart");
    expect(events.flatMap((event) => (event.type === "drill.skipped" ? [event.drill] : []))).toEqual(["controller-restart", "chunkserver-loss", "partition", "conflict"]);
    expect(finished).toEqual({ type: "drill.finished", status: "succeeded", checks: [] });
  });

  it("of one controller loses what was under way when it crashes, and nothing that was acknowledged just before", async () => {
    const play = async (fault?: Fault) => (await new FakeStore(fault, ["controller-1"], ["chunkserver-1", "chunkserver-2"]).play("crash-during-upload")).finished.checks;
    const checks = await play();
    expect(checks.every(({ ok }) => ok)).toBe(true);
    expect(checks).toContainEqual(expect.objectContaining({ check: "no-acknowledged-file-lost", detail: expect.stringMatching(/^4 of 12 uploads were acknowledged; /) as string }));
    expect(checks.map(({ check }) => check)).not.toContain("clients-fail-over");
    const failed = async (fault: Fault) => (await play(fault)).filter(({ ok }) => !ok).map(({ check }) => check);
    expect(await failed("shows-partial-files")).not.toEqual([]);
    expect(await failed("loses-acknowledged-files")).toContain("acknowledged-files-listed");
    expect(await failed("refuses-uploads-of-rounds")).toEqual(["no-acknowledged-file-lost"]);
  });
});
