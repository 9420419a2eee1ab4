import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clusterReadyHandler } from "../../../providers/aerospike-cloud/provider/resources/clusterReady";
import { contextOf } from "./context";
import { clusterReply, failure, FakeService } from "./service";

const ID = String(clusterReply()["id"]);
const ACTIVE = clusterReply({ health: { status: "active" }, connectionDetails: { host: "h", tlsCertificate: "PEM" } });

let service: FakeService;
beforeEach(async () => { service = await FakeService.start(); });
afterEach(() => service.close());

describe("the wait for a cluster", () => {
  it("polls every 10 s, every 5 s from shortly before the usual end, and tells of each look", async () => {
    const context = contextOf(service.client());
    const begun = context.now();
    service.script = () => ({ status: 200, body: context.now() - begun >= 1_000_000 ? ACTIVE : clusterReply() });
    const { outputs } = await clusterReadyHandler.create({ clusterId: ID }, context);
    expect([context.slept.filter((ms) => ms === 10_000).length, context.slept.filter((ms) => ms === 5_000).length]).toEqual([81, 38]);
    expect(context.progressed.slice(0, 2)).toEqual(["phase provisioning; 1 check; 0s", "phase provisioning; 2 checks; 10s"]);
    expect(context.progressed.at(-1)).toBe("phase active; 120 checks; 1000s");
    expect(outputs).toMatchObject({ clusterId: ID, host: "h", tlsCertificate: "PEM", provisioningSeconds: 1000 });
  });

  it("is shorter by the time scale", async () => {
    const context = contextOf(service.client(), { timeScale: 100 });
    const statuses = [clusterReply(), clusterReply(), ACTIVE];
    service.script = () => ({ status: 200, body: statuses.shift() ?? ACTIVE });
    await clusterReadyHandler.create({ clusterId: ID }, context);
    expect(context.slept).toEqual([100]);
  });

  it("tells of one look and no time for a cluster that is active already, and ends when the engine has that", async () => {
    service.script = () => ({ status: 200, body: { ...ACTIVE, createdAt: "2025-01-01T00:00:00.000Z" } });
    const told: string[] = [];
    let deliver = (): void => undefined;
    const delivered = new Promise<void>((resolve) => { deliver = resolve; });
    let ended = false;
    const asked = new Promise<void>((resolve) => {
      const context = contextOf(service.client(), { progress: (message) => { told.push(message); resolve(); return delivered; } });
      void clusterReadyHandler.create({ clusterId: ID }, context).then(() => { ended = true; });
    });
    await asked;
    await new Promise(setImmediate);
    expect([told, ended]).toEqual([["phase active; 1 check; 0s"], false]);
    deliver();
    await expect.poll(() => ended).toBe(true);
  });

  it.each(["action-required", "config-error", "usage-exceeded", "paused", "decommissioning"])("ends for a cluster that is %s", async (status) => {
    service.script = () => ({ status: 200, body: clusterReply({ health: { status } }) });
    expect((await failure(clusterReadyHandler.create({ clusterId: ID }, contextOf(service.client())))).message).toContain(`cluster "demo" (${ID}) is ${status}; expected active; `);
  });

  it.each([[0], [2]])("for a cluster that is gone at once, or after %d looks, says how to go on", async (looks) => {
    service.script = (_request, nth) => (nth > looks ? { status: 404 } : { status: 200, body: clusterReply() });
    expect((await failure(clusterReadyHandler.create({ clusterId: ID }, contextOf(service.client())))).message).toBe(
      `cluster ${ID} isn't there any more: it was deleted outside of this stack, or by a destroy that was interrupted; run a refresh (\`stackfleet refresh\`, or \`pulumi refresh\`), then up again`);
  });

  it("puts up with a status that it doesn't know for five minutes", async () => {
    service.script = () => ({ status: 200, body: clusterReply({ health: { status: "of tomorrow" } }) });
    expect((await failure(clusterReadyHandler.create({ clusterId: ID }, contextOf(service.client())))).message).toMatch(/is unknown for 3\d\d s/);
  });

  it("goes on while an active cluster has no host yet", async () => {
    const replies = [clusterReply(), clusterReply({ health: { status: "active" }, connectionDetails: { host: "" } }), ACTIVE];
    service.script = () => ({ status: 200, body: replies.shift() ?? ACTIVE });
    const context = contextOf(service.client());
    await clusterReadyHandler.create({ clusterId: ID }, context);
    expect(context.progressed).toEqual(["phase active; 1 check; 0s; waiting for its connection details", "phase active; 2 checks; 10s"]);
  });

  it("ends at its limit, and at a cancellation", async () => {
    service.script = () => ({ status: 200, body: clusterReply() });
    expect((await failure(clusterReadyHandler.create({ clusterId: ID }, contextOf(service.client(), { timeoutSeconds: 60 })))).message).toMatch(/was given up after 60 s; it is provisioning; run the same command again/);
    const context = contextOf(service.client());
    service.script = (_request, nth) => { if (nth > 10) context.cancel(); return { status: 200, body: clusterReply() }; };
    expect((await failure(clusterReadyHandler.create({ clusterId: ID }, context))).message).toBe("cancelled");
  });
});
