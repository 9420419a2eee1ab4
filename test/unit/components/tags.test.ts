import { registerFleetTags, urnHash } from "#dist/components/tags/index";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { runMocked, type Ran } from "./mocks";

// Required, not imported: an import would touch every module of the package.
const aws = createRequire(__filename)("@pulumi/aws") as typeof import("@pulumi/aws");
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

class Folder extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions, type = "test:index:Folder") {
    super(type, name, {}, opts);
  }
}

/** Runs a program with fleet tags as project `fleet`, stack `dev`. */
function tagged(program: () => unknown, options: Parameters<typeof runMocked>[1] = {}): Promise<Ran> {
  return runMocked(() => {
    registerFleetTags({ project: pulumi.getProject(), stack: pulumi.getStack() });
    return program();
  }, options);
}
const docker = createRequire(__filename)("@pulumi/docker") as typeof import("@pulumi/docker");
const tagsOf = (ran: Ran, name: string): unknown => ran.named(name).inputs["tags"];
const VPC = { cidrBlock: "10.0.0.0/16" };

describe("urnHash", () => {
  it("is the SHA-256 of the URN in hex", () => {
    expect(urnHash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::main")).toBe(hash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::main"));
    expect(urnHash("x")).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("registerFleetTags", () => {
  it("tags a raw resource without tags of its own", async () => {
    const ran = await tagged(() => { new aws.ec2.Vpc("main", VPC); });
    expect(tagsOf(ran, "main")).toEqual({
      "stackfleet:project": "fleet", "stackfleet:stack": "dev", "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::main"),
    });
  });

  // stack ─ outer ─ inner ─ vpc ─ subnet
  it("forms the URN from the types of all components above", async () => {
    const ran = await tagged(() => {
      const inner = new Folder("inner", { parent: new Folder("outer", {}, "test:a/b:Outer") });
      const vpc = new aws.ec2.Vpc("vpc", VPC, { parent: inner });
      new aws.ec2.Subnet("subnet", { vpcId: vpc.id }, { parent: vpc });
    });
    expect(tagsOf(ran, "vpc")).toMatchObject({ "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::test:a/b:Outer$test:index:Folder$aws:ec2/vpc:Vpc::vpc") });
    expect(tagsOf(ran, "subnet")).toMatchObject({ "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::test:a/b:Outer$test:index:Folder$aws:ec2/vpc:Vpc$aws:ec2/subnet:Subnet::subnet") });
  });

  it("keeps names with the URN's own separators apart from its types", async () => {
    const ran = await tagged(() => { new aws.ec2.Vpc("v::p$c", VPC, { parent: new Folder("a::b$c") }); });
    expect(tagsOf(ran, "v::p$c")).toMatchObject({ "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::test:index:Folder$aws:ec2/vpc:Vpc::v::p$c") });
  });

  it("leaves the stack's own type out when the stack is named as the parent", async () => {
    const ran = await tagged(() => {
      const { getStackResource } = pulumi.runtime as unknown as { getStackResource(): pulumi.Resource };
      new aws.ec2.Vpc("main", VPC, { parent: getStackResource() });
    });
    expect(tagsOf(ran, "main")).toMatchObject({ "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::main") });
  });

  it("lets the program's own tags win, except the hash", async () => {
    const ran = await tagged(() => {
      new aws.ec2.Vpc("plain", { ...VPC, tags: { Name: "a", "stackfleet:stack": "mine", "stackfleet:urn-hash": "forged" } });
      new aws.ec2.Vpc("output", { ...VPC, tags: pulumi.output(Promise.resolve({ Name: pulumi.output("b"), "stackfleet:urn-hash": "forged" })) });
    });
    expect(tagsOf(ran, "plain")).toEqual({ Name: "a", "stackfleet:project": "fleet", "stackfleet:stack": "mine", "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::plain") });
    expect(tagsOf(ran, "output")).toMatchObject({ Name: "b", "stackfleet:urn-hash": hash("urn:pulumi:dev::fleet::aws:ec2/vpc:Vpc::output") });
  });

  it("shows the other tags in a preview when one is not known yet", async () => {
    const ran = await tagged(() => { new aws.ec2.Vpc("main", { ...VPC, tags: { Owner: pulumi.output<string>(pulumi.unknown as never) } }); }, { preview: true });
    expect(tagsOf(ran, "main")).toMatchObject({ "stackfleet:stack": "dev" });
  });

  it("leaves alone what carries no tags and what is looked up", async () => {
    const ran = await tagged(() => {
      new aws.ec2.RouteTableAssociation("link", { routeTableId: "rtb-1", subnetId: "subnet-1" });
      aws.ec2.Vpc.get("found", "vpc-1");
    });
    expect(ran.named("link").inputs).not.toHaveProperty("tags");
    expect(ran.named("found").inputs["tags"]).toBeUndefined();
  });
});

describe("registerFleetTags on Docker's types", () => {
  const urnOf = (type: string, name: string): string => `urn:pulumi:dev::fleet::docker:index/${type}::${name}`;
  const labelsOf = (ran: Ran, name: string): unknown => ran.named(name).inputs["labels"];
  const fleet = (urn: string): unknown[] => [
    { label: "stackfleet:project", value: "fleet" }, { label: "stackfleet:stack", value: "dev" }, { label: "stackfleet:urn-hash", value: hash(urn) },
  ];

  it("labels networks, volumes and containers, and no images, which have none", async () => {
    const ran = await tagged(() => {
      new docker.Network("net");
      new docker.Volume("data");
      new docker.Container("main", { image: "x" });
      new docker.RemoteImage("image", { name: "x" });
    });
    expect(labelsOf(ran, "net")).toEqual(fleet(urnOf("network:Network", "net")));
    expect(labelsOf(ran, "data")).toEqual(fleet(urnOf("volume:Volume", "data")));
    expect(labelsOf(ran, "main")).toEqual(fleet(urnOf("container:Container", "main")));
    expect(ran.named("image").inputs).not.toHaveProperty("labels");
  });

  it("lets the program's own labels win, except the hash, whether plain or an output", async () => {
    const own = [{ label: "stackfleet:stack", value: "mine" }, { label: "tier", value: "1" }, { label: "stackfleet:urn-hash", value: "forged" }];
    const expected = [
      { label: "stackfleet:project", value: "fleet" }, { label: "stackfleet:urn-hash", value: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      { label: "stackfleet:stack", value: "mine" }, { label: "tier", value: "1" },
    ];
    const ran = await tagged(() => {
      new docker.Volume("plain", { labels: own });
      new docker.Volume("output", { labels: pulumi.output(own) });
    });
    expect(labelsOf(ran, "plain")).toEqual(expected);
    expect(labelsOf(ran, "output")).toEqual(expected);
  });

  it("leaves alone what is looked up", async () => {
    const ran = await tagged(() => { docker.Volume.get("there", "its-name"); });
    expect(ran.created.filter(({ name }) => name === "there").every(({ inputs }) => inputs["labels"] === undefined)).toBe(true);
  });
});
