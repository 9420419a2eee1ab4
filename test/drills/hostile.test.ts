/**
 * Kills at bad moments: in the middle of replacements, updates and deletions, and of recovery itself, several in a row. Whatever was
 * next, finally one `up` succeeds, nothing exists twice, nothing is left behind. STACKFLEET_HOSTILE sets how many seeded moments.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetEvent } from "../../automation/events";
import { TestFleet } from "../support/fleet";
import { expectGone, expectSuccess, expectWhole, fleetConfig } from "./every-type";
import { killTree, seeded } from "./support";

const MOMENTS = Number(process.env["STACKFLEET_HOSTILE"] ?? 2);
const SEED = Number(process.env["STACKFLEET_SEED"] ?? 20261122);

/**
 * Two variants, A and B. From one to the other: "keep" is updated, "group" with its rules is replaced (the new one first), "role",
 * "logs" and "alias" have names that stay, so that they are deleted to be replaced, "only" exists in one variant, and "far" moves to
 * another region with all that its provider made.
 */
const program = (variant: "A" | "B"): string => `
const pulumi = require("@pulumi/pulumi");
const aws = require("@pulumi/aws");
const A = ${String(variant === "A")};
class Nested extends pulumi.ComponentResource {
  constructor(name, provider) {
    super("drill:index:Nested", name, {}, { providers: { aws: provider } });
    const vpc = new aws.ec2.Vpc(name, { cidrBlock: "10.9.0.0/16" }, { parent: this });
    const table = new aws.ec2.RouteTable(name, { vpcId: vpc.id }, { parent: this });
    const subnet = new aws.ec2.Subnet(name, { vpcId: vpc.id, cidrBlock: "10.9.1.0/24" }, { parent: this });
    new aws.ec2.RouteTableAssociation(name, { routeTableId: table.id, subnetId: subnet.id }, { parent: this });
  }
}
exports.program = async () => {
  const vpc = new aws.ec2.Vpc("net", { cidrBlock: "10.0.0.0/16" });
  const group = new aws.ec2.SecurityGroup("group", { vpcId: vpc.id, description: A ? "a" : "b" });
  new aws.vpc.SecurityGroupIngressRule("rule", { securityGroupId: group.id, ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv4: "10.0.0.0/16" });
  const trust = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }] });
  const role = new aws.iam.Role("role", { name: "drill-role", path: A ? "/a/" : "/b/", assumeRolePolicy: trust });
  new aws.iam.RolePolicy("inline", { role: role.name, policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }) });
  new aws.cloudwatch.LogGroup("logs", { name: "/drill/logs", logGroupClass: A ? "STANDARD" : "INFREQUENT_ACCESS" });
  new aws.ssm.Parameter("keep", { name: "/drill/keep", type: "SecureString", value: pulumi.secret(A ? "first" : "second") });
  const secret = new aws.secretsmanager.Secret("secret", {});
  new aws.secretsmanager.SecretVersion("secret", { secretId: secret.id, secretString: pulumi.secret(A ? "first" : "second") });
  const bucket = new aws.s3.Bucket("files", { forceDestroy: true });
  new aws.s3.BucketVersioning("files", { bucket: bucket.id, versioningConfiguration: { status: A ? "Enabled" : "Suspended" } });
  new aws.sqs.Queue(A ? "only-a" : "only-b", {});
  new Nested("far", new aws.Provider("far", { region: A ? "us-west-2" : "ca-central-1" }));
  return {};
};
`;

const fleet = new TestFleet({ files: { "fleet.config.ts": fleetConfig({ one: { program: "./one.cjs", region: "eu-west-1" } }), "one.cjs": program("A") }, timeScale: 60 });
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

/** Starts an operation and kills it with all its children at the event that `isMoment` picks, or `laterMs` after it. */
async function kill(operation: string, isMoment: (event: FleetEvent, seen: number) => boolean, laterMs = 0): Promise<void> {
  let seen = 0;
  let due = false;
  const run = fleet.operate(operation, (event, { pid }) => {
    if (due || pid === undefined || !isMoment(event, ++seen)) return;
    due = true;
    if (laterMs === 0) killTree(pid);
    else setTimeout(() => { if (run.child.exitCode === null) killTree(pid); }, laterMs);
  });
  await run.exit;
}

const touches = (type: string, resource: string, ops: string) => (event: FleetEvent): boolean =>
  event.type === type && "op" in event && ops.split(" ").includes(event.op) && event.urn.endsWith(`::${resource}`);

/** An `up` that makes everything whole again, whatever was before. */
async function expectSettled(): Promise<void> {
  await expectSuccess(fleet, "up");
  await expectWhole(fleet);
}

let variant: "A" | "B" = "A";
function change(): void {
  variant = variant === "A" ? "B" : "A";
  fleet.write("one.cjs", program(variant));
}

describe("a run that is killed", () => {
  beforeAll(() => expectSuccess(fleet, "up"));

  it.each([
    ["while the old side of a replacement is deleted", touches("resource.started", "group", "delete-replaced")],
    ["while what keeps its name is deleted to be replaced", touches("resource.started", "logs", "delete-replaced")],
    ["while what keeps its name, and others need, is made again", touches("resource.started", "role", "create-replacement")],
  ])("%s is finished by the next one", async (_moment, isMoment) => {
    change();
    await kill("up", isMoment);
    await expectSettled();
  });

  it("while it destroys is not taken for whole by an up", async () => {
    await kill("destroy", touches("resource.started", "net", "delete"));
    await expectSettled();
  });

  it("while it recovers is finished by the next one", async () => {
    change();
    await kill("up", touches("resource.started", "logs", "create-replacement"));
    await kill("up", ({ type }) => type === "stack.status"); // before its state is written
    await kill("up", ({ type }) => type === "stack.recovered"); // after, before what was adopted is read
    await expectSettled();
  });
});

describe("a series of kills", () => {
  const random = seeded(SEED);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] ?? expect.unreachable();
  for (let moment = 1; moment <= MOMENTS; moment++) {
    const first = pick("up", "up", "destroy");
    const at = 1 + Math.floor(random() * (first === "up" ? 90 : 50));
    // The second one is killed as likely while it recovers as later.
    const second = pick("nothing", "up", "refresh", "destroy");
    const laterMs = 1 + Math.floor(random() * 2500);
    const third = pick("nothing", "refresh", "destroy");
    const changes = pick(true, false);
    const name = `${first} at event ${at}, ${second} after ${laterMs} ms, then ${third} and up${changes ? " of other resources" : ""}`;
    it(`ends well: moment ${moment}, ${name}`, async () => {
      if (first === "up") change();
      await kill(first, (_event, seen) => seen === at);
      if (second !== "nothing") await kill(second, (_event, seen) => seen === 1, laterMs);
      if (third !== "nothing") await expectSuccess(fleet, third);
      if (changes) change();
      await expectSettled();
    });
  }

  it("leaves nothing that a destroy does not remove", () => expectGone(fleet));
});
