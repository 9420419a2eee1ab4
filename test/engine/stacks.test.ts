/** The shipped stacks under the real engine and the local cloud: tags, policies, references, and what a test's end leaves behind. */
import { ECSClient, ListServicesCommand, DescribeServicesCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerFleetTags, TAG_KEYS, urnHash } from "#dist/components/tags/index";
import { ensureStarted, type LocalCloudClient } from "#dist/local/client";
import { runStack } from "#dist/stacks/run";

// Required, not imported: an import would touch every module of the package.
const aws = createRequire(__filename)("@pulumi/aws") as typeof import("@pulumi/aws");
const packageRoot = path.join(__dirname, "..", "..");
const policyPack = path.join(packageRoot, "policy");
let scratch: string;
let cloud: LocalCloudClient;
let command: PulumiCommand;
let env: Record<string, string>;

beforeAll(async () => {
  scratch = fs.mkdtempSync(path.join(tmpdir(), "stackfleet-stacks-"));
  for (const folder of ["state", "home", "project"]) fs.mkdirSync(path.join(scratch, folder));
  const bin = process.env["STACKFLEET_PULUMI_BIN"];
  if (bin !== undefined) process.env["PATH"] = `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`;
  command = await PulumiCommand.get();
  cloud = await ensureStarted({ dir: path.join(scratch, "cloud"), timeScale: 1000, report: () => undefined });
  env = {
    ...cloud.env(), PULUMI_HOME: path.join(scratch, "home"), PULUMI_BACKEND_URL: `file://${path.join(scratch, "state")}`,
    TMPDIR: scratch /* where Pulumi puts its logs */, PULUMI_CONFIG_PASSPHRASE: "test", PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", PULUMI_SKIP_UPDATE_CHECK: "true", STACKFLEET_CONFIG: config(),
  };
  fs.writeFileSync(path.join(scratch, "project", "Pulumi.yaml"), "name: fleet\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\n");
  // The language host looks for the Pulumi SDK from the project's folder upwards.
  fs.symlinkSync(path.join(packageRoot, "node_modules"), path.join(scratch, "node_modules"));
  fs.writeFileSync(path.join(scratch, "project", "index.js"), `module.exports = require(${JSON.stringify(path.join(packageRoot, "dist", "stacks", "index.js"))});\n`);
});

