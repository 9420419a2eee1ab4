import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cursor, InventoryPage, ManifestPage } from "../../../workloads/chunkstore/contract/nodeApi";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import { Chunkservers } from "../../../workloads/chunkstore/controller/chunkservers";
import { InventorySync } from "../../../workloads/chunkstore/controller/inventorySync";
import { Locations, versionText } from "../../../workloads/chunkstore/controller/locations";
import { Orphans } from "../../../workloads/chunkstore/controller/orphans";
import { VolumeHealth } from "../../../workloads/chunkstore/controller/volume";
import { openMetadataDatabase } from "../../../workloads/chunkstore/metadata";
import { FakeFleet, recordOf, silent } from "./fakes";

let folder: string;
let file: string;
let locations: Locations;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "controller-knowledge-"));
  file = path.join(folder, "metadata.db");
  openMetadataDatabase(file).close();
  locations = new Locations(file);
});
afterEach(() => {
  locations.close();
  rmSync(folder, { recursive: true, force: true });
});

const page = (changes: InventoryPage["changes"], over: Partial<InventoryPage> = {}): InventoryPage => ({ cursor: { epoch: "e", seq: changes.length }, reset: false, more: false, changes, ...over });
const present = (upload: string, index: number, here = true) => ({ upload, index, present: here });

describe("where chunks are", () => {
  it("follows what chunkservers tell, and forgets it when they say so", () => {
    locations.applyInventory("s1", page([present("u", 0), present("u", 1), present("v", 0)]));
    locations.applyInventory("s2", page([present("u", 1)]));
    expect(locations.holders("u", 1)).toEqual(["s1", "s2"]);
    expect([...locations.counts("u")]).toEqual([["s1", 2], ["s2", 1]]);
    expect(locations.uploadHolders("u")).toEqual(new Map([["s1", new Set([0, 1])], ["s2", new Set([1])]]));
    locations.applyInventory("s1", page([present("u", 1, false)]));
    expect(locations.holders("u", 1)).toEqual(["s2"]);
    locations.applyInventory("s1", page([present("w", 0)], { reset: true }));
    expect([...locations.allCounts().keys()].sort()).toEqual(["u", "w"]);
    locations.forget("s2");
    expect(locations.uploads()).toEqual(["w"]);
  });

  it("is remembered over a restart, together with how far it was heard", () => {
    locations.applyInventory("s1", page([present("u", 0)]));
    locations.applyManifests("s1", [recordOf("f", "u", [])], { epoch: "m", seq: 7 });
    locations.close();
    locations = new Locations(file);
    expect([locations.cursor("s1", "inventory"), locations.cursor("s1", "manifests"), locations.cursor("s2", "manifests")]).toEqual([{ epoch: "e", seq: 1 }, { epoch: "m", seq: 7 }, undefined]);
    expect(locations.holders("u", 0)).toEqual(["s1"]);
    expect([...locations.manifests("s1").keys()]).toEqual(["f"]);
  });

  it("tells one version of a name from another, whatever the order of its nodes", () => {
    const text = (version: FileRecord["version"]): string => versionText({ version, stamp: { time: 1, node: "a" } });
    expect(text({ a: 1, b: 2 })).toBe(text({ b: 2, a: 1 }));
    expect(text({ a: 1, b: 2 })).not.toBe(text({ a: 1, b: 3 }));
  });
});

