import { describe, expect, it } from "vitest";
import { PartialFailure, ReplyDropped } from "../../../local/core/lifecycle";
import { CHAIN_TYPES, CREATE_SECONDS } from "../../support/chain";
import { openWorld, scratch, settled, type World } from "./world";

const first = CHAIN_TYPES[0] ?? "";

function results(world: World): string[] {
  return world.ledger.list().map((entry) => `${entry.operation} ${entry.result}`);
}

async function made(world: World, link: number, name: string, inputs = {}) {
  const job = world.lifecycle.create(world.call(link, name), { name, ...inputs });
  await world.clock.advance(CREATE_SECONDS);
  return job;
}

describe("create", () => {
  it("shows the resource from its start, and answers after its latency", async () => {
    const world = openWorld();
    const job = world.lifecycle.create(world.call(1, "a"), { name: "a" });
    expect(world.store.list(first).map((record) => record.status)).toEqual(["creating"]);
    expect(world.ledger.list()).toMatchObject([{ seq: 1, stack: "s", operation: "create", result: "pending", id: world.store.list(first)[0]?.id, modelledSeconds: CREATE_SECONDS, region: "eu-west-1" }]);
    await world.clock.advance(CREATE_SECONDS - 1);
    expect(world.store.list(first)[0]?.status).toBe("creating");
    await world.clock.advance(1);
    expect((await job).outputs).toMatchObject({ name: "a", ready: true });
    expect(world.ledger.list()).toMatchObject([{ result: "ok", durationMs: CREATE_SECONDS * 1000 }]);
  });

  it("goes on when its caller is gone", async () => {
    const world = openWorld();
    const caller = new AbortController();
    const job = world.lifecycle.create(world.call(1, "a", { signal: caller.signal }), { name: "a" });
    caller.abort(new Error("gone"));
    await world.clock.advance(CREATE_SECONDS);
    expect((await job).status).toBe("available");
    expect(results(world)).toEqual(["create ok"]);
  });

  it("makes two resources when it is sent twice", async () => {
    const world = openWorld();
    await made(world, 1, "a");
    await made(world, 1, "a");
    expect(world.store.list(first)).toHaveLength(2);
  });

  it("makes nothing when the service refuses", async () => {
    const world = openWorld();
    await expect(world.lifecycle.create(world.call(2, "b"), { name: "b", previous: "link-0" })).rejects.toThrow("InvalidLink: link-0 does not exist");
    expect(world.store.size).toBe(0);
    expect(world.ledger.list()).toMatchObject([{ id: "", result: "error: InvalidLink: link-0 does not exist" }]);
  });

  it("keeps a resource that did not come up, and says so", async () => {
    const world = openWorld();
    const job = world.lifecycle.create({ ...world.call(1, "a"), redact: (text) => text.replaceAll("hunter2", "[secret]") }, { name: "a", broken: true, password: "hunter2" });
    job.catch(() => undefined);
    await world.clock.advance(CREATE_SECONDS);
    await expect(job).rejects.toThrow(PartialFailure);
    expect(world.store.list(first).map((record) => record.status)).toEqual(["available"]);
    expect(results(world)).toEqual(["create error: LinkBroken: the link did not come up with [secret]"]);
    expect(world.ledger.list()[0]?.id).not.toBe("");
  });
});

describe("read, update and delete", () => {
  it("read finds a resource by id and by the import syntax, and nothing elsewhere", async () => {
    const world = openWorld();
    const record = await made(world, 1, "a");
    const read = async (id: string, overrides = {}) => {
      const job = world.lifecycle.read(world.call(1, "x", overrides), id);
      await world.clock.advance(1);
      return (await job)?.id;
    };
    expect(await read(record.id)).toBe(record.id);
    expect(await read("named/a")).toBe(record.id);
    expect(await read(record.id, { region: "us-east-1" })).toBeUndefined();
    expect(results(world)).toEqual(["create ok", "read ok", "read ok", "read error: not found"]);
  });

  it("update replaces the inputs, merges the outputs and forgets dropped arguments", async () => {
    const world = openWorld();
    const { id } = await made(world, 1, "a", { size: 1, tags: { k: "v" } });
    const job = world.lifecycle.update(world.call(1, "a"), id, { name: "a", tags: { k: "w" } });
    await world.clock.advance(1);
    const record = await job;
    expect(record.inputs).toEqual({ name: "a", tags: { k: "w" } });
    expect(record.outputs).toMatchObject({ ready: true, tags: { k: "w" } });
    expect(record.outputs).not.toHaveProperty("size");
    expect(record.tags).toEqual({ k: "w" });
  });

  it("update of a resource that is gone is refused", async () => {
    const world = openWorld();
    await expect(world.lifecycle.update(world.call(1, "a"), "link-1", { name: "a" })).rejects.toThrow("does not exist");
    expect(results(world)).toEqual([`update error: ResourceNotFoundException: ${first} "link-1" does not exist in eu-west-1`]);
  });

  it("delete of a resource that is being created waits for the create", async () => {
    const world = openWorld();
    const creating = world.lifecycle.create(world.call(1, "a"), { name: "a" });
    const id = world.store.list(first)[0]?.id ?? "";
    const deleting = world.lifecycle.delete(world.call(1, "a"), id);
    await world.clock.advance(CREATE_SECONDS - 1);
    expect(world.store.list(first)[0]?.status).toBe("creating");
    await world.clock.advance(1);
    await creating;
    expect(world.store.list(first)[0]?.status).toBe("deleting");
    await world.clock.advance(1);
    await deleting;
    expect(world.store.size).toBe(0);
    expect(results(world)).toEqual(["create ok", "delete ok"]);
  });

  it("delete sent twice at once is one deletion, and both callers wait for it", async () => {
    const world = openWorld();
    const { id } = await made(world, 1, "a");
    const ends: number[] = [];
    const both = [1, 2].map((number) => world.lifecycle.delete(world.call(1, "a"), id).then(() => ends.push(number)));
    await settled();
    expect(ends).toEqual([]);
    await world.clock.advance(1);
    await Promise.all(both);
    expect(results(world)).toEqual(["create ok", "delete ok", "delete error: deletion is in progress already"]);
  });

  it("delete of what is gone succeeds", async () => {
    const world = openWorld();
    await expect(world.lifecycle.delete(world.call(1, "a"), "link-1")).resolves.toBeUndefined();
    expect(results(world)).toEqual(["delete error: not found"]);
  });

  it("a refused delete leaves the resource as it was", async () => {
    const world = openWorld();
    const a = await made(world, 1, "a");
    await made(world, 2, "b", { previous: a.id });
    await expect(world.lifecycle.delete(world.call(1, "a"), a.id)).rejects.toThrow("DependencyViolation");
    expect(world.store.byKey(a.key)?.status).toBe("available");
  });
});

