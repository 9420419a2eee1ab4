import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import { contains, dotted, overlaps, parseCidr } from "../../../local/aws/cidr";
import type { ResourceRecord } from "../../../local/model";
import { FakeCloud, refusal } from "./fake";

const VPC = "aws:ec2/vpc:Vpc";
const SUBNET = "aws:ec2/subnet:Subnet";
const IGW = "aws:ec2/internetGateway:InternetGateway";
const TABLE = "aws:ec2/routeTable:RouteTable";
const LINK = "aws:ec2/routeTableAssociation:RouteTableAssociation";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

describe("the network models", () => {
  let cloud: FakeCloud;
  let vpc: ResourceRecord;
  beforeEach(async () => {
    cloud = new FakeCloud();
    vpc = await cloud.create(VPC, { cidrBlock: "10.0.0.0/16", enableDnsHostnames: true, tags: { Name: "main" } });
  });
  afterEach(async () => cloud.close());

  it("hands back ids, ARNs and defaults in their real forms", async () => {
    expect(vpc.id).toMatch(/^vpc-[0-9a-f]{17}$/);
    expect(vpc.arn).toBe(`arn:aws:ec2:eu-central-1:123456789012:vpc/${vpc.id}`);
    expect(vpc.outputs).toMatchObject({
      ownerId: "123456789012",
      enableDnsSupport: true,
      region: "eu-central-1",
      tagsAll: { Name: "main" },
      cidrBlock: "10.0.0.0/16",
    });
    expect(vpc.outputs["defaultSecurityGroupId"]).toMatch(/^sg-/);
    const china = await cloud.create(VPC, { cidrBlock: "10.0.0.0/16" }, { region: "cn-north-1" });
    expect(china.arn).toMatch(/^arn:aws-cn:ec2:cn-north-1:/);
    const subnet = await cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" });
    expect(subnet.outputs).toMatchObject({ availabilityZone: "eu-central-1a", availabilityZoneId: "euc1-az1", mapPublicIpOnLaunch: false });
  });

  it("refuses bad blocks, subnets outside their VPC, and subnets that overlap", async () => {
    expect(await refusal(() => cloud.create(VPC, { cidrBlock: "10.0.0.0/8" }))).toBe("InvalidVpc.Range");
    expect(await refusal(() => cloud.create(VPC, { cidrBlock: "10.0.0.1/16" }))).toBe("InvalidParameterValue");
    expect(await refusal(() => cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.1.0.0/24" }))).toBe("InvalidSubnet.Range");
    await cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" });
    expect(await refusal(() => cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.0.0.128/25" }))).toBe("InvalidSubnet.Conflict");
    expect(await refusal(() => cloud.create(SUBNET, { vpcId: "vpc-none", cidrBlock: "10.0.0.0/24" }))).toBe("InvalidVpcID.NotFound");
    expect(await refusal(() => cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.0.9.0/24", availabilityZone: "eu-west-1a" }))).toBe(
      "InvalidParameterValue",
    );
    // The same block in another VPC is no conflict.
    const other = await cloud.create(VPC, { cidrBlock: "10.0.0.0/16" });
    expect(await refusal(() => cloud.create(SUBNET, { vpcId: other.id, cidrBlock: "10.0.0.0/24" }))).toBe("no error");
  });

  it("refuses unknown regions, and regions that the account has not enabled", async () => {
    expect(await refusal(() => cloud.create(VPC, { cidrBlock: "10.0.0.0/16" }, { region: "eu-nowhere-1" }))).toBe("InvalidEndpoint");
    expect(await refusal(() => cloud.create(VPC, { cidrBlock: "10.0.0.0/16" }, { region: "af-south-1" }))).toBe("OptInRequired");
    process.env["STACKFLEET_LOCAL_OPT_IN_REGIONS"] = "af-south-1";
    try {
      expect(await refusal(() => cloud.create(VPC, { cidrBlock: "10.0.0.0/16" }, { region: "af-south-1" }))).toBe("no error");
    } finally {
      delete process.env["STACKFLEET_LOCAL_OPT_IN_REGIONS"];
    }
  });

  // vpc ← igw, subnet, table ← association; each holds what stands before it.
  it("deletes a network from its leaves only", async () => {
    const gateway = await cloud.create(IGW, { vpcId: vpc.id });
    const subnet = await cloud.create(SUBNET, { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" });
    const table = await cloud.create(TABLE, { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }] });
    const link = await cloud.create(LINK, { routeTableId: table.id, subnetId: subnet.id });
    expect(await refusal(() => cloud.create(LINK, { routeTableId: table.id, subnetId: subnet.id }))).toBe("Resource.AlreadyAssociated");
    expect(await refusal(() => cloud.create(IGW, { vpcId: vpc.id }))).toBe("InvalidParameterValue");
    expect(await refusal(() => cloud.delete(vpc))).toBe("DependencyViolation");
    expect(await refusal(() => cloud.delete(table))).toBe("DependencyViolation");
    for (const record of [link, table, subnet, gateway, vpc]) await cloud.delete(record);
    expect(cloud.store.all()).toEqual([]);
  });

  it("refuses a route to a gateway of another network", async () => {
    const other = await cloud.create(VPC, { cidrBlock: "10.9.0.0/16" });
    const gateway = await cloud.create(IGW, { vpcId: other.id });
    expect(await refusal(() => cloud.create(TABLE, { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }] }))).toBe(
      "InvalidParameterValue",
    );
    expect(await refusal(() => cloud.create(TABLE, { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: "igw-none" }] }))).toBe(
      "InvalidGatewayID.NotFound",
    );
  });

  it("keeps names of security groups unique in a VPC, and groups that are referred to", async () => {
    const group = await cloud.create(GROUP, {
      vpcId: vpc.id,
      name: "web",
      egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
    });
    expect(group.outputs).toMatchObject({ description: "Managed by Pulumi", ingress: [] });
    expect(await refusal(() => cloud.create(GROUP, { vpcId: vpc.id, name: "web" }))).toBe("InvalidGroup.Duplicate");
    const client = await cloud.create(GROUP, { vpcId: vpc.id, name: "client" });
    const rule = { securityGroupId: group.id, ipProtocol: "tcp", fromPort: 8080, toPort: 8080, referencedSecurityGroupId: client.id };
    const created = await cloud.create(INGRESS, rule);
    expect(created.outputs["securityGroupRuleId"]).toMatch(/^sgr-/);
    expect(await refusal(() => cloud.create(INGRESS, rule))).toBe("InvalidPermission.Duplicate");
    expect(await refusal(() => cloud.create(INGRESS, { ...rule, cidrIpv4: "10.0.0.0/8" }))).toBe("InvalidParameterCombination");
    expect(await refusal(() => cloud.delete(client))).toBe("DependencyViolation");
    await cloud.delete(created);
    expect(await refusal(() => cloud.delete(client))).toBe("no error");
  });

  it("refuses arguments that are not modelled", () => {
    const parsed = cloud.model(VPC).args.safeParse({ cidrBlock: "10.0.0.0/16", ipv6CidrBlock: "2001:db8::/56" });
    expect(parsed.success).toBe(false);
    expect(cloud.model(VPC).check?.({ cidrBlock: "10.0.0.0/16", region: "us-east-1" }, { region: "eu-west-1", account: "1" })).toHaveLength(
      1,
    );
  });

  it("removes an argument that the program no longer gives", async () => {
    const updated = await cloud.update(vpc, { cidrBlock: "10.0.0.0/16" });
    expect(updated.outputs).toMatchObject({ tags: null, tagsAll: {}, enableDnsHostnames: false });
  });
});

describe("CIDR blocks", () => {
  const block = fc.tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 32 })).map(([address, prefix]) => {
    const size = 2 ** (32 - prefix);
    return `${dotted(Math.floor(address / size) * size)}/${prefix}`;
  });

  it("are read back as they are written, contain themselves, and overlap what they contain", () => {
    fc.assert(
      fc.property(block, block, (left, right) => {
        const [a, b] = [parseCidr(left), parseCidr(right)];
        if (!a || !b) throw new Error(`${left} or ${right} was not read`);
        expect(`${dotted(a.first)}/${a.prefix}`).toBe(left);
        expect(contains(a, a)).toBe(true);
        expect(overlaps(a, b)).toBe(overlaps(b, a));
        // Aligned blocks either nest or are apart.
        expect(overlaps(a, b)).toBe(contains(a, b) || contains(b, a));
      }),
    );
  });

  it.each(["10.0.0.0", "10.0.0.0/33", "256.0.0.0/8", "10.0.0.1/24", "a.b.c.d/8"])("%s is none", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
