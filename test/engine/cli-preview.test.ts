/** Previews of a fleet that was never deployed, with the policies, by the driver and by hand. */
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, constellationFile, TestFleet } from "../support/fleet";

const POLICY_PACK = path.resolve(__dirname, "..", "..", "policy");

describe("a preview of a load-test fleet that was never deployed", () => {
  const fleet = new TestFleet({ files: { "fleet.json": constellationFile({ "eu-west-1": 5 }) }, config: "fleet.json" });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("shows what every stack would create, handing unknown outputs down, and creates nothing", async () => {
    const { code, report } = await fleet.report("preview");
    expect({ code, stacks: report.stacks.map(({ name, status }) => `${name} ${status}`) }).toEqual({ code: 0, stacks: ["home succeeded", "eu-west-1 succeeded"] });
    for (const stack of report.stacks) expect(stack.created).toBeGreaterThan(10);
    expect(await fleet.ledger()).toEqual([]);
    expect(fleet.processes()).toEqual([expect.stringContaining("local/main.js")]);
  });

  it("says the same as the run that follows", async () => {
    const preview = await fleet.report("preview");
    const up = await fleet.report("up");
    const created = ({ report }: typeof up) => report.stacks.map((stack) => [stack.name, stack.created]);
    expect(created(up)).toEqual(created(preview));
  });
});

//   network ◄─ service
describe("a preview of programs that have stack references of their own", () => {
  const fleet = new TestFleet({
    files: {
      "fleet.config.ts": `
        import { defineFleet } from "stackfleet";
        export default defineFleet({ stacks: {
          network: { program: "./network.cjs", region: "eu-west-1" },
          service: { program: "./service.cjs", region: "eu-west-1", dependsOn: ["network"] },
        } });`,
      "network.cjs": `
        const aws = require("@pulumi/aws");
        const pulumi = require("@pulumi/pulumi");
        exports.program = async () => {
          const vpc = new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
          return { vpcId: vpc.id, cidrs: ["10.0.1.0/24", "10.0.2.0/24"], key: pulumi.secret("hidden") };
        };`,
      "service.cjs": `
        const aws = require("@pulumi/aws");
        const pulumi = require("@pulumi/pulumi");
        exports.program = async () => {
          const network = new pulumi.StackReference("organization/stackfleet/network");
          const { value: cidrs } = await network.getOutputDetails("cidrs");
          for (const [index, cidrBlock] of cidrs.entries()) new aws.ec2.Subnet("subnet-" + index, { vpcId: network.requireOutput("vpcId"), cidrBlock });
          const missing = await network.getOutputDetails("nothing");
          return { key: network.getOutput("key"), missing: Object.keys(missing).filter((key) => missing[key] !== undefined).length };
        };`,
    },
  });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("shows what they would create, known values and unknown ones, before anything is deployed; then the run does that", async () => {
    const counts = async (operation: string) => (await fleet.report(operation)).report.stacks.map(({ name, status, created }) => `${name} ${status} ${created}`);
    expect(await counts("preview")).toEqual(["network succeeded 2", "service succeeded 3"]);
    expect(await counts("up")).toEqual(["network succeeded 2", "service succeeded 3"]);
    expect(await counts("preview")).toEqual(["network unchanged 0", "service unchanged 0"]);
    expect(JSON.parse((await fleet.run("outputs", "service", "--output", "json")).stdout)).toEqual({ key: "[secret]", missing: 0 });
  });
});

describe("the policies", () => {
  const program = (body: string): string => `const aws = require("@pulumi/aws");\nexports.program = async () => { ${body} };\n`;
  const fleet = new TestFleet({
    project: "shop",
    files: {
      "fleet.config.ts": `
        import { defineFleet } from "stackfleet";
        const stack = (name: string) => ({ program: \`./\${name}.cjs\`, region: "eu-west-1" });
        export default defineFleet({ project: "shop", policyPacks: [${JSON.stringify(POLICY_PACK)}], stacks: { good: stack("good"), open: stack("open"), powers: stack("powers") } });`,
      "good.cjs": program('new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });'),
      "open.cjs": program(`
        const vpc = new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
        new aws.ec2.SecurityGroup("web", { vpcId: vpc.id, ingress: [{ protocol: "tcp", fromPort: 22, toPort: 22, cidrBlocks: ["0.0.0.0/0"] }] });`),
      "powers.cjs": program(`
        new aws.iam.Policy("all", { policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] }) });`),
    },
  });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("fail a preview in the stacks that violate them, each by name with the resource", async () => {
    const { code, report } = await fleet.report("preview");
    expect(code).toBe(1);
    expect(report.stacks.map(({ name, status, error }) => ({ name, status, ...(error && { code: error.code, urn: error.urn, message: error.message }) }))).toEqual([
      { name: "good", status: "succeeded" },
      { name: "open", status: "failed", code: "policy-violation", urn: expect.stringMatching(/::web$/), message: expect.stringMatching(/^no-public-ingress: ingress\[0\]\.cidrBlocks\[0\]: open to the internet; got "0\.0\.0\.0\/0"; /) },
      { name: "powers", status: "failed", code: "policy-violation", urn: expect.stringMatching(/::all$/), message: expect.stringMatching(/^no-wildcard-iam: .*; got "\*"; /) },
    ]);
  });

  it("are told once each in plain output, without a stack trace", async () => {
    const { code, stdout, stderr } = await fleet.plain("preview", "open");
    expect(code).toBe(1);
    expect((stdout + stderr).match(/no-public-ingress/g)).toHaveLength(1);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("run by hand as well", () => {
    const byHand = (stack: string) => spawnSync("sh", ["-c", 'eval "$("$NODE" "$CLI" env)"; pulumi preview --non-interactive --policy-pack "$PACK" -s "$STACK"'], {
      cwd: fleet.root, encoding: "utf8", env: { ...fleet.env(), NODE: process.execPath, CLI, PACK: POLICY_PACK, STACK: stack },
    });
    const open = byHand("open");
    expect(open.status).not.toBe(0);
    expect(open.stdout).toContain("no-public-ingress");
    const good = byHand("good");
    expect({ status: good.status, stderr: good.stderr.replace(/^(starting the )?local cloud.*\n/gm, "") }).toEqual({ status: 0, stderr: "" });
  });
});
