/** A folder with a daemon of the chain package and a `file://` backend, and stacks of chains by the real CLI. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, type InlineProgramArgs, type Stack } from "@pulumi/pulumi/automation";
import { expect } from "vitest";
import { ensureStarted, type LocalCloudClient } from "#dist/local/client";
import type { LedgerEntry } from "../../local/protocol";
import { CHAIN_TYPES } from "./chain";

export type Program = NonNullable<InlineProgramArgs["program"]>;

/** Simulated seconds a second: a chain of five takes a tenth of a second. */
export const FAST = 500;
/** Program of the chain package's daemon. */
export const DAEMON = path.join(__dirname, "chain-daemon.mts");

export class Link extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly arn: pulumi.Output<string>;
  constructor(type: string, name: string, props: pulumi.Inputs, options?: pulumi.CustomResourceOptions) {
    super(type, name, { name: undefined, arn: undefined, ...props }, options);
  }
}

export class ChainProvider extends pulumi.ProviderResource {
  constructor(name: string, region: string) {
    super("chain", name, { region });
  }
}

export interface ChainProgram {
  /** @default 5 */
  readonly links?: number;
  readonly props?: (link: number) => pulumi.Inputs;
  readonly options?: (link: number) => pulumi.CustomResourceOptions;
}

/** link1 ← link2 ← … ← link5; exports the names and the last id. */
export function chain({ links = 5, props = () => ({}), options = () => ({}) }: ChainProgram = {}): Program {
  return async () => {
    let previous: Link | undefined;
    const names: pulumi.Output<string>[] = [];
    for (let number = 1; number <= links; number++) {
      previous = new Link(CHAIN_TYPES[number - 1] ?? "", `link${number}`, { ...(previous && { previous: previous.id }), ...props(number) }, options(number));
      names.push(previous.name);
    }
    return { names, last: previous?.id };
  };
}

/** One daemon and one backend for the tests of a file. */
export class ChainGround {
  readonly scratch = fs.mkdtempSync(path.join(tmpdir(), "stackfleet-chain-"));
  #cloud: LocalCloudClient | undefined;

  get cloud(): LocalCloudClient {
    if (!this.#cloud) throw new Error("not started");
    return this.#cloud;
  }

  async start(): Promise<void> {
    const bin = process.env["STACKFLEET_PULUMI_BIN"];
    // The Automation API looks for the CLI there.
    if (bin !== undefined) process.env["PATH"] = [bin, process.env["PATH"]].join(path.delimiter);
    fs.mkdirSync(path.join(this.scratch, "state"), { recursive: true });
    this.#cloud = await ensureStarted({ dir: path.join(this.scratch, "cloud"), timeScale: FAST, report: () => undefined, entry: DAEMON });
  }

  /** As a fresh start finds it, except for what was made. */
  async calm(): Promise<void> {
    await this.cloud.clearFaults();
    await this.cloud.setTimeScale(FAST);
  }

  async end(): Promise<void> {
    await this.#cloud?.stop();
    fs.rmSync(this.scratch, { recursive: true, force: true });
  }

  async stack(name: string, program: Program, config: Record<string, string> = { "chain:region": "eu-west-1" }): Promise<Stack> {
    return LocalWorkspace.createOrSelectStack({ stackName: name, projectName: "chain", program }, {
      workDir: fs.mkdtempSync(path.join(this.scratch, "work-")), // else the Automation API leaves one behind in the temporary folder
      pulumiCommand: await PulumiCommand.get(),
      pulumiHome: path.join(this.scratch, "pulumi-home"),
      projectSettings: { name: "chain", runtime: "nodejs", backend: { url: `file://${path.join(this.scratch, "state")}` } },
      stackSettings: { [name]: { config } },
      envVars: { ...this.cloud.env(), TMPDIR: this.scratch /* where Pulumi puts its logs */, PULUMI_CONFIG_PASSPHRASE: "test", PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
  }

  /** The checkpoint as it lies on disk, secrets encrypted. */
  checkpoint(stack: string): string {
    return fs.readFileSync(path.join(this.scratch, "state", ".pulumi", "stacks", "chain", `${stack}.json`), "utf8");
  }

  ledger(stack: string): Promise<LedgerEntry[]> {
    return this.cloud.ledger({ stack });
  }

  async creates(stack: string): Promise<LedgerEntry[]> {
    return (await this.ledger(stack)).filter((entry) => entry.operation === "create");
  }

  /** Waits for a state of the ledger; the daemon has no event for it. */
  async ledgerUntil(stack: string, wanted: (entries: LedgerEntry[]) => boolean): Promise<LedgerEntry[]> {
    let entries: LedgerEntry[] = [];
    await expect.poll(async () => wanted(entries = await this.ledger(stack)), { timeout: 20_000, interval: 25 }).toBe(true);
    return entries;
  }

  /** Waits until a create has been begun and is under way. */
  async begun(stack: string): Promise<LedgerEntry> {
    const entries = await this.ledgerUntil(stack, (all) => all.some((entry) => entry.id !== ""));
    expect(entries.map((entry) => entry.result)).toEqual(["pending"]);
    return entries[0] ?? expect.unreachable("no entry");
  }
}

/** The update's error, as people read it. */
export function failureOf(stack: Stack, program: Program): Promise<string> {
  return stack.up({ program }).then(() => "it succeeded", (error: unknown) => String(error));
}

/** Resources and pending operations of a stack. */
export async function deploymentOf(stack: Stack): Promise<{ resources?: { urn: string; initErrors?: string[] }[]; pending_operations?: unknown[] }> {
  return (await stack.exportStack()).deployment;
}

/** Signals the CLI processes that this process started, and only those. @returns how many there were */
export function signalOwnClis(signal: NodeJS.Signals): number {
  const children = fs.readdirSync("/proc/self/task").flatMap((thread) => fs.readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim().split(" "));
  const clis = children.filter((pid) => pid !== "" && fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "pulumi");
  for (const pid of clis) process.kill(Number(pid), signal);
  return clis.length;
}
