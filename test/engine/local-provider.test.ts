/** The local cloud's provider under the real engine: the life of a chain of five resources, faults, and deaths of the CLI and the daemon. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, type InlineProgramArgs, type Stack, type UpResult } from "@pulumi/pulumi/automation";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { balance, ensureStarted, LocalCloudError, type LocalCloudClient } from "#dist/local/client";
import type { LedgerEntry } from "../../local/protocol";
import { CHAIN_TYPES } from "../support/chain";

const FAST = 500;
const root = path.join(__dirname, "..", "..");
const entry = path.join(root, "test", "support", "chain-daemon.mts");
let scratch: string;
let cloudDir: string;
let cloud: LocalCloudClient;
let command: PulumiCommand;

beforeAll(async () => {
  scratch = fs.mkdtempSync(path.join(tmpdir(), "stackfleet-provider-"));
  cloudDir = path.join(scratch, "cloud");
  fs.mkdirSync(path.join(scratch, "state"));
  const bin = process.env["STACKFLEET_PULUMI_BIN"];
  if (bin !== undefined) process.env["PATH"] = `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`;
  command = await PulumiCommand.get();
  await start();
});

afterEach(async () => {
  await cloud.clearFaults();
  await cloud.setTimeScale(FAST);
});

afterAll(async () => {
  await cloud.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});

async function start(): Promise<void> {
  cloud = await ensureStarted({ dir: cloudDir, timeScale: FAST, report: () => undefined, entry });
}

class Link extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly arn: pulumi.Output<string>;
  declare readonly password: pulumi.Output<string | undefined>;
  constructor(type: string, name: string, props: pulumi.Inputs, options?: pulumi.CustomResourceOptions) {
    super(type, name, { name: undefined, arn: undefined, password: undefined, ...props }, options);
  }
}

class ChainProvider extends pulumi.ProviderResource {
  constructor(name: string, region: string) {
    super("chain", name, { region });
  }
}

interface ChainProps { readonly links?: number; readonly props?: (link: number) => pulumi.Inputs; readonly options?: (link: number) => pulumi.CustomResourceOptions }

/** link1 ← link2 ← … ← link5 */
function chain({ links = 5, props = () => ({}), options = () => ({}) }: ChainProps = {}) {
  return async () => {
    let previous: Link | undefined;
    const names: pulumi.Output<string>[] = [];
    for (let number = 1; number <= links; number++) {
      const type = CHAIN_TYPES[number - 1] ?? "";
      previous = new Link(type, `link${number}`, { ...(previous && { previous: previous.id }), ...props(number) }, options(number));
      names.push(previous.name);
    }
    return { names, last: previous?.id, password: previous?.password };
  };
}