describe("chunkservers by their heartbeats", () => {
  it("live until they are silent for too long, and are suspect for a while after a failure", () => {
    let now = 0;
    const fleet = new FakeFleet(["s1", "s2"], () => now, 1_000);
    const suspects = (): string[] => fleet.servers.living().filter(({ suspect }) => suspect).map(({ id }) => id);
    fleet.servers.started("s1")({ ok: false });
    expect(suspects()).toEqual(["s1"]);
    now = 600;
    expect(suspects()).toEqual([]);
    for (let failure = 0; failure < 3; failure += 1) fleet.servers.started("s1")({ ok: false });
    now = 1_000;
    fleet.beat("s1");
    expect(suspects()).toEqual(["s1"]); // its heartbeats come, its answers don't
    fleet.beat("s1", { epoch: "restarted" });
    expect(suspects()).toEqual([]);
    now = 1_001;
    expect(fleet.servers.living().map(({ id }) => id)).toEqual(["s1"]);
  });

  it("are used by what other controllers tell while they themselves aren't heard", () => {
    let now = 10_000;
    const lost: object[] = [];
    const servers = new Chunkservers({ clock: { now: () => now, monotonic: () => now }, heartbeatTimeoutMs: 1_000, log: silent, onLost: (node) => lost.push(node) });
    servers.learn([{ id: "s1", role: "chunkserver", address: "10.0.0.1", port: 1, ageMs: 200 }, { id: "c", role: "controller", address: "10.0.0.9", port: 1, ageMs: 0 }, { id: "old", role: "chunkserver", address: "10.0.0.2", port: 1, ageMs: 5_000 }]);
    expect(servers.all().map(({ id, alive, report }) => [id, alive, report])).toEqual([["s1", true, undefined]]);
    servers.sweep();
    now = 10_801;
    expect([servers.living(), lost]).toEqual([[], []]);
    servers.sweep();
    servers.sweep();
    expect(lost).toEqual([{ id: "s1", address: "10.0.0.1", port: 1 }]);
  });

  it("that came back with a new identity take the place of their former selves", () => {
    const fleet = new FakeFleet(["s1"]);
    const cursor = { epoch: "e", seq: 0 };
    fleet.servers.heartbeat({ id: "s1-new", port: 50_051, capacityBytes: 1, freeBytes: 1, chunks: 0, full: false, inventory: cursor, manifests: cursor, now: 0 }, "10.0.0.1");
    expect(fleet.servers.living().map(({ id }) => id)).toEqual(["s1-new"]);
  });
});

describe("keeping up with chunkservers", () => {
  /** A chunkserver's two logs, of which each page has one entry. */
  class Logs {
    epoch = "one";
    records: FileRecord[] = [];
    chunks: InventoryPage["changes"] = [];
    asked = 0;

    async inventory(_from: unknown, after: Cursor | undefined): Promise<InventoryPage> {
      const { from, reset } = this.#begin(after);
      return { cursor: { epoch: this.epoch, seq: Math.min(from + 1, this.chunks.length) }, reset, more: from + 1 < this.chunks.length, changes: this.chunks.slice(from, from + 1) };
    }

    async manifests(_from: unknown, after: Cursor | undefined): Promise<ManifestPage> {
      const { from } = this.#begin(after);
      return { cursor: { epoch: this.epoch, seq: Math.min(from + 1, this.records.length) }, more: from + 1 < this.records.length, records: this.records.slice(from, from + 1) };
    }

    #begin(after: Cursor | undefined): { from: number; reset: boolean } {
      this.asked += 1;
      const known = after?.epoch === this.epoch;
      return { from: known ? after.seq : 0, reset: !known };
    }
  }

  function syncOf(logs: Logs) {
    const merged: string[] = [];
    const servers = new Chunkservers({ clock: { now: () => 0, monotonic: () => 0 }, heartbeatTimeoutMs: 1_000, log: silent });
    const sync = new InventorySync({
      chunkservers: servers, locations, api: logs, log: silent,
      merge: (records) => {
        merged.push(...records.map(({ name }) => name));
        return { changed: records.map(({ name }) => name), conflicts: [] };
      },
    });
    const beat = async (): Promise<void> => {
      servers.heartbeat({ id: "s1", port: 1, capacityBytes: 1, freeBytes: 1, chunks: 0, full: false, now: 0, inventory: { epoch: logs.epoch, seq: logs.chunks.length }, manifests: { epoch: logs.epoch, seq: logs.records.length } }, "10.0.0.1");
      await sync.sync("s1");
    };
    return { sync, merged, beat };
  }

  it("reads all pages of what is new, and nothing when nothing is", async () => {
    const logs = new Logs();
    logs.records = ["a", "b", "c"].map((name) => recordOf(name, `u-${name}`, []));
    logs.chunks = [present("u-a", 0), present("u-b", 0)];
    const { sync, merged, beat } = syncOf(logs);
    expect(sync.isSynced("s1")).toBe(false);
    await beat();
    expect([merged, locations.uploads().sort(), sync.isSynced("s1")]).toEqual([["a", "b", "c"], ["u-a", "u-b"], true]);
    const { asked } = logs;
    await beat();
    expect(logs.asked).toBe(asked);
    logs.chunks = [...logs.chunks, present("u-c", 0)];
    await beat();
    expect([logs.asked, locations.uploads().length, merged.length]).toEqual([asked + 1, 3, 3]);
  });

  it("begins anew with a chunkserver that was restarted, and drops what it no longer has", async () => {
    const logs = new Logs();
    logs.records = [recordOf("a", "u-a", []), recordOf("b", "u-b", [])];
    logs.chunks = [present("u-a", 0), present("u-b", 0)];
    const { sync, beat } = syncOf(logs);
    await beat();
    logs.epoch = "two";
    logs.records = logs.records.slice(0, 1);
    logs.chunks = logs.chunks.slice(0, 1);
    await beat();
    expect([locations.uploads(), [...locations.manifests("s1").keys()], sync.isSynced("s1")]).toEqual([["u-a"], ["a"], true]);
  });

  it("doesn't follow a chunkserver that gives the same page again and again", async () => {
    const logs = new Logs();
    logs.chunks = [present("u", 0)];
    logs.inventory = async (_from, after) => {
      logs.asked += 1;
      return { cursor: after ?? { epoch: "one", seq: 0 }, reset: false, more: true, changes: [] };
    };
    const { sync, beat } = syncOf(logs);
    await beat();
    expect(sync.isSynced("s1")).toBe(false);
    expect(logs.asked).toBeLessThan(5);
  });
});