afterAll(async () => {
  await cloud.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** Writes a fleet config whose one region has so many users. A file of its own each: a process reads a config once. */
function config(virtualUsers = 5): string {
  const file = path.join(scratch, `constellation-${virtualUsers}.json`);
  fs.writeFileSync(file, JSON.stringify({ DURATION: 20_000, HOME_REGION: "eu-central-1", REMOTE_REGIONS: { "eu-west-1": virtualUsers } }));
  return file;
}

async function stackOf(name: string, region: string, program: () => Promise<Record<string, unknown>>): Promise<Stack> {
  const stack = await LocalWorkspace.createOrSelectStack({ stackName: name, projectName: "fleet", program }, { workDir: path.join(scratch, "project"), pulumiCommand: command, envVars: env });
  await stack.setConfig("aws:region", { value: region });
  return stack;
}
const home = (): Promise<Stack> => stackOf("home", "eu-central-1", () => runStack({ configFile: config(), stack: "home" }));
const ireland = (virtualUsers: number): Promise<Stack> => stackOf("eu-west-1", "eu-west-1", () => runStack({ configFile: config(virtualUsers), stack: "eu-west-1" }));

/** A `pulumi` of somebody at a shell. */
function byHand(...args: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(command.command, [...args, "--non-interactive"], { cwd: path.join(scratch, "project"), env: { ...process.env, ...env }, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

interface StateResource { readonly urn: string; readonly inputs?: { readonly tags?: Record<string, string> } }
async function taggedIn(stack: Stack): Promise<readonly StateResource[]> {
  const { deployment } = await stack.exportStack() as { deployment: { resources?: StateResource[] } };
  return (deployment.resources ?? []).filter((resource) => resource.inputs?.tags !== undefined);
}

class Folder extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Folder", name, {}, opts);
  }
}

describe("fleet tags", () => {
  // stack ─┬─ raw
  //        └─ a::b$c ─ inner ─ vpc ─ subnet
  it("carry the hash of the very URN that the engine forms", async () => {
    const stack = await stackOf("tags", "eu-west-1", async () => {
      registerFleetTags({ project: pulumi.getProject(), stack: pulumi.getStack() });
      new aws.ec2.Vpc("raw", { cidrBlock: "10.1.0.0/16" });
      const inner = new Folder("inner", { parent: new Folder("a::b$c") });
      const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16", tags: { Name: "vpc" } }, { parent: inner });
      new aws.ec2.Subnet("subnet::of$vpc", { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" }, { parent: vpc });
      return {};
    });
    await stack.up();
    const tagged = await taggedIn(stack);
    expect(tagged.map(({ urn }) => urn).toSorted()).toEqual([
      "urn:pulumi:tags::fleet::aws:ec2/vpc:Vpc::raw",
      "urn:pulumi:tags::fleet::test:index:Folder$test:index:Folder$aws:ec2/vpc:Vpc$aws:ec2/subnet:Subnet::subnet::of$vpc",
      "urn:pulumi:tags::fleet::test:index:Folder$test:index:Folder$aws:ec2/vpc:Vpc::vpc",
    ]);
    for (const { urn, inputs } of tagged) expect(inputs?.tags?.[TAG_KEYS.urnHash]).toBe(urnHash(urn));
    await stack.destroy();
  });
});

describe("the shipped stacks", () => {
  it("come up, are unchanged the second time, pass the policies and carry the tags", async () => {
    const stack = await home();
    const region = await ireland(5);
    for (const one of [stack, region]) {
      expect((await one.up()).summary.result).toBe("succeeded");
      const { changeSummary } = await one.preview({ policyPacks: [policyPack] });
      expect(Object.keys(changeSummary)).toEqual(["same"]);
      for (const { urn, inputs } of await taggedIn(one)) expect(inputs?.tags?.[TAG_KEYS.urnHash]).toBe(urnHash(urn));
    }
  });

  it("are the same when somebody runs them by hand", () => {
    const { status, output } = byHand("preview", "--stack", "eu-west-1", "--expect-no-changes");
    expect(output).toContain("unchanged");
    expect(status).toBe(0);
  });

  it("leave services that a test's end scaled to 0 alone, until the plan changes", async () => {
    const client = new ECSClient({ region: "eu-west-1", endpoint: env["AWS_ENDPOINT_URL"] ?? "", credentials: { accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "", secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "" } });
    const stack = await ireland(5);
    const cluster = String((await stack.outputs())["clusterArn"]?.value);
    const counts = async (): Promise<Record<string, number | undefined>> => {
      const { serviceArns } = await client.send(new ListServicesCommand({ cluster }));
      const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: serviceArns ?? [] }));
      return Object.fromEntries(services.filter(({ serviceName = "" }) => serviceName.includes("generators")).map(({ serviceName = "", desiredCount }) => [serviceName, desiredCount]));
    };
    expect(await counts()).toEqual({ "fleet-load-generators-1-1x5": 1 });
    await client.send(new UpdateServiceCommand({ cluster, service: "fleet-load-generators-1-1x5", desiredCount: 0 }));
    await stack.refresh();
    await stack.up();
    expect(await counts()).toEqual({ "fleet-load-generators-1-1x5": 0 });
    await (await ireland(401)).up();
    expect(await counts()).toEqual({ "fleet-load-generators-1-2x134": 2, "fleet-load-generators-2-1x133": 1 });
  });

  it("are gone after a destroy, the region first", async () => {
    await (await ireland(401)).destroy();
    await (await home()).destroy();
    expect((await cloud.status()).resources).toBe(0);
  });

  it("say in one line that the home is missing", () => {
    const { status, output } = byHand("preview", "--stack", "eu-west-1");
    expect(status).not.toBe(0);
    expect(output).toMatch(/error: stack "home" has none of the outputs that are needed; .* bring "home" up first\n/);
    expect(output).not.toMatch(/\n\s+at /);
  });
});

describe("the policy pack", () => {
  it("stops a preview with every kind of violation", async () => {
    const stack = await stackOf("violations", "eu-west-1", async () => {
      const vpc = new aws.ec2.Vpc("untagged", { cidrBlock: "10.0.0.0/16" });
      new aws.ec2.SecurityGroup("open", { vpcId: vpc.id, ingress: [{ protocol: "tcp", fromPort: 22, toPort: 22, ipv6CidrBlocks: ["::/0"] }] });
      const everything = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
      new aws.iam.Policy("all", { policy: everything });
      return {};
    });
    let output = "";
    await expect(stack.preview({ policyPacks: [policyPack], onOutput: (text) => { output += text; } })).rejects.toThrow();
    for (const policy of ["tags-present", "no-public-ingress", "no-wildcard-iam"]) expect(output).toContain(policy);
    expect(output).toMatch(/ingress\[0\]\.ipv6CidrBlocks\[0\]: open to the internet; got "::\/0"/);
  });
});
