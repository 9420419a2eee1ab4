/** The local cloud when things go wrong: the fault plan, interrupts, and deaths of the CLI and of the daemon. */
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { balance, ensureStarted, LocalCloudError } from "#dist/local/client";
import { CHAIN_TYPES } from "../support/chain";
import { chain, ChainGround, DAEMON, deploymentOf, failureOf, signalOwnClis } from "../support/chain-ground";

const ground = new ChainGround();
beforeAll(() => ground.start());
afterEach(() => ground.calm());
afterAll(() => ground.end());

describe("the fault plan", () => {
  it("fails the nth create of a type once", async () => {
    await ground.cloud.addFault({ type: CHAIN_TYPES[1] ?? "", stack: "fail", nth: 1, kind: "fail" });
    const stack = await ground.stack("fail", chain());
    expect(await failureOf(stack, chain())).toContain("InternalFailure");
    await stack.up({ program: chain() });
    const creates = await ground.creates("fail");
    expect(creates.map((entry) => entry.result.split(":")[0])).toEqual(["ok", "error", "ok", "ok", "ok", "ok"]);
    await stack.destroy();
    expect(balance(await ground.ledger("fail"))).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("throttles a create, which the provider repeats by itself", async () => {
    await ground.cloud.addFault({ type: CHAIN_TYPES[2] ?? "", stack: "throttle", kind: "throttle" });
    const stack = await ground.stack("throttle", chain());
    await stack.up({ program: chain() });
    expect((await ground.creates("throttle")).filter((entry) => entry.type === CHAIN_TYPES[2]).map((entry) => entry.result)).toEqual(["error: throttled", "ok"]);
    await stack.destroy();
  });

  it("loses a reply after the work was done: the engine fails, and another up makes it twice", async () => {
    await ground.cloud.addFault({ type: CHAIN_TYPES[4] ?? "", stack: "drop", kind: "drop-reply" });
    const stack = await ground.stack("drop", chain());
    expect(await failureOf(stack, chain())).toContain("error reading from server: EOF");
    await stack.up({ program: chain() });
    expect(balance(await ground.ledger("drop")).createdTwice).toHaveLength(1);
    await expect(stack.destroy()).rejects.toThrow("DependencyViolation");
  });

  it("hangs a create until the plan is cleared", async () => {
    await ground.cloud.addFault({ type: CHAIN_TYPES[0] ?? "", stack: "hang", kind: "hang" });
    const stack = await ground.stack("hang", chain({ links: 1 }));
    const running = stack.up({ program: chain({ links: 1 }) });
    await ground.begun("hang");
    await ground.cloud.clearFaults();
    expect((await running).summary.resourceChanges).toEqual({ create: 2 });
    await stack.destroy();
  });
});

describe("an interrupt", () => {
  it("lets the create that is in flight finish, and leaves nothing pending", async () => {
    await ground.cloud.setTimeScale(10);
    const stack = await ground.stack("interrupted", chain({ links: 2 }));
    const running = failureOf(stack, chain({ links: 2 }));
    await ground.begun("interrupted");
    expect(signalOwnClis("SIGINT")).toBe(1);
    expect(await running).not.toBe("it succeeded");
    expect((await ground.ledger("interrupted")).map((entry) => entry.result)).toEqual(["ok"]);
    const { resources = [], pending_operations = [] } = await deploymentOf(stack);
    expect(pending_operations).toEqual([]);
    expect(resources.filter((resource) => resource.urn.includes("Link1")).map((resource) => resource.initErrors)).toEqual([undefined]);
    await stack.destroy();
  });
});

describe("deaths", () => {
  it("finishes a create whose CLI was killed, visible from its start", async () => {
    await ground.cloud.setTimeScale(10);
    const stack = await ground.stack("killed", chain({ links: 1 }));
    const running = failureOf(stack, chain({ links: 1 }));
    const begun = await ground.begun("killed");
    expect(signalOwnClis("SIGKILL")).toBe(1);
    expect(await running).not.toBe("it succeeded");
    const done = await ground.ledgerUntil("killed", (entries) => entries.every((entry) => entry.result !== "pending"));
    expect(done.map((entry) => [entry.id, entry.result])).toEqual([[begun.id, "ok"]]);
    expect((await deploymentOf(stack)).pending_operations).toHaveLength(1);
  });

  it("finds resources again after its own death, and finishes the create that was under way", async () => {
    const before = (await ground.cloud.status()).resources;
    await ground.cloud.setTimeScale(2);
    const stack = await ground.stack("crash", chain({ links: 1 }));
    const running = failureOf(stack, chain({ links: 1 }));
    const begun = await ground.begun("crash");
    const dead = ground.cloud;
    process.kill(dead.info.pid, "SIGKILL");
    await running;
    await expect.poll(() => dead.isRunning()).toBe(false);
    await ground.start();
    expect(ground.cloud.info.ports).toEqual(dead.info.ports);
    expect(ground.cloud.info.pid).not.toBe(dead.info.pid);
    const done = await ground.ledgerUntil("crash", (entries) => entries.every((entry) => entry.result !== "pending"));
    expect(done.map((entry) => [entry.id, entry.result])).toEqual([[begun.id, "ok"]]);
    expect((await ground.cloud.status()).resources).toBe(before + 1);
  });

  it("starts once when two ask at the same time, and refuses a missing program", async () => {
    const start = (dir: string, entry: string) => ensureStarted({ dir: path.join(ground.scratch, dir), report: () => undefined, entry });
    const clients = await Promise.all([1, 2].map(() => start("twice", DAEMON)));
    expect(new Set(clients.map((client) => client.info.pid)).size).toBe(1);
    await clients[0]?.stop();
    expect(clients[1]?.isRunning()).toBe(false);
    await expect(start("never", path.join(ground.scratch, "none.js"))).rejects.toThrow(LocalCloudError);
  });
});
