import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { awsPackage } from "../../../local/aws/index";
import type { ResourceRecord } from "../../../local/model";
import { FakeCloud, HOME, refusal } from "./fake";

const VPC = "aws:ec2/vpc:Vpc";
const CONNECTION = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection";
const ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter";
const TABLE = "aws:ec2/routeTable:RouteTable";
const ROUTE = "aws:ec2/route:Route";
const ZONE = "aws:route53/zone:Zone";
const ZONE_ASSOCIATION = "aws:route53/zoneAssociation:ZoneAssociation";
const DATABASE = { region: "eu-west-1", account: "999999999999" };

describe("a peering with another account's VPC", () => {
  let cloud: FakeCloud;
  let vpc: ResourceRecord;
  let connection: ResourceRecord;
  beforeEach(async () => {
    cloud = new FakeCloud();
    vpc = await cloud.create(VPC, { cidrBlock: "10.0.0.0/16", enableDnsHostnames: true });
    const theirs = await cloud.create(VPC, { cidrBlock: "10.128.0.0/19" }, DATABASE);
    connection = await cloud.create(CONNECTION, { vpcId: theirs.id, peerVpcId: vpc.id, peerOwnerId: HOME.account, peerRegion: HOME.region }, DATABASE);
  });
  afterEach(async () => cloud.close());

  const accept = async (options = {}) => cloud.create(ACCEPTER, { vpcPeeringConnectionId: connection.id, autoAccept: true }, options);
  const route = async (vpcId = vpc.id) => {
    const table = await cloud.create(TABLE, { vpcId });
    return cloud.create(ROUTE, { routeTableId: table.id, destinationCidrBlock: "10.128.0.0/19", vpcPeeringConnectionId: connection.id });
  };

  it("waits for its acceptance, which is known in the accepter's region and account only", async () => {
    expect(connection.outputs["acceptStatus"]).toBe("pending-acceptance");
    for (const elsewhere of [{ region: "eu-west-1" }, DATABASE, { account: "111111111111" }]) expect(await refusal(() => accept(elsewhere))).toBe("InvalidVpcPeeringConnectionID.NotFound");
    const accepted = await accept();
    expect(accepted.outputs).toMatchObject({ acceptStatus: "active", vpcId: vpc.id, peerRegion: DATABASE.region, peerOwnerId: DATABASE.account });
    expect(cloud.store.get(CONNECTION, connection.id)?.outputs["acceptStatus"]).toBe("active");
  });

  it("can't be accepted any more once it was rejected or has expired; a refresh sees that it is gone", async () => {
    const accepted = await accept();
    for (const status of ["rejected", "expired", "failed"]) {
      cloud.store.patch(connection.key, { acceptStatus: status });
      expect(await refusal(() => accept())).toBe("InvalidStateTransition");
      expect(await cloud.model(ACCEPTER).read?.(accepted, cloud)).toBeUndefined();
    }
  });

  it("carries routes of its own two VPCs, once it is active", async () => {
    expect(await refusal(() => route())).toBe("InvalidStateTransition");
    await accept();
    expect((await route()).status).toBe("available");
    const other = await cloud.create(VPC, { cidrBlock: "10.1.0.0/16" });
    expect(await refusal(() => route(other.id))).toBe("InvalidParameterValue");
  });

  it("fails between blocks that overlap, and with a VPC that is not there", async () => {
    const overlapping = await cloud.create(VPC, { cidrBlock: "10.0.128.0/19" }, DATABASE);
    const request = (inputs: object) => refusal(() => cloud.create(CONNECTION, { vpcId: overlapping.id, peerVpcId: vpc.id, peerOwnerId: HOME.account, peerRegion: HOME.region, ...inputs }, DATABASE));
    expect(await request({})).toBe("InvalidVpcPeeringConnectionState");
    expect(await request({ peerVpcId: "vpc-0000" })).toBe("InvalidVpcPeeringConnectionState");
  });

  it("accepts itself only within one account and region", async () => {
    const [one, other] = await Promise.all(["10.2.0.0/16", "10.3.0.0/16"].map((cidrBlock) => cloud.create(VPC, { cidrBlock })));
    const inside = await cloud.create(CONNECTION, { vpcId: one?.id ?? "", peerVpcId: other?.id ?? "", autoAccept: true });
    expect(inside.outputs["acceptStatus"]).toBe("active");
    const far = await cloud.create(VPC, { cidrBlock: "10.4.0.0/16" }, { region: "us-east-1" });
    expect(await refusal(() => cloud.create(CONNECTION, { vpcId: one?.id ?? "", peerVpcId: far.id, peerRegion: "us-east-1", autoAccept: true }))).toBe("InvalidParameterValue");
  });

  it("lets a VPC into a private zone that its owner opened for it, once", async () => {
    const zone = cloud.register({ type: ZONE, id: "Z1", ...DATABASE, outputs: { authorizedVpcs: [] } });
    const associate = (inputs: object = {}) => cloud.create(ZONE_ASSOCIATION, { zoneId: zone.id, vpcId: vpc.id, ...inputs });
    expect(await refusal(() => associate())).toBe("NotAuthorizedException");
    expect(await refusal(() => associate({ zoneId: "Z2" }))).toBe("NoSuchHostedZone");
    expect(await refusal(() => associate({ vpcRegion: "eu-west-1" }))).toBe("InvalidVpcID.NotFound");
    cloud.store.patch(zone.key, { authorizedVpcs: [vpc.id] });
    const made = await associate();
    expect(made.id).toBe(`Z1:${vpc.id}`);
    expect(await refusal(() => associate())).toBe("ConflictingDomainExists");
    await cloud.delete(made);
    expect(await refusal(() => associate())).toBe("no error");
  });
});