describe("what interrupted uploads left", () => {
  function orphansOf(fleet: FakeFleet, clock: { now: number; contact: number }, self = "c1") {
    return new Orphans({
      self, chunkservers: fleet.servers, locations, api: fleet, controllers: () => ["c1"], lastFullContact: () => clock.contact, orphanGraceMs: 40_000, log: silent, monotonic: () => clock.now,
    });
  }

  it("is removed only after every controller has told what it knows", async () => {
    const fleet = new FakeFleet(["s1", "s2"]);
    locations.applyInventory("s1", page([present("u", 0)]));
    const clock = { now: 100_000, contact: 99_000 };
    const orphans = orphansOf(fleet, clock);
    expect(await orphans.remove(["u"])).toBe(0);
    clock.now = 300_000;
    expect(await orphans.remove(["u"])).toBe(0); // the last exchange with all was before it was noticed
    clock.contact = 299_000;
    expect(await orphans.remove(["u"])).toBe(1);
    expect([fleet.removed, locations.uploads()]).toEqual([["s1 u"], []]);
  });

  it("stays when a record turns up for it", async () => {
    const fleet = new FakeFleet(["s1"]);
    locations.applyInventory("s1", page([present("u", 0)]));
    const clock = { now: 100_000, contact: 99_000 };
    const orphans = orphansOf(fleet, clock);
    await orphans.remove(["u"]);
    Object.assign(clock, { now: 300_000, contact: 299_000 });
    expect(await orphans.remove([])).toBe(0);
    clock.now = 301_000;
    expect(await orphans.remove(["u"])).toBe(0); // noticed anew
    expect(fleet.removed).toEqual([]);
  });

  it("is another controller's business when that one is responsible", async () => {
    const fleet = new FakeFleet(["s1"]);
    locations.applyInventory("s1", page([present("u", 0)]));
    const clock = { now: 100_000, contact: 99_000 };
    const orphans = orphansOf(fleet, clock, "c2");
    await orphans.remove(["u"]);
    Object.assign(clock, { now: 300_000, contact: 299_000 });
    expect(await orphans.remove(["u"])).toBe(0);
  });
});

describe("the controller's own volume", () => {
  it("counts as full after a write that found no room, and only for a while", async () => {
    let now = 0;
    const volume = new VolumeHealth(folder, silent, () => now);
    await volume.check();
    expect(volume.full).toBe(false);
    expect(volume.failed(new Error("something else"))).toBe(false);
    expect(volume.failed(Object.assign(new Error("database or disk is full"), { errcode: 13 }))).toBe(true);
    expect(volume.full).toBe(true);
    now = 6_000;
    expect(volume.full).toBe(false);
  });
});