async function stackOf(name: string, program: InlineProgramArgs["program"], config: Record<string, string> = { "chain:region": "eu-west-1" }): Promise<Stack> {
  return LocalWorkspace.createOrSelectStack({ stackName: name, projectName: "chain", program }, {
    pulumiCommand: command,
    pulumiHome: path.join(scratch, "pulumi-home"),
    projectSettings: { name: "chain", runtime: "nodejs", backend: { url: `file://${path.join(scratch, "state")}` } },
    stackSettings: { [name]: { config } },
    envVars: { ...cloud.env(), PULUMI_CONFIG_PASSPHRASE: "test", PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
}

async function up(stack: Stack, program: InlineProgramArgs["program"]): Promise<UpResult> {
  return stack.up({ program });
}

async function failureOf(stack: Stack, program: InlineProgramArgs["program"]): Promise<string> {
  return stack.up({ program }).then(() => "it succeeded", (error: unknown) => String(error));
}

async function ledger(stack: string, operation?: LedgerEntry["operation"]): Promise<LedgerEntry[]> {
  const entries = await cloud.ledger({ stack });
  return entries.filter((entry) => operation === undefined || entry.operation === operation);
}

/** Waits for a state of the ledger; the daemon has no event for it. */
async function ledgerHas(stack: string, wanted: (entries: LedgerEntry[]) => boolean): Promise<LedgerEntry[]> {
  return expect.poll(() => ledger(stack), { timeout: 20_000, interval: 25 }).toSatisfy(wanted).then(() => ledger(stack));
}

/** SIGKILLs the CLI processes that this process started. */
function killOwnClis(): number {
  const children = fs.readdirSync("/proc/self/task").flatMap((thread) => fs.readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim().split(" "));
  const clis = children.filter((pid) => pid !== "" && fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "pulumi");
  for (const pid of clis) process.kill(Number(pid), "SIGKILL");
  return clis.length;
}

async function state(stack: Stack): Promise<{ resources?: { urn: string; id?: string; inputs?: Record<string, unknown>; outputs?: Record<string, unknown> }[]; pending_operations?: unknown[] }> {
  return (await stack.exportStack()).deployment;
}

describe("a chain of five resources", () => {
  it("is created once, stays the same, is updated in place, replaced and destroyed, and the ledger balances", async () => {
    const stack = await stackOf("life", chain());
    const created = await up(stack, chain());
    expect(created.summary.resourceChanges).toEqual({ create: 6 });
    const again = await up(stack, chain());
    expect(again.summary.resourceChanges).toEqual({ same: 6 });
    const updated = await up(stack, chain({ props: (link) => (link === 2 ? { size: 7 } : {}) }));
    expect(updated.summary.resourceChanges).toEqual({ same: 5, update: 1 });
    const replaced = await up(stack, chain({ props: (link) => (link === 5 ? { zone: "b" } : link === 2 ? { size: 7 } : {}) }));
    expect(replaced.summary.resourceChanges).toEqual({ same: 5, replace: 1 });
    expect(replaced.outputs["last"]?.value).not.toBe(created.outputs["last"]?.value);
    expect(balance(await ledger("life")).createdTwice).toEqual([]);

    await stack.refresh();
    await stack.destroy();
    expect(balance(await ledger("life"))).toEqual({ createdTwice: [], leftBehind: [] });
    expect((await ledger("life")).filter((entry) => entry.result !== "ok")).toEqual([]);
    expect((await ledger("life", "create"))).toHaveLength(6);
    expect((await cloud.status()).resources).toBe(0);
  });

  it("previews without touching the cloud, with what will be computed left unknown", async () => {
    const stack = await stackOf("preview", chain());
    const preview = await stack.preview();
    expect(preview.changeSummary).toEqual({ create: 6 });
    expect(await ledger("preview")).toEqual([]);
  });

  it("gives names of the real provider's form and keeps them", async () => {
    const stack = await stackOf("names", chain({ links: 1 }));
    const first = await up(stack, chain({ links: 1 }));
    const [name] = first.outputs["names"]?.value as string[];
    expect(name).toMatch(/^link1-[0-9a-f]{7}$/);
    const second = await up(stack, chain({ links: 1, props: () => ({ size: 2 }) }));
    expect(second.outputs["names"]?.value).toEqual([name]);
    const third = await up(stack, chain({ links: 1, props: () => ({ size: 2, zone: "b" }) }));
    expect((third.outputs["names"]?.value as string[])[0]).not.toBe(name);
    await stack.destroy();
  });

  it("replaces a resource with a given name by deleting it first", async () => {
    const named = (zone: string) => chain({ links: 1, props: () => ({ name: "fixed", zone }) });
    const stack = await stackOf("named", named("a"));
    await up(stack, named("a"));
    await up(stack, named("b"));
    expect((await ledger("named")).filter((entry) => entry.operation !== "read").map((entry) => entry.operation)).toEqual(["create", "delete", "create"]);
    await stack.destroy();
  });

  it("keeps secrets secret in the state and out of the ledger", async () => {
    const program = chain({ links: 1, props: () => ({ password: pulumi.secret("hunter2-hunter2"), broken: true }) });
    const stack = await stackOf("secrets", program);
    await failureOf(stack, program);
    const text = fs.readFileSync(path.join(scratch, "state", ".pulumi", "stacks", "chain", "secrets.json"), "utf8");
    expect(text).toContain("link1");
    expect(text).not.toContain("hunter2-hunter2");
    expect(JSON.stringify(await ledger("secrets"))).not.toContain("hunter2");
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
    const stack = await stackOf("regions", program);
    const result = await up(stack, program);
    expect(result.outputs["regions"]?.value).toEqual([expect.stringContaining("arn:chain:us-east-1:"), expect.stringContaining("arn:chain:ap-northeast-3:")]);
    await stack.destroy();
  });

  it("imports by id and by the import syntax, without a create", async () => {
    const stack = await stackOf("import-from", chain({ links: 1, props: () => ({ name: "kept", size: 3 }) }));
    const made = await up(stack, chain({ links: 1, props: () => ({ name: "kept", size: 3 }), options: () => ({ retainOnDelete: true }) }));
    const id = String(made.outputs["last"]?.value);
    await stack.destroy();
    const imported = (as: string) => chain({ links: 1, props: () => ({ name: "kept", size: 3 }), options: () => ({ import: as }) });
    for (const as of [id, "named/kept"]) {
      const other = await stackOf(`import-${as.slice(0, 4)}`, imported(as));
      const result = await up(other, imported(as));
      expect(result.summary.resourceChanges).toEqual({ create: 1, import: 1 });
      expect(result.outputs["last"]?.value).toBe(id);
    }
    expect(await ledger("import-link", "create")).toEqual([]);
    await (await stackOf("import-link", imported(id))).destroy();
  });
});

describe("errors", () => {
  it("names the folder to extend for an unknown type", async () => {
    const program = async () => void new Link("chain:index:Nothing", "nothing", {});
    const text = await failureOf(await stackOf("unknown-type", program), program);
    expect(text).toContain(`resource type "chain:index:Nothing" is not modelled by the local cloud; add it under local/chain/ (see docs/local-cloud.md)`);
  });

  it("names the file to extend for an unknown argument, and every fault at once", async () => {
    const program = chain({ links: 1, props: () => ({ colour: "red", size: "many" }) });
    const text = await failureOf(await stackOf("unknown-argument", program), program);
    expect(text).toContain(`argument "colour" is not modelled by the local cloud; extend test/support/chain.ts`);
    expect(text).toContain("size");
    expect(await ledger("unknown-argument")).toEqual([]);
  });

  it("says how to set a missing region", async () => {
    const text = await failureOf(await stackOf("no-region", chain(), {}), chain());
    expect(text).toContain("missing region");
  });

  it("keeps a resource that was made but did not come up, and settles it by an update", async () => {
    const broken = chain({ links: 1, props: () => ({ broken: true }) });
    const stack = await stackOf("broken", broken);
    expect(await failureOf(stack, broken)).toContain("LinkBroken: the link did not come up");
    expect((await state(stack)).resources?.filter((resource) => resource.urn.includes("Link1"))).toHaveLength(1);
    const repaired = await up(stack, chain({ links: 1 }));
    expect(repaired.summary.resourceChanges).toMatchObject({ update: 1 });
    expect(await ledger("broken", "create")).toHaveLength(1);
    await stack.destroy();
  });
});

describe("the fault plan", () => {
  it("fails the nth create of a type once", async () => {
    await cloud.addFault({ type: CHAIN_TYPES[1] ?? "", stack: "fail", nth: 1, kind: "fail" });
    const stack = await stackOf("fail", chain());
    expect(await failureOf(stack, chain())).toContain("InternalFailure");
    await up(stack, chain());
    const creates = await ledger("fail", "create");
    expect(creates.map((entry) => entry.result.split(":")[0])).toEqual(["ok", "error", "ok", "ok", "ok", "ok"]);
    await stack.destroy();
    expect(balance(await ledger("fail"))).toEqual({ createdTwice: [], leftBehind: [] });
  });

  it("throttles a create, which the provider repeats by itself", async () => {
    await cloud.addFault({ type: CHAIN_TYPES[2] ?? "", stack: "throttle", kind: "throttle" });
    const stack = await stackOf("throttle", chain());
    await up(stack, chain());
    expect((await ledger("throttle", "create")).filter((entry) => entry.type === CHAIN_TYPES[2]).map((entry) => entry.result)).toEqual(["error: throttled", "ok"]);
    await stack.destroy();
  });

  it("loses a reply after the work was done: the engine fails, and another up makes it twice", async () => {
    await cloud.addFault({ type: CHAIN_TYPES[4] ?? "", stack: "drop", kind: "drop-reply" });
    const stack = await stackOf("drop", chain());
    expect(await failureOf(stack, chain())).toContain("error reading from server: EOF");
    await up(stack, chain());
    expect(balance(await ledger("drop")).createdTwice).toHaveLength(1);
    await expect(stack.destroy()).rejects.toThrow("DependencyViolation");
  });

  it("hangs a create until the plan is cleared", async () => {
    await cloud.addFault({ type: CHAIN_TYPES[0] ?? "", stack: "hang", kind: "hang" });
    const stack = await stackOf("hang", chain({ links: 1 }));
    const running = up(stack, chain({ links: 1 }));
    const pending = await ledgerHas("hang", (entries) => entries.some((entry) => entry.id !== ""));
    expect(pending.map((entry) => entry.result)).toEqual(["pending"]);
    await cloud.clearFaults();
    expect((await running).summary.resourceChanges).toEqual({ create: 2 });
    await stack.destroy();
  });
});

describe("deaths", () => {
  it("finishes a create whose CLI was killed, visible from its start", async () => {
    await cloud.setTimeScale(10);
    const stack = await stackOf("killed", chain({ links: 1 }));
    const running = failureOf(stack, chain({ links: 1 }));
    const begun = await ledgerHas("killed", (entries) => entries.some((entry) => entry.id !== ""));
    expect(begun.map((entry) => entry.result)).toEqual(["pending"]);
    expect(killOwnClis()).toBe(1);
    expect(await running).not.toBe("it succeeded");
    const done = await ledgerHas("killed", (entries) => entries.every((entry) => entry.result !== "pending"));
    expect(done.map((entry) => [entry.id, entry.result])).toEqual([[begun[0]?.id, "ok"]]);
    expect((await state(stack)).pending_operations).toHaveLength(1);
  });

  it("finds resources again after its own death, and finishes the create that was under way", async () => {
    const before = (await cloud.status()).resources;
    await cloud.setTimeScale(2);
    const stack = await stackOf("crash", chain({ links: 1 }));
    const running = failureOf(stack, chain({ links: 1 }));
    const begun = await ledgerHas("crash", (entries) => entries.some((entry) => entry.id !== ""));
    const { ports, pid } = cloud.info;
    process.kill(pid, "SIGKILL");
    await running;
    await expect.poll(() => cloud.isRunning()).toBe(false);
    await start();
    expect(cloud.info.ports).toEqual(ports);
    expect(cloud.info.pid).not.toBe(pid);
    const done = await ledgerHas("crash", (entries) => entries.every((entry) => entry.result !== "pending"));
    expect(done.map((entry) => [entry.id, entry.result])).toEqual([[begun[0]?.id, "ok"]]);
    expect((await cloud.status()).resources).toBe(before + 1);
  });

  it("starts once when two ask at the same time, and refuses a folder without its program", async () => {
    const dir = path.join(scratch, "twice");
    const clients = await Promise.all([1, 2].map(() => ensureStarted({ dir, report: () => undefined, entry })));
    expect(new Set(clients.map((client) => client.info.pid)).size).toBe(1);
    await clients[0]?.stop();
    expect(clients[1]?.isRunning()).toBe(false);
    await expect(ensureStarted({ dir, report: () => undefined, entry: path.join(scratch, "none.js") })).rejects.toThrow(LocalCloudError);
  });
});