describe("the fault plan", () => {
  it("fail makes nothing, at the nth create since it was added, once", async () => {
    const world = openWorld();
    await made(world, 1, "before");
    world.faults.add({ type: first, stack: "s", nth: 2, kind: "fail" });
    await made(world, 1, "a");
    await expect(world.lifecycle.create(world.call(1, "b"), { name: "b" })).rejects.toThrow("InternalFailure");
    await made(world, 1, "c");
    expect(results(world)).toEqual(["create ok", "create ok", "create error: InternalFailure: the request was refused by the fault plan", "create ok"]);
  });

  it("does not count creates of other stacks and types", async () => {
    const world = openWorld();
    world.faults.add({ type: first, stack: "other", kind: "fail" });
    world.faults.add({ type: CHAIN_TYPES[1] ?? "", kind: "fail" });
    await made(world, 1, "a");
    expect(world.faults.list().map((fault) => [fault.seen, fault.fired])).toEqual([[0, false], [0, false]]);
  });

  it("throttle shows one refused attempt, and then succeeds after a wait", async () => {
    const world = openWorld();
    world.faults.add({ type: first, kind: "throttle" });
    const job = world.lifecycle.create(world.call(1, "a"), { name: "a" });
    await settled();
    expect(results(world)).toEqual(["create error: throttled"]);
    await world.clock.advance(1);
    await world.clock.advance(CREATE_SECONDS);
    await job;
    expect(results(world)).toEqual(["create error: throttled", "create ok"]);
    expect(world.store.size).toBe(1);
  });

  it("drop-reply does the work and loses the answer", async () => {
    const world = openWorld();
    world.faults.add({ type: first, kind: "drop-reply" });
    const job = world.lifecycle.create(world.call(1, "a"), { name: "a" });
    job.catch(() => undefined);
    await world.clock.advance(CREATE_SECONDS);
    await expect(job).rejects.toThrow(ReplyDropped);
    expect(results(world)).toEqual(["create ok"]);
    expect(world.store.list(first)[0]?.status).toBe("available");
  });

  it.each(["the plan is cleared", "the engine cancels"])("hang never answers until %s; the resource is begun all the while", async (until) => {
    const world = openWorld();
    const engine = new AbortController();
    world.faults.add({ type: first, kind: "hang" });
    const job = world.lifecycle.create(world.call(1, "a", { signal: engine.signal }), { name: "a" });
    await world.clock.advance(100 * CREATE_SECONDS);
    expect(results(world)).toEqual(["create pending"]);
    expect(world.store.size).toBe(1);
    if (until === "the plan is cleared") world.faults.clear();
    else engine.abort(new Error("cancelled"));
    await settled();
    await world.clock.advance(CREATE_SECONDS);
    await job;
    expect(results(world)).toEqual(["create ok"]);
  });
});

describe("a restart", () => {
  it("goes on with creates and deletions for the rest of their latency, and closes what can't go on", async () => {
    const { dir, remove } = scratch();
    try {
      const before = openWorld(dir);
      const kept = await made(before, 1, "kept");
      const doomed = await made(before, 1, "doomed");
      const ended = [
        before.lifecycle.create(before.call(1, "late"), { name: "late" }),
        before.lifecycle.delete(before.call(1, "doomed"), doomed.id),
        before.lifecycle.update(before.call(1, "kept"), kept.id, { name: "kept", size: 2 }),
      ].map((job) => job.then(() => "done", () => "died"));
      await before.clock.advance(0.5);
      before.die();
      expect(await Promise.all(ended)).toEqual(["died", "died", "died"]);

      const after = openWorld(dir, before.clock);
      await after.resume();
      expect(results(after).slice(2)).toEqual(["create pending", "delete pending", "update error: the local cloud ended before the call did"]);
      await after.clock.advance(CREATE_SECONDS - 1);
      expect(results(after).slice(2, 4)).toEqual(["create pending", "delete ok"]);
      await after.clock.advance(1);
      expect(results(after).slice(2, 4)).toEqual(["create ok", "delete ok"]);
      expect(after.store.list(first).map((record) => [record.inputs["name"], record.inputs["size"], record.status])).toEqual([["kept", undefined, "available"], ["late", undefined, "available"]]);
      expect(after.warnings).toEqual([]);
      after.die();
    } finally {
      remove();
    }
  });
});
