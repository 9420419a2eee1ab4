import { createServer } from "node:net";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { balance } from "../../../local/balance";
import { ScaledClock } from "../../../local/core/clock";
import { openDatabase } from "../../../local/core/database";
import { createIdentifiers } from "../../../local/core/identifiers";
import { Ledger } from "../../../local/core/ledger";
import { Serial } from "../../../local/core/serial";
import { rotate } from "../../../local/files";
import { lockFolder } from "../../../local/lock";
import { claimPorts } from "../../../local/ports";
import type { LedgerEntry } from "../../../local/protocol";
import { scratch, settled } from "./world";

describe("simulated time", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("passes faster by the scale, also for waits that are under way when the scale changes", async () => {
    const clock = new ScaledClock(10);
    const woken: string[] = [];
    void clock.sleep(100).then(() => woken.push("100 s"));
    await vi.advanceTimersByTimeAsync(5_000);
    clock.setTimeScale(50);
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toEqual(["100 s"]);
    expect(clock.toRealMs(100)).toBe(2_000);
  });

  it("waits longer than one timer can", async () => {
    const clock = new ScaledClock(0.001);
    let woken = false;
    void clock.sleep(3_000).then(() => (woken = true));
    await vi.advanceTimersByTimeAsync(2_999_999_000);
    expect(woken).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(woken).toBe(true);
  });

  it("ends a wait by its signal", async () => {
    const clock = new ScaledClock(1);
    const abort = new AbortController();
    const wait = clock.sleep(10, abort.signal);
    abort.abort(new Error("enough"));
    await expect(wait).rejects.toThrow("enough");
    await expect(clock.sleep(10, abort.signal)).rejects.toThrow("enough");
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("identifiers", () => {
  it("have the asked form, and repeat only with the seed", () => {
    const ids = createIdentifiers("seed");
    expect(ids.hex(17)).toMatch(/^[0-9a-f]{17}$/);
    expect(ids.alphanumeric(40)).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(ids.alphanumeric(40, true)).toMatch(/^[A-Z0-9]{40}$/);
    expect(ids.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(createIdentifiers("seed").hex(40)).toBe(createIdentifiers("seed").hex(40));
    expect(createIdentifiers().hex(40)).not.toBe(createIdentifiers().hex(40));
    expect(new Set(Array.from({ length: 1_000 }, () => ids.hex(17))).size).toBe(1_000);
  });
});

describe("the ledger", () => {
  it("numbers calls from 1 on, filters them, and keeps the first result only", () => {
    const ledger = new Ledger(openDatabase(undefined));
    const open = (stack: string, type: string) => ledger.open({ stack, urn: "u", type, operation: "create", id: "", region: "r", modelledSeconds: 2 });
    const one = open("a", "t");
    open("b", "t").close("ok");
    open("a", "v");
    one.assign("id-1");
    one.close("ok");
    one.close("error: late");
    expect(ledger.list().map(({ seq, result }) => `${seq} ${result}`)).toEqual(["1 ok", "2 ok", "3 pending"]);
    expect(ledger.list({ since: 1, stack: "a" }).map(({ seq }) => seq)).toEqual([3]);
    expect(ledger.list({ type: "t" }).map(({ id }) => id)).toEqual(["id-1", ""]);
    expect(ledger.interrupted().map(({ entry }) => entry.seq)).toEqual([3]);
    expect(ledger.count()).toBe(3);
  });
});

describe("the balance", () => {
  let seq = 0;
  const entry = (operation: LedgerEntry["operation"], urn: string, id: string, result = "ok", region = "r"): LedgerEntry =>
    ({ seq: ++seq, time: "", stack: "s", urn, type: "t", operation, id, result, region });

  it("is even after creates and deletes in any order, replacements and refused creates", () => {
    expect(balance([
      entry("create", "a", "1"), entry("create", "b", "", "error: refused"), entry("create", "b", "2", "error: did not come up"),
      entry("create", "a", "3"), entry("delete", "a", "1"), entry("read", "a", "3"), entry("delete", "b", "2"), entry("delete", "a", "3"),
    ])).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("names what was created twice and what was left behind", () => {
    const entries = [entry("create", "a", "1"), entry("create", "a", "2", "pending"), entry("create", "b", "3"), entry("delete", "b", "3", "error: not found")];
    const { createdTwice, leftBehind } = balance(entries);
    expect(createdTwice.map(({ urn, resources }) => [urn, resources.map(({ id }) => id)])).toEqual([["a", ["1", "2"]]]);
    expect(leftBehind.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect(balance(entries, new Set(["1", "3"])).leftBehind.map(({ id }) => id)).toEqual(["2"]);
  });

  it("tells names apart by region, and sees one resource behind two creates", () => {
    const entries = [entry("create", "a", "n", "ok", "r1"), entry("create", "b", "n", "ok", "r2"), entry("delete", "a", "n", "ok", "r1")];
    expect(balance(entries).leftBehind.map(({ urn }) => urn)).toEqual(["b"]);
    const twice = [entry("create", "a", "n"), entry("create", "b", "n")];
    expect(balance(twice).createdTwice.map(({ urn }) => urn)).toEqual(["a, b"]);
    expect(balance([...twice, entry("delete", "b", "n")])).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("takes what Docker hands back again for the one that it is, and an image for everybody's", () => {
    const made = (type: string, urn: string, id: string): LedgerEntry => ({ ...entry("create", urn, id), type: `docker:index/${type}` });
    const twice = (...entries: LedgerEntry[]): string[] => balance(entries).createdTwice.map(({ urn }) => urn);
    expect(twice(made("volume:Volume", "a", "data"), made("volume:Volume", "a", "data"))).toEqual([]);
    expect(twice(made("volume:Volume", "a", "data"), made("volume:Volume", "a", "other"))).toEqual(["a"]);
    expect(twice(made("volume:Volume", "a", "data"), made("volume:Volume", "b", "data"))).toEqual(["a, b"]);
    expect(twice(made("remoteImage:RemoteImage", "a", "x"), made("remoteImage:RemoteImage", "b", "x"))).toEqual([]);
    expect(twice(made("container:Container", "a", "x"), made("container:Container", "a", "x"))).toEqual(["a"]);
  });

  it("finds a global resource that was deleted through another region", () => {
    expect(balance([entry("create", "a", "role", "ok", "r1"), entry("delete", "other", "role", "ok", "r2")]).leftBehind).toEqual([]);
  });
});

describe("serial work", () => {
  it("runs one after the other on a key, at once on others, and goes on after a failure", async () => {
    const serial = new Serial();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = serial.run("a", async () => {
      await gate.promise;
      order.push("a1");
      throw new Error("a1 failed");
    });
    const second = serial.run("a", async () => void order.push("a2"));
    await serial.run("b", async () => void order.push("b1"));
    gate.resolve();
    await expect(first).rejects.toThrow("a1 failed");
    await second;
    await settled();
    expect(order).toEqual(["b1", "a1", "a2"]);
  });
});

describe("the daemon's folder", () => {
  let dir: string;
  let remove: () => void;
  beforeEach(() => void ({ dir, remove } = scratch()));
  afterEach(() => remove());

  it("is locked by one holder at a time", () => {
    const lock = lockFolder(dir);
    expect(() => lockFolder(dir)).toThrow(/is running in .* already/);
    lock.release();
    lockFolder(dir).release();
  });

  it("keeps its ports", async () => {
    const ports = await claimPorts(dir, ["aws"]);
    expect(new Set([ports.control, ports.aws, ports.providers["aws"]]).size).toBe(3);
    expect(await claimPorts(dir, ["aws"])).toEqual(ports);
    const more = await claimPorts(dir, ["aws", "docker"]);
    expect(more).toMatchObject({ control: ports.control, providers: { aws: ports.providers["aws"], docker: expect.any(Number) } });
    expect(fs.statSync(path.join(dir, "ports.json")).mode & 0o777).toBe(0o600);
  });

  it("names a kept port that another program took", async () => {
    const { aws } = await claimPorts(dir, []);
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(aws, "127.0.0.1", resolve));
    await expect(claimPorts(dir, [])).rejects.toThrow(`port ${aws} (AWS APIs) is taken by another program`);
    await new Promise((resolve) => thief.close(resolve));
  });

  it("says what is wrong with a broken ports.json", async () => {
    fs.writeFileSync(path.join(dir, "ports.json"), "{");
    await expect(claimPorts(dir, [])).rejects.toThrow("ports.json: can't be read; got not JSON");
  });

  it("moves a long log out of the way, and a short one not", () => {
    const file = path.join(dir, "daemon.log");
    rotate(file, 4);
    fs.writeFileSync(file, "1234");
    rotate(file, 4);
    expect(fs.readdirSync(dir)).toEqual(["daemon.log"]);
    fs.appendFileSync(file, "5");
    rotate(file, 4);
    expect(fs.readdirSync(dir)).toEqual(["daemon.log.1"]);
  });

  it("refuses a database of another version", () => {
    const database = openDatabase(dir);
    database.db.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => openDatabase(dir)).toThrow("made by another version; got schema 99; expected 1");
  });
});
