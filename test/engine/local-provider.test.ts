/** The local cloud's provider under the real engine: the life of a chain of five resources, and the errors people see. */
import * as pulumi from "@pulumi/pulumi";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { balance } from "#dist/local/client";
import { CHAIN_TYPES } from "../support/chain";
import { chain, ChainGround, ChainProvider, deploymentOf, failureOf, Link } from "../support/chain-ground";

const ground = new ChainGround();
beforeAll(() => ground.start());
afterEach(() => ground.calm());
afterAll(() => ground.end());

describe("a chain of five resources", () => {
  it("is created once, stays the same, is updated in place, replaced and destroyed, and the ledger balances", async () => {
    const stack = await ground.stack("life", chain());
    const created = await stack.up({ program: chain() });
    expect(created.summary.resourceChanges).toEqual({ create: 6 });
    const again = await stack.up({ program: chain() });
    expect(again.summary.resourceChanges).toEqual({ same: 6 });
    const updated = await stack.up({ program: chain({ props: (link) => (link === 2 ? { size: 7 } : {}) }) });
    expect(updated.summary.resourceChanges).toEqual({ same: 5, update: 1 });
    const replaced = await stack.up({ program: chain({ props: (link) => (link === 5 ? { zone: "b" } : link === 2 ? { size: 7 } : {}) }) });
    expect(replaced.summary.resourceChanges).toEqual({ same: 5, replace: 1 });
    expect(replaced.outputs["last"]?.value).not.toBe(created.outputs["last"]?.value);
    expect(balance(await ground.ledger("life")).createdTwice).toEqual([]);

    await stack.refresh();
    await stack.destroy();
    expect(balance(await ground.ledger("life"))).toEqual({ createdTwice: [], leftBehind: [] });
    expect((await ground.ledger("life")).filter((entry) => entry.result !== "ok")).toEqual([]);
    expect((await ground.creates("life"))).toHaveLength(6);
    expect((await ground.cloud.status()).resources).toBe(0);
  });

  it("previews without touching the cloud: inputs are known, what will be computed is not", async () => {
    const known: string[] = [];
    const program = async () => {
      const link = new Link(CHAIN_TYPES[0] ?? "", "link1", {});
      for (const [key, value] of Object.entries({ name: link.name, arn: link.arn, id: link.id })) value.apply(() => known.push(key));
    };
    const stack = await ground.stack("preview", program);
    expect((await stack.preview()).changeSummary).toEqual({ create: 2 });
    expect(known).toEqual(["name"]);
    expect(await ground.ledger("preview")).toEqual([]);
  });

  it("gives names of the real provider's form and keeps them", async () => {
    const stack = await ground.stack("names", chain({ links: 1 }));
    const first = await stack.up({ program: chain({ links: 1 }) });
    const [name] = first.outputs["names"]?.value as string[];
    expect(name).toMatch(/^link1-[0-9a-f]{7}$/);
    const second = await stack.up({ program: chain({ links: 1, props: () => ({ size: 2 }) }) });
    expect(second.outputs["names"]?.value).toEqual([name]);
    const third = await stack.up({ program: chain({ links: 1, props: () => ({ size: 2, zone: "b" }) }) });
    expect((third.outputs["names"]?.value as string[])[0]).not.toBe(name);
    await stack.destroy();
  });

  it("replaces a resource with a given name by deleting it first", async () => {
    const named = (zone: string) => chain({ links: 1, props: () => ({ name: "fixed", zone }) });
    const stack = await ground.stack("named", named("a"));
    await stack.up({ program: named("a") });
    await stack.up({ program: named("b") });
    expect((await ground.ledger("named")).filter((entry) => entry.operation !== "read").map((entry) => entry.operation)).toEqual(["create", "delete", "create"]);
    await stack.destroy();
  });

  it("keeps secrets secret in the state and out of the ledger", async () => {
    const program = chain({ links: 1, props: () => ({ password: pulumi.secret("hunter2-hunter2"), broken: true }) });
    const stack = await ground.stack("secrets", program);
    await failureOf(stack, program);
    const text = ground.checkpoint("secrets");
    expect(text).toContain("link1");
    expect(text).not.toContain("hunter2-hunter2");
    expect(JSON.stringify(await ground.ledger("secrets"))).not.toContain("hunter2");
    await stack.destroy();
  });

  it("serves explicit providers of several regions side by side", async () => {
    const program = async () => {
      const regions = ["us-east-1", "ap-northeast-3"].map((region) => {
        const provider = new ChainProvider(`provider-${region}`, region);
        return new Link(CHAIN_TYPES[0] ?? "", `in-${region}`, {}, { provider }).arn;
      });
      return { regions };
    };
    const stack = await ground.stack("regions", program);
    const result = await stack.up({ program: program });
    expect(result.outputs["regions"]?.value).toEqual([expect.stringContaining("arn:chain:us-east-1:"), expect.stringContaining("arn:chain:ap-northeast-3:")]);
    await stack.destroy();
  });

  it("imports by id and by the import syntax, without a create", async () => {
    const stack = await ground.stack("import-from", chain({ links: 1, props: () => ({ name: "kept", size: 3 }) }));
    const made = await stack.up({ program: chain({ links: 1, props: () => ({ name: "kept", size: 3 }), options: () => ({ retainOnDelete: true }) }) });
    const id = String(made.outputs["last"]?.value);
    await stack.destroy();
    const imported = (as: string) => chain({ links: 1, props: () => ({ name: "kept", size: 3 }), options: () => ({ import: as }) });
    for (const as of [id, "named/kept"]) {
      const other = await ground.stack(`import-${as.slice(0, 4)}`, imported(as));
      const result = await other.up({ program: imported(as) });
      expect(result.summary.resourceChanges).toEqual({ create: 1, import: 1 });
      expect(result.outputs["last"]?.value).toBe(id);
    }
    expect(await ground.creates("import-link")).toEqual([]);
    await (await ground.stack("import-link", imported(id))).destroy();
  });
});

describe("errors", () => {
  it("names the folder to extend for an unknown type", async () => {
    const program = async () => void new Link("chain:index:Nothing", "nothing", {});
    const text = await failureOf(await ground.stack("unknown-type", program), program);
    expect(text).toContain(`resource type "chain:index:Nothing" is not modelled by the local cloud; add it under local/chain/ (see docs/local-cloud.md)`);
  });

  it("names the file to extend for an unknown argument, and every fault at once", async () => {
    const program = chain({ links: 1, props: () => ({ colour: "red", size: "many" }) });
    const text = await failureOf(await ground.stack("unknown-argument", program), program);
    expect(text).toContain(`argument "colour" is not modelled by the local cloud; extend test/support/chain.ts`);
    expect(text).toContain("size");
    expect(await ground.ledger("unknown-argument")).toEqual([]);
  });

  it("says how to set a missing region", async () => {
    const text = await failureOf(await ground.stack("no-region", chain(), {}), chain());
    expect(text).toContain("missing region");
  });

  it("keeps a resource that was made but did not come up, and settles it by an update", async () => {
    const broken = chain({ links: 1, props: () => ({ broken: true }) });
    const stack = await ground.stack("broken", broken);
    expect(await failureOf(stack, broken)).toContain("LinkBroken: the link did not come up");
    expect((await deploymentOf(stack)).resources?.filter((resource) => resource.urn.includes("Link1"))).toHaveLength(1);
    const repaired = await stack.up({ program: chain({ links: 1 }) });
    expect(repaired.summary.resourceChanges).toMatchObject({ update: 1 });
    expect(await ground.creates("broken")).toHaveLength(1);
    await stack.destroy();
  });
});