describe("instances and the commands that are run on them", () => {
  let cloud: FakeCloud;
  let subnet: ResourceRecord;
  beforeEach(async () => {
    cloud = new FakeCloud();
    const vpc = await cloud.create(VPC, { cidrBlock: "10.0.0.0/16" });
    subnet = await cloud.create("aws:ec2/subnet:Subnet", { vpcId: vpc.id, cidrBlock: "10.0.0.0/28" });
  });
  afterEach(async () => cloud.close());

  const launch = async (inputs: object = {}) => cloud.create("aws:ec2/instance:Instance", { ami: "ami-0123456789abcdef0", instanceType: "t3.small", subnetId: subnet.id, ...inputs });
  const run = (ids: readonly string[], over: object = {}) => cloud.begin("aws:ssm/association:Association", { name: "AWS-RunShellScript", targets: [{ key: "InstanceIds", values: [...ids] }], waitForSuccessTimeoutSeconds: 300, ...over });

  it("run in their subnet with addresses of it, as many as it has", async () => {
    const ips: unknown[] = [];
    for (let n = 0; n < 11; n += 1) ips.push((await launch()).outputs["privateIp"]);
    expect(new Set(ips).size).toBe(11);
    expect([ips[0], ips[10]]).toEqual(["10.0.0.4", "10.0.0.14"]);
    expect(await refusal(() => launch())).toBe("InsufficientFreeAddressesInSubnet");
  });

  it("are refused with what doesn't exist", async () => {
    expect(await refusal(() => launch({ ami: "ubuntu" }))).toBe("InvalidAMIID.Malformed");
    expect(await refusal(() => launch({ instanceType: "large" }))).toBe("InvalidParameterValue");
    expect(await refusal(() => launch({ subnetId: "subnet-0" }))).toBe("InvalidSubnetID.NotFound");
    expect(await refusal(() => launch({ vpcSecurityGroupIds: ["sg-0"] }))).toBe("InvalidGroup.NotFound");
    expect(await refusal(() => launch({ iamInstanceProfile: "nobody" }))).toBe("InvalidParameterValue");
    expect(await refusal(() => run([], { name: "AWS-Unknown" }))).toBe("InvalidDocument");
    expect(await refusal(() => run([], { targets: [{ key: "tag:Name", values: ["x"] }] }))).toBe("InvalidTarget");
  });

  it("answer commands when their role lets the agent in, and else the wait ends with who is silent", async () => {
    const role = await cloud.create("aws:iam/role:Role", { name: "client", assumeRolePolicy: '{"Version":"2012-10-17","Statement":[]}' });
    const profile = await cloud.create("aws:iam/instanceProfile:InstanceProfile", { name: "client", role: role.id });
    const machine = await launch({ iamInstanceProfile: profile.id });
    const refused = refusal(async () => run([machine.id]).settled);
    await cloud.clock.advance(301);
    expect(await refused).toBe("Timeout");
    await cloud.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { role: role.id, policyArn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" });
    const { settled } = run([machine.id]);
    await cloud.clock.advance(90);
    expect((await settled).status).toBe("available");
  });
});

describe("parameters of Systems Manager", () => {
  it("tell the current public images, and nothing of those that don't exist", async () => {
    const cloud = new FakeCloud();
    const scope = cloud.scope("aws:ssm/getParameter:getParameter");
    const getParameter = awsPackage.functions?.find(({ token }) => token === "aws:ssm/getParameter:getParameter");
    const ask = async (name: string) => getParameter?.invoke({ name }, scope, cloud);
    expect(await ask("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")).toMatchObject({ value: expect.stringMatching(/^ami-[0-9a-f]{17}$/) });
    await expect(ask("/my/own")).rejects.toThrow(/\/my\/own/);
    await cloud.close();
  });
});
